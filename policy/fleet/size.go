package fleet

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/countersign-dev/countersign/policy/fleet/field"
	"github.com/countersign-dev/countersign/policy/fleet/reference"
)

// maxNodes bounds what one pool counts for, so that sums stay sums.
const maxNodes = 1_000_000

// size returns how many nodes a cluster asks for, autoscaler maxima included,
// and what stands for a number in the pools that nobody can count.
func size(c *cluster, p parts) (nodes int, unknown []string) {
	add := func(n int, known bool, symbol string) {
		if nodes += n; !known {
			unknown = append(unknown, symbol)
		}
	}
	if topology := field.At(c.node.object, "spec", "topology"); topology != nil {
		if p.controlPlane == nil || !hosted(p.controlPlane) {
			add(count(field.At(topology, "controlPlane", "replicas"), 1))
		}
		for _, list := range []string{"machineDeployments", "machinePools"} {
			for _, pool := range field.List(topology, "workers", list) {
				add(poolSize(pool, field.At(pool, "replicas")))
			}
		}
	} else if p.controlPlane != nil && !hosted(p.controlPlane) {
		add(count(field.At(p.controlPlane.object, "spec", "replicas"), 1))
	}
	for _, n := range c.members {
		switch {
		case n.spot.Group != reference.GroupCluster:
		case n.spot.Kind == "Machine":
			add(1, true, "")
		case n.spot.Kind == "MachineDeployment" || n.spot.Kind == "MachinePool" || n.spot.Kind == "MachineSet":
			add(poolSize(n.object, field.At(n.object, "spec", "replicas")))
		}
	}
	return nodes, unknown
}

// hosted reports whether a control plane has no nodes of the cluster.
func hosted(controlPlane *node) bool {
	kind := controlPlane.spot.Kind
	for _, part := range []string{"Managed", "ROSA", "Kamaji", "Hosted", "K0smotron", "VCluster"} {
		if strings.Contains(kind, part) {
			return true
		}
	}
	return false
}

// poolSize counts a pool: the autoscaler's maximum where one is set.
func poolSize(pool, replicas any) (n int, known bool, symbol string) {
	if most := field.Text(pool, "metadata", "annotations", reference.AnnotationMaxSize); most != "" {
		return count(json.Number(most), 0)
	}
	return count(replicas, 1)
}

// count reads a number of nodes; known is false for what is none, and symbol
// is then what stands there.
func count(value any, absent int) (n int, known bool, symbol string) {
	if value == nil {
		return absent, true, ""
	}
	number, isNumber := value.(json.Number)
	if n, err := strconv.Atoi(number.String()); isNumber && err == nil {
		return min(max(n, 0), maxNodes), true, ""
	}
	return 0, false, fmt.Sprint(value)
}
