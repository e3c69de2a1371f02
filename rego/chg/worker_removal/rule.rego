# METADATA
# scope: package
# title: Removing workers
# description: |
#   Pools and machines that go, shrink, or shrink at the will of an autoscaler,
#   and a change of which machines go first. What runs on them has to go
#   elsewhere, and what is only there is lost.
# schemas:
#   - input: schema.change
# custom:
#   id: CS-CHG-007
#   kind: privilege
#   scope: change
#   severity: critical
#   guideline: second-pair-of-eyes
#   kinds: [cluster.x-k8s.io/*, infrastructure.cluster.x-k8s.io/*]
#   providers: [all]
#   remediation: have two people approve who did not contribute to the change
#   since: 0.1.0
package countersign.rules.chg.worker_removal

import data.countersign.lib.change
import data.countersign.lib.field
import data.countersign.lib.pools

pool if input.change.kind in {"MachineDeployment", "MachinePool", "MachineSet", "Machine"}

pool if regex.match(`MachinePool$`, input.change.kind)

reasons contains {
	"message": sprintf("deletes %s and %s", [change.named, lost]),
	"severity": "critical",
} if {
	input.change.action == "delete"
	pool
	not change.kept(change.before)
}

lost := "the machine" if input.change.kind == "Machine"

lost := "every machine of it" if input.change.kind != "Machine"

reasons contains {
	"message": sprintf("%s goes from Git and lives on: nobody looks after its machines", [change.named]),
	"severity": "high",
} if {
	input.change.action == "delete"
	pool
	change.kept(change.before)
}

reasons contains {
	"message": sprintf("deletes the pool %s of %s and every machine of it", [field.word(name), change.named]),
	"severity": "critical",
} if {
	change.stays
	some name, _ in pools.topology(change.before)
	not name in object.keys(pools.topology(change.after))
}

reasons contains {
	"message": sprintf("%s %s of %s", [step.words, change.turns(step.before, step.after), change.named]),
	"severity": severity(step),
} if {
	some step in pools.steps
	shrinks(step)
	not gone_with_pool(step)
}

shrinks(step) if pools.less(step)

# Nobody knows what a placeholder makes of it.
shrinks(step) if {
	not pools.counted(step)
	not null in {step.before, step.after}
}

gone_with_pool(step) if {
	step.pool in object.keys(pools.topology(change.before))
	not step.pool in object.keys(pools.topology(change.after))
}

severity(step) := "critical" if {
	pools.number(step.after) == 0
	step.counts == "machines"
} else := "high"

orders := [
	["spec", "strategy", "rollingUpdate", "deletePolicy"], ["spec", "deletePolicy"], ["spec", "deletion", "order"],
	["spec", "rollout", "strategy", "rollingUpdate", "deletePolicy"],
]

reasons contains {
	"path": path,
	"message": sprintf("which machines of %s go first: %s", [
		change.named, change.turns(change.was(path), change.now(path)),
	]),
	"severity": "medium",
} if {
	change.stays
	some path in orders
	change.was(path) != change.now(path)
}
