// Package rego holds the guidelines as Rego, embedded. It knows nothing else.
//
// A rule is a folder, rego/SECTION/NAME (lower case, underscores), with
//
//	rule.rego        the rule, package countersign.rules.SECTION.NAME, at most 120 lines
//	rule_test.rego   its tests, package countersign.rules.SECTION.NAME_test, which
//	                 reach at least 95 % of the rule's lines
//	good/*.yaml      manifests on which it is silent
//	bad/*.yaml       manifests on which it speaks; "# want: KIND/NAME PATH" lines at the
//	                 top say where, one line a finding; "(unknown)" or "(conditional)"
//	                 follows where it is not certain
//
// For a change rule an example is a folder with base.yaml and head.yaml (either
// may be missing), and "# want: KIND/NAME" lines in the file that exists at the
// head. A fleet rule's is such a folder, or a file: a fleet that is new; "want"
// has a path, and "# limits: {clusters: 3}" sets the config's limits. Examples
// are judged as a review would, without kustomize: secrets masked, nested
// documents unpacked, ${X:=default} applied, references among them resolved.
//
// Each id is a line of ids.txt, for ever. To start a rule: countersign rules new
// SECTION NAME; to test it: go test ./rego/ -run Rules/SECTION/NAME, or
// countersign rules test DIR. It is tested alone with the library: a broken
// rule breaks no other.
//
// The package's METADATA annotation (scope: package) is the rule's identity:
// title, description, schemas (input: schema.object, schema.change or
// schema.fleet), and custom: id, kind (finding, privilege, harmless), scope
// (object, change, fleet), severity, effect (absent: by severity; findings
// only), guideline (section and heading of the guidelines, as
// "limit-access/ssh-access"; the section alone where it has no headings), kinds (list of
// "group/Kind"; "*" stands for any run of characters, "core" is the empty
// group; absent: every kind), providers, remediation, params (name: default),
// since, waivable (absent: a finding is). Privileges and harmless rules have
// scope change; severity is a finding's, optional elsewhere; remediation is
// for all but harmless rules. Unknown keys do not load, nor does a second
// METADATA block in a rule.
//
// What loads: strict Rego v1; input typed by the schema, so that a typo in it
// is an error; parameters as input.params["CS-ABC-001"].name, typed by their
// defaults; references into data only to the rule's own package and
// countersign.lib.*, and only to what is defined there; builtins of
// policy/engine/ruleset/builtins.txt. A builtin that fails (a wrong type, a bad
// pattern) is an error of the rule on that object, never a silent false: read
// objects with object.get, and ask the type before.
//
// A rule of kind finding defines the set "findings" (findings contains {…} if
// {…}), the others the set "reasons". A member is an object with
//
//	path        list of keys and indices in the object; for an absent field the field to set
//	absent      optional, true when the field at path does not exist
//	collection  optional, true when the field at path is a collection that lacks something: a class
//	            patch that sets the field need not bring that
//	message     one sentence, lower-case names as written, no full stop, no line
//	            break, never a masked value
//	severity    optional, to lower or raise the rule's
//	confidence  optional: "certain", "conditional" or "unknown" ("unknown" becomes outcome
//	            unknown and one CS-GEN-003 for the object, never an accusation); a harmless
//	            reason is certain or an error
//	evidence    optional, the value that is objected to
//	measure     optional, a set of strings or a number that may grow
//	object      fleet rules, and only they: {group, kind, namespace, name, destination}, as
//	            the input has it
//	related     optional list or set of {group, kind, namespace, name}
//	clusters    optional list or set of "namespace/name"; absent: the input's clusters
//
// and nothing else. For reasons, path and absent are optional. A member that
// differs is an error of the rule, for that input.
//
// Library files are package countersign.lib.NAME with METADATA (title,
// description). Where one reads the input it may name a schema; without, its
// input is what any of the scopes gets.
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
//	 "links": [{"path": […], "role", "found": "destination|tree|missing",
//	   "group", "kind", "namespace", "name", "object": {…}|null}],
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
//	 "clusters": [{cluster…, "destination", "root", "object": {id…, "destination"}, "provider",
//	   "changed": bool, "new": bool, "replicas": n}],
//	 "shares": [{"what": "network|identity|account|ca", "key": "",
//	   "members": [{"cluster": {…}, "destination", "object": {id…, "destination"}, "path": […], "changed": bool}]}],
//	 "totals": {"clusters", "clusters_added", "clusters_deleted", "nodes_added", "nodes_unknown"},
//	 "limits": {"clusters": n|null, "nodes_added": n|null, "deletions": n|null},
//	 "anchor": null | member, "params": {…}}
//
// Links with an empty path are not written in the object: role
// "cluster-infrastructure" is the infrastructure object of each cluster that a
// machine or machine template belongs to (the provider takes defaults from it).
//
// "masked" and "nested" hold no keyed hash. replicas is -1 when a placeholder decides.
//
// A field in class_writes need not concern a rule: the engine makes a finding
// at, above or below a path that a class patch writes conditional, and drops a
// finding about an absent field that a patch always sets.
//
// # What is no manifest
//
// Facts about the review that no manifest holds come to the same entry points
// as objects of group countersign.dev, version v1, made by Go; a manifest that
// claims this group never reaches a rule under it. Scope object:
//
//	Notice     spec: {"cause": "hostile|limit|unreadable|…", "message", "file", "line"}: an oddity that a person
//	           must see
//	Duplicate  spec: {"object": {group, kind, namespace, name, destination}, "roots": […], "files": […]}: one
//	           object twice
//	Config     spec: {"mistakes": [{"message", "line"}]}: the config as it would be after merging
//
// Scope change:
//
//	File  before, after spec: {"path", "mode": "file|executable|symlink|submodule", "governed": bool,
//	      "protected": bool, "ignored": bool, "read_by": [root …]}: a file that differs
//	Root  before, after spec: {"path", "status": "built|failed|unsupported", "listed": bool, "cause",
//	      "message"}: a root that cannot be rendered on a side and is judged by its files; listed says that
//	      the config names it as opaque
package rego
