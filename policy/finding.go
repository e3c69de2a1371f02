package policy

import (
	"slices"

	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/ratchet"
	"github.com/countersign-dev/countersign/render"
)

// finding writes a hit as people and programs read it.
func (j *judge) finding(h ratchet.Hit, state State, s *side) Finding {
	rule, _ := j.assessor.Rules.Rule(h.Rule)
	at := place{h.Destination, h.Object}
	f := Finding{
		Rule: h.Rule, Title: rule.Title, Severity: j.severity(rule, h.Hit), State: state, Confidence: h.Confidence,
		Object: Object{
			Group:     h.Object.Group,
			Kind:      h.Object.Kind,
			Namespace: h.Object.Namespace,
			Name:      h.Object.Name,
		},
		Destination: h.Destination, Clusters: slices.Clone(h.Clusters), Path: h.Path.String(), Field: "present",
		Message: h.Message, Remediation: rule.Remediation, Guideline: rule.Guideline,
		Roots: slices.Compact(slices.Sorted(slices.Values(s.roots[at]))), Fingerprint: h.Fingerprint,
	}
	if h.Absent {
		f.Field = "absent"
	}
	f.Effect = j.effect(rule, f.Severity)
	if len(f.Clusters) > 0 {
		f.Cluster = f.Clusters[0]
	}
	if r := s.resources[at]; r != nil {
		f.Object, f.Source = object(r), r.Locate(h.Path)
	}
	for _, related := range h.Related {
		f.Related = append(f.Related, Object{Group: related.Group, Kind: related.Kind,
			Namespace: related.Namespace, Name: related.Name})
	}
	return f
}

// severity is the config's word, else the hit's.
func (j *judge) severity(rule engine.Rule, h engine.Hit) engine.Severity {
	if set := j.config.Rules[string(rule.ID)].Severity; set != "" {
		return engine.Severity(set)
	}
	return h.Severity
}

// effect is the config's word, else the rule's, which follows a hit's
// severity where that differs from the rule's.
func (j *judge) effect(rule engine.Rule, severity engine.Severity) engine.Effect {
	if set := j.config.Rules[string(rule.ID)].Effect; set != "" {
		return engine.Effect(set)
	}
	if severity == rule.Severity {
		return rule.Effect
	}
	switch severity {
	case engine.Critical, engine.High:
		return engine.Block
	case engine.Medium:
		return engine.Warn
	}
	return engine.Info
}

// object names a resource for people.
func object(r *render.Resource) Object {
	namespace := r.RenderedNamespace
	if namespace == "" {
		namespace = r.Namespace
	}
	return Object{Group: r.Group, Version: r.Version, Kind: r.Kind, Namespace: namespace, Name: r.Name}
}

func objectKey(o Object) string {
	return o.Group + "/" + o.Kind + " " + o.Namespace + "/" + o.Name
}
