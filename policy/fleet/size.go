package fleet

import (
	"encoding/json"
	"strconv"
	"strings"
)

// maxNodes bounds what one pool counts for, so that sums stay sums.
const maxNodes = 1_000_000

// size returns how many nodes a cluster asks for, autoscaler maxima included,
// and how many of its pools nobody can count because a placeholder decides.
func size(c *cluster, p parts) (nodes, unknown int) {
	add := func(n int, known bool) {
		if known {
			nodes += n
		} else {
			unknown++
		}
	}
	if topology := at(c.node.object, "spec", "topology"); topology != nil {
		if p.controlPlane == nil || !hosted(p.controlPlane) {
			add(count(at(topology, "controlPlane", "replicas"), 1))
		}
		for _, list := range []string{"machineDeployments", "machinePools"} {
			for _, pool := range listAt(topology, "workers", list) {
				add(poolSize(pool, at(pool, "replicas")))
			}
		}
	} else if p.controlPlane != nil && !hosted(p.controlPlane) {
		add(count(at(p.controlPlane.object, "spec", "replicas"), 1))
	}
	for _, n := range c.members {
		switch {
		case n.spot.Group != groupCluster:
		case n.spot.Kind == "Machine":
			add(1, true)
		case n.spot.Kind == "MachineDeployment" || n.spot.Kind == "MachinePool" || n.spot.Kind == "MachineSet":
			add(poolSize(n.object, at(n.object, "spec", "replicas")))
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
func poolSize(pool, replicas any) (int, bool) {
	if most := textAt(pool, "metadata", "annotations", annotationMaxSize); most != "" {
		return count(json.Number(most), 0)
	}
	return count(replicas, 1)
}

// count reads a number of nodes; known is false for what is none.
func count(value any, absent int) (n int, known bool) {
	switch value := value.(type) {
	case nil:
		return absent, true
	case json.Number:
		n, err := strconv.Atoi(value.String())
		return min(max(n, 0), maxNodes), err == nil
	}
	return 0, false
}
