package fleet

import (
	"cmp"
	"encoding/json"
	"strings"

	"github.com/countersign-dev/countersign/policy/fleet/field"
	"github.com/countersign-dev/countersign/policy/fleet/symbol"
	"github.com/countersign-dev/countersign/render"
)

// What clusters can share.
const (
	ShareNetwork  = "network"
	ShareIdentity = "identity"
	ShareAccount  = "account"
	ShareCA       = "ca"
)

// use is a cluster's use of a thing that others may use as well.
type use struct {
	what string
	// key is equal for the same thing; one with a placeholder means the same
	// only within a destination.
	key string
	// words name the thing for people.
	words string
	// within is the key of what the thing is a part of; "" when of nothing.
	within string
	node   *node
	path   render.Path
}

// newUse makes a use whose key is its words.
func newUse(n *node, what, words string, path render.Path) use {
	u := use{what: what, key: words, words: words, node: n, path: path}
	if symbol.Holds(words) {
		u.key += "\x00" + n.spot.destination
	}
	return u
}

// base returns the path of the fields of an object: its spec, or that of what
// it is a template of.
func base(n *node) []string {
	if strings.HasSuffix(n.spot.Kind, "Template") {
		return []string{"spec", "template", "spec"}
	}
	return []string{"spec"}
}

// below returns the part of a node's object below a chain of keys.
func (n *node) below(chain []string) any {
	return field.At(n.object, chain...)
}

// provider returns the cloud that a kind of infrastructure belongs to; "" when
// it is not known.
func provider(kind string) string {
	for _, known := range [][2]string{
		{"AWS", "aws"}, {"ROSA", "aws"}, {"Azure", "azure"}, {"GCP", "gcp"}, {"OpenStack", "openstack"},
		{"VSphere", "vsphere"}, {"Hetzner", "hetzner"}, {"HCloud", "hetzner"}, {"CloudStack", "cloudstack"},
		{"Metal3", "metal3"}, {"Docker", "docker"}, {"Dev", "docker"}, {"Nutanix", "nutanix"}, {"OCI", "oci"},
		{"IBM", "ibm"}, {"Packet", "packet"}, {"Proxmox", "proxmox"}, {"Kubevirt", "kubevirt"},
		{"Linode", "linode"}, {"DO", "digitalocean"}, {"Tinkerbell", "tinkerbell"},
	} {
		if strings.HasPrefix(kind, known[0]) {
			return known[1]
		}
	}
	return ""
}

// networks returns the networks that an infrastructure object or a managed
// control plane names. A network that the provider makes for the cluster is
// not one of them.
func networks(n *node, account string) []use {
	switch provider(n.spot.Kind) {
	case "aws":
		return awsNetworks(n)
	case "azure":
		return azureNetworks(n)
	case "gcp":
		return gcpNetworks(n)
	case "openstack":
		return openStackNetworks(n, account)
	case "vsphere":
		return vsphereNetworks(n, account)
	case "hetzner":
		chain := append(base(n), "hcloudNetwork", "id")
		if id := field.Text(n.object, chain...); id != "" {
			return []use{newUse(n, ShareNetwork, "Hetzner network "+id, field.Path(chain...))}
		}
	}
	return nil
}

func awsNetworks(n *node) []use {
	root := append(base(n), "network")
	network := n.below(root)
	if network == nil {
		root = append(base(n), "networkSpec")
		network = n.below(root)
	}
	var uses []use
	within := ""
	if id := field.Text(network, "vpc", "id"); id != "" {
		within = id
		uses = append(uses, newUse(n, ShareNetwork, "AWS VPC "+id, field.Path(append(root, "vpc", "id")...)))
	}
	for i, subnet := range field.List(network, "subnets") {
		// Other ids are names for subnets that the provider makes.
		if id := field.Text(subnet, "id"); strings.HasPrefix(id, "subnet-") {
			path := append(field.Path(append(root, "subnets")...), i, "id")
			u := newUse(n, ShareNetwork, "AWS subnet "+id, path)
			u.within = within
			uses = append(uses, u)
		}
	}
	return uses
}

// azureNetworks reads a VNet that is named together with its resource group.
// Without a group of its own a VNet lies in the cluster's, which only a given
// name makes common.
func azureNetworks(n *node) []use {
	chain := append(base(n), "networkSpec", "vnet")
	if n.below(chain) == nil {
		chain = append(base(n), "virtualNetwork")
	}
	vnet, own := n.below(chain), n.below(base(n))
	if id := field.Text(vnet, "id"); id != "" {
		return []use{newUse(n, ShareNetwork, "Azure VNet "+strings.ToLower(id), field.Path(append(chain, "id")...))}
	}
	name := field.Text(vnet, "name")
	group := cmp.Or(field.Text(vnet, "resourceGroup"), field.Text(own, "resourceGroup"), field.Text(own,
		"resourceGroupName"))
	if name == "" || group == "" {
		return nil
	}
	words := "Azure VNet " + group + "/" + name
	u := newUse(n, ShareNetwork, words, field.Path(append(chain, "name")...))
	u.key = strings.ToLower(u.key) + "\x00" + field.Text(own, "subscriptionID")
	return []use{u}
}

// gcpNetworks reads the network of a project; without a name it is the one
// that is called default.
func gcpNetworks(n *node) []use {
	own := n.below(base(n))
	project := cmp.Or(field.Text(own, "network", "hostProject"), field.Text(own, "project"))
	if project == "" || !strings.Contains(n.spot.Kind, "Cluster") {
		return nil
	}
	name := cmp.Or(field.Text(own, "network", "name"), "default")
	return []use{newUse(n, ShareNetwork, "GCP network "+project+"/"+name,
		field.Path(append(base(n), "network", "name")...))}
}

func openStackNetworks(n *node, cloud string) []use {
	chain := append(base(n), "network")
	network := n.below(chain)
	if id := field.Text(network, "id"); id != "" {
		return []use{newUse(n, ShareNetwork, "OpenStack network "+id, field.Path(append(chain, "id")...))}
	}
	filter, _ := field.At(network, "filter").(map[string]any)
	if name := field.Text(network, "name"); name != "" && len(filter) == 0 {
		filter, chain = map[string]any{"name": name}, append(chain, "name")
	} else {
		chain = append(chain, "filter")
	}
	if len(filter) == 0 {
		return nil
	}
	text, err := json.Marshal(filter)
	if err != nil {
		return nil
	}
	u := newUse(n, ShareNetwork, "OpenStack network "+string(text), field.Path(chain...))
	u.key += "\x00" + cloud
	return []use{u}
}

// vsphereNetworks reads the port groups of a machine template.
func vsphereNetworks(n *node, server string) []use {
	own := n.below(base(n))
	scope := cmp.Or(field.Text(own, "server"), server) + "/" + field.Text(own, "datacenter")
	var uses []use
	for i, device := range field.List(own, "network", "devices") {
		if name := field.Text(device, "networkName"); name != "" {
			path := append(field.Path(append(base(n), "network", "devices")...), i, "networkName")
			uses = append(uses, newUse(n, ShareNetwork, "vSphere network "+scope+"/"+name, path))
		}
	}
	return uses
}
