package fleet

import (
	"strings"

	"github.com/countersign-dev/countersign/policy/fleet/field"
	"github.com/countersign-dev/countersign/policy/fleet/pool"
	"github.com/countersign-dev/countersign/policy/fleet/reference"
)

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
			add(pool.Count(field.At(topology, "controlPlane", "replicas"), 1))
		}
		for _, list := range []string{"machineDeployments", "machinePools"} {
			for _, workers := range field.List(topology, "workers", list) {
				add(pool.Size(workers, field.At(workers, "replicas")))
			}
		}
	} else if p.controlPlane != nil && !hosted(p.controlPlane) {
		add(pool.Count(field.At(p.controlPlane.object, "spec", "replicas"), 1))
	}
	for _, n := range c.members {
		switch {
		case n.spot.Group != reference.GroupCluster:
		case n.spot.Kind == "Machine":
			add(1, true, "")
		case n.spot.Kind == "MachineDeployment" || n.spot.Kind == "MachinePool" || n.spot.Kind == "MachineSet":
			add(pool.Size(n.object, field.At(n.object, "spec", "replicas")))
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
