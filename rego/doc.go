// Package rego holds the guidelines as Rego, embedded. It knows nothing else.
//
// A rule is a folder, rego/SECTION/NAME (lower case, underscores), with
//
//	rule.rego        the rule, package countersign.rules.SECTION.NAME, at most 120 lines
//	rule_test.rego   its tests, package countersign.rules.SECTION.NAME_test
//	good/*.yaml      manifests on which it is silent
//	bad/*.yaml       manifests on which it speaks; "# want: KIND/NAME PATH" lines at the
//	                 top say where, one line a finding
//
// For a change rule an example is a folder with base.yaml and head.yaml (either
// may be missing), and "# want: KIND/NAME" lines in the file that exists at the head.
//
// The package's METADATA annotation (scope: package) is the rule's identity:
// title, description, schemas (input: schema.object, schema.change or
// schema.fleet), and custom: id, kind (finding, privilege, harmless), scope
// (object, change, fleet), severity, guideline (anchor, as
// "limit-access/ssh-access"), kinds (list of "group/Kind"; "*" matches any part,
// "core" is the empty group; absent: every kind), providers, remediation,
// params (name: default), since, waivable. Unknown keys do not load.
//
// A rule of kind finding defines the set "findings", the others the set
// "reasons". A member is an object with
//
//	path        list of keys and indices in the object; for an absent field the field to set
//	absent      optional, true when the field at path does not exist
//	message     one sentence, lower-case names as written, no full stop
//	severity    optional, to lower or raise the rule's
//	confidence  optional: "conditional" or "unknown" ("unknown" becomes outcome unknown
//	            and one CS-GEN-003 for the object, never an accusation)
//	evidence    optional, the value that is objected to
//	measure     optional, a set of strings or a number that may grow
//	object      fleet rules: {group, kind, namespace, name, destination}
//	related     optional list of {group, kind, namespace, name}
//	clusters    optional list of "namespace/name"
//
// and nothing else. For reasons, path and absent are optional.
//
// # Input input/v1
//
// Every field is always present; what does not apply is null, "" or empty.
//
// object (one resource at a time):
//
//	{"schema": "input/v1",
//	 "resource": {"group", "version", "kind", "namespace", "name", "destination", "root",
//	   "generated": bool, "opaque": "", "local": bool,
//	   "object": {…}        as rendered, secrets masked, ${X:=default} applied,
//	   "masked": [{"path": […], "class": "empty|placeholder|sops|ca-cert|private-key|kubeconfig|token|literal"}],
//	   "nested": [{"path": […], "encoding": "", "name": "", "documents": […], "text": ""}],
//	   "placeholders": [{"path": […], "symbol": "NAME"}]},
//	 "clusters": [{"namespace", "name", "environment", "role", "labels": {}, "externally_managed": bool}],
//	 "class_writes": [{"path": […], "op", "class", "patch", "conditional": bool}],
//	 "links": [{"path": […], "role", "found": "destination|tree|missing", "group", "kind", "namespace", "name", "object": {…}|null}],
//	 "used_by": [{"group", "kind", "namespace", "name"}],
//	 "params": {"CS-…": {"name": value}}}
//
// change (one change at a time):
//
//	{"schema": "input/v1",
//	 "change": {"action": "create|update|delete|move", "group", "kind", "namespace", "name",
//	   "version_before", "version_after", "destination", "from", "generated": bool, "opaque": "",
//	   "renamed_from": null | {"group", "kind", "namespace", "name"},
//	   "before": {…}|null, "after": {…}|null,
//	   "fields": [{"path": […], "before", "after", "before_absent": bool, "after_absent": bool}],
//	   "masked_before": […], "masked_after": […], "nested_before": […], "nested_after": […]},
//	 "clusters": […], "referenced_by": [{"group", "kind", "namespace", "name", "role"}],
//	 "namespace_role": "provider|system|gitops|", "failing": ["CS-…"], "related": [link …], "params": {…}}
//
// fleet (the changed clusters and what they share):
//
//	{"schema": "input/v1",
//	 "clusters": [{cluster…, "destination", "root", "object": {…id}, "provider", "changed": bool, "new": bool, "replicas": n}],
//	 "shares": [{"what": "network|identity|account|ca", "key": "",
//	   "members": [{"cluster": {…}, "destination", "object": {…id}, "path": […], "changed": bool}]}],
//	 "totals": {"clusters", "clusters_added", "clusters_deleted", "nodes_added", "nodes_unknown"},
//	 "limits": {"clusters": n|null, "nodes_added": n|null, "deletions": n|null},
//	 "anchor": null | member, "params": {…}}
//
// Links with an empty path are not written in the object: role
// "cluster-infrastructure" is the infrastructure object of each cluster that a
// machine or machine template belongs to (the provider takes defaults from it).
//
// A field in class_writes need not concern a rule: the engine makes a finding
// at a path that a class patch writes conditional, and drops a finding about an
// absent field that a patch always sets.
//
// # What is no manifest
//
// Facts about the review that no manifest holds come to the same entry points
// as objects of group countersign.dev, version v1, made by Go; a manifest that
// claims this group never reaches a rule under it. Scope object:
//
//	Notice     spec: {"cause": "hostile|limit|unreadable|…", "message", "file", "line"}: an oddity that a person must see
//	Duplicate  spec: {"object": {group, kind, namespace, name, destination}, "roots": […], "files": […]}: one object twice
//	Config     spec: {"mistakes": [{"message", "line"}]}: the config as it would be after merging
//
// Scope change:
//
//	File  before, after spec: {"path", "mode": "file|executable|symlink|submodule", "governed": bool, "protected": bool,
//	      "ignored": bool, "read_by": [root …]}: a file that differs
//	Root  before, after spec: {"path", "status": "built|failed|unsupported", "listed": bool, "cause", "message"}: a root
//	      that cannot be rendered on a side and is judged by its files; listed says that the config names it as opaque
package rego
