package synthetic

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

// shared is what all clusters are built from.
//
//go:embed shared
var shared embed.FS

// region is where clusters are, with what differs between regions.
type region struct{ name, provider, image string }

var regions = []region{
	{"eu-central-1", "aws", "ami-0a1b2c3d4e5f60001"},
	{"eu-west-1", "aws", "ami-0a1b2c3d4e5f60002"},
	{"us-east-1", "aws", "ami-0a1b2c3d4e5f60003"},
	{"ap-southeast-2", "aws", "ami-0a1b2c3d4e5f60004"},
	{"fra-1", "vsphere", "ubuntu-22.04-kube-v1.31.4"},
}

// Cluster returns the path of the root of cluster i, counted from 0.
func Cluster(i int) string { return "clusters/" + name(i) }

func name(i int) string { return fmt.Sprintf("%s-%d", regions[i%len(regions)].name, i/len(regions)+1) }

// Others returns how many roots beside those of the clusters a fleet has.
func Others(clusters int) int { return max(3, clusters/10) }

// Roots returns the paths of all roots on main.
func Roots(clusters int) []string {
	var roots []string
	for i := range clusters {
		roots = append(roots, Cluster(i))
	}
	for i := range Others(clusters) {
		roots = append(roots, other(i))
	}
	return roots
}

func other(i int) string {
	return fmt.Sprintf("%s/team-%d", []string{"apps", "rbac", "quotas"}[i%3], i/3+1)
}

// files are the contents of files by path; a nil value means that the path is
// gone.
type files map[string]*string

func (f files) put(path, content string) { f[path] = &content }

// everything returns main's files.
func everything(clusters int) (files, error) {
	all := files{}
	err := fs.WalkDir(shared, "shared", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := shared.ReadFile(path)
		all.put(strings.TrimPrefix(path, "shared/"), string(content))
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, r := range regions {
		all.put("regions/"+r.name+"/kustomization.yaml", r.kustomization())
	}
	for i := range clusters {
		putCluster(all, i)
	}
	for i := range Others(clusters) {
		putOther(all, i)
	}
	return all, nil
}

func (r region) kustomization() string {
	text := fmt.Sprintf(`apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
- ../../base/%s
labels:
- pairs:
    region: %s
patches:
`, r.provider, r.name)
	if r.provider == "vsphere" {
		return text + fmt.Sprintf(`- target:
    kind: VSphereMachineTemplate
  patch: |-
    - op: replace
      path: /spec/template/spec/template
      value: %s
    - op: replace
      path: /spec/template/spec/datacenter
      value: %s
`, r.image, r.name)
	}
	return text + fmt.Sprintf(`- target:
    kind: AWSMachineTemplate
  patch: |-
    - op: replace
      path: /spec/template/spec/ami/id
      value: %s
- target:
    kind: AWSCluster
  patch: |-
    - op: replace
      path: /spec/region
      value: %s
`, r.image, r.name)
}

func putCluster(all files, i int) {
	all.put(Cluster(i)+"/kustomization.yaml", overlay(i, ""))
	all.put(Cluster(i)+"/size.yaml", size(3+i%5))
	all.put(Cluster(i)+"/network.yaml", network(i))
}

// overlay is a cluster's kustomization; more are further patches.
func overlay(i int, more string) string {
	r, n := regions[i%len(regions)], name(i)
	text := fmt.Sprintf(`apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: %s
namePrefix: %s-
resources:
- ../../regions/%s
`, n, n, r.name)
	var components []string
	for k, component := range []string{"autoscaling", "spare", "observability"} {
		if i%(k+2) == 0 {
			components = append(components, "- ../../components/"+component+"\n")
		}
	}
	if len(components) > 0 {
		text += "components:\n" + strings.Join(components, "")
	}
	return text + "patches:\n- path: size.yaml\n- path: network.yaml\n" + identity(i) + more
}

func identity(i int) string {
	if regions[i%len(regions)].provider == "vsphere" {
		return fmt.Sprintf(`- target:
    kind: VSphereClusterIdentity
  patch: |-
    - op: replace
      path: /spec/allowedNamespaces/selector/matchLabels/kubernetes.io~1metadata.name
      value: %s
    - op: replace
      path: /spec/secretName
      value: %s
- target:
    kind: VSphereMachineTemplate
  patch: |-
    - op: replace
      path: /spec/template/spec/network/devices/0/networkName
      value: clusters-%s
`, name(i), name(i), name(i))
	}
	return fmt.Sprintf(`- target:
    kind: AWSClusterRoleIdentity
  patch: |-
    - op: replace
      path: /spec/roleARN
      value: arn:aws:iam::%012d:role/cluster-api
    - op: replace
      path: /spec/allowedNamespaces/list/0
      value: %s
`, 100_000_000_000+i, name(i))
}

// size is the patch with the size of a cluster's general pool.
func size(replicas int) string {
	return fmt.Sprintf(`apiVersion: cluster.x-k8s.io/v1beta1
kind: MachineDeployment
metadata:
  name: general
spec:
  replicas: %d
`, replicas)
}

func network(i int) string {
	high, low := i/16%256, i%16*16
	if regions[i%len(regions)].provider == "vsphere" {
		return fmt.Sprintf(`apiVersion: infrastructure.cluster.x-k8s.io/v1beta1
kind: VSphereCluster
metadata:
  name: main
spec:
  controlPlaneEndpoint:
    host: 10.%d.%d.10
`, high, low)
	}
	return fmt.Sprintf(`apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSCluster
metadata:
  name: main
spec:
  network:
    vpc:
      cidrBlock: 10.%d.%d.0/20
`, high, low)
}
