# METADATA
# title: Arguments of the API server
# description: |
#   The arguments that a control plane object gives to its API server, in one
#   shape for kubeadm, RKE2 and K3s.
package countersign.lib.apiserver

import data.countersign.lib.field
import data.countersign.lib.kubeadm

# distribution is who starts the API server.
distribution := "kubeadm" if input.resource.kind in {"KubeadmControlPlane", "KubeadmControlPlaneTemplate"}

distribution := "rke2" if input.resource.kind in {"RKE2ControlPlane", "RKE2ControlPlaneTemplate"}

distribution := "k3s" if input.resource.kind in {"KThreesControlPlane", "KThreesControlPlaneTemplate"}

# path is the arguments' place in the object.
path := array.concat(kubeadm.prefix, ["clusterConfiguration", "apiServer", "extraArgs"]) if distribution == "kubeadm"

path := array.concat(field.prefix, ["serverConfig", "kubeAPIServer", "extraArgs"]) if distribution == "rke2"

path := array.concat(field.prefix, ["kthreesConfigSpec", "serverConfig", "kubeAPIServerArg"]) if distribution == "k3s"

# args is name → the value that counts, as text.
args := kubeadm.args(field.at(path)) if distribution == "kubeadm"

args := kubeadm.flags(field.at(path)) if distribution in {"rke2", "k3s"}

# arg is the value that counts, "" when the argument is not given.
arg(name) := object.get(args, name, "")
