package render

import "context"

// Source is a place in the repository. The zero Source means not known.
type Source struct {
	// File is the path in the tree; "" means not known.
	File string `json:"file"`
	// Line counts from 1; 0 means that only the file is known.
	Line int `json:"line"`
}

// Cause names why something could not be built, read or parsed.
type Cause string

// The causes. Those of the author come first; the last three are ours or the
// machine's and are not content: another try may end otherwise.
const (
	CauseSyntax     Cause = "syntax"     // YAML or kustomize says that the input is wrong
	CauseMissing    Cause = "missing"    // a file or folder that is named is not in the tree
	CauseRemote     Cause = "remote"     // needs something outside the repository
	CauseFunction   Cause = "function"   // needs Helm, a plugin or a KRM function
	CauseLimit      Cause = "limit"      // exceeds a limit that is counted (size, aliases, objects, depth)
	CauseUnreadable Cause = "unreadable" // LFS pointer, submodule, symlink out of the tree
	CauseHostile    Cause = "hostile"    // input made to break the renderer (alias cycles and the like)
	CauseDeadline   Cause = "deadline"   // CPU or wall time ran out
	CauseMemory     Cause = "memory"     // the memory limit was reached
	CauseCrash      Cause = "crash"      // the child died
)

// Problem says in one sentence why something could not be judged, and what
// to do. All its text is ours or has been cleaned of control characters and
// of secrets by the child.
type Problem struct {
	Cause   Cause  `json:"cause"`
	Message string `json:"message"` // lower case, no full stop, one line
	Remedy  string `json:"remedy"`  // what to do next; "" when the message says it
	Source  Source `json:"source"`
}

// RootKind says how a root becomes objects.
type RootKind string

// The kinds of roots.
const (
	RootKustomize RootKind = "kustomize" // a folder with a kustomization
	RootPlain     RootKind = "plain"     // a folder of manifests that no kustomization covers
	RootFile      RootKind = "file"      // a single manifest file (audit PATH)
)

// Root is an entry point of the repository: what a deployer would apply.
type Root struct {
	// Path is the folder ("" is the repository's top) or, for RootFile, the file.
	Path string
	Kind RootKind
	// Files are the manifests of a plain root, sorted; nil for the others.
	Files []string
	// Destination names where the root's objects go: the root's own path
	// until a GitOps object says otherwise (D6).
	Destination string
}

// BuildStatus says what became of a root.
type BuildStatus string

// The states of a build.
const (
	StatusBuilt       BuildStatus = "built"
	StatusFailed      BuildStatus = "failed"      // Problem says why
	StatusUnsupported BuildStatus = "unsupported" // needs what we refuse: Problem has CauseRemote or CauseFunction
)

// Probe is one look at the tree while a root was built: what was read, and
// what was looked for and missed.
type Probe struct {
	Path string
	// ID is the object id found there; "" says that nothing was there.
	ID string
	// Dir says that a directory was listed.
	Dir bool
}

// Build is what one root becomes: resources, or why not. An unbuildable root
// is a value, not an error.
type Build struct {
	Root   Root
	Status BuildStatus
	// Problem is nil exactly when Status is StatusBuilt.
	Problem *Problem
	// Resources are sorted by identity. Empty unless built.
	Resources []Resource
	// Probes are sorted by path, without duplicates; present for failed
	// builds as well: a change to any of them may change the outcome.
	Probes []Probe
	// Notices are oddities that do not stop the build but that a reviewer
	// must see (confusable names, colliding file names, a custom schema).
	Notices []Problem
	// Features are what the root's closure uses that runs code or rewrites at
	// large: "generators", "transformers", "replacements", "openapi",
	// "configurations", "vars" …; sorted.
	Features []string
}

// Identity is what a resource is known by: not its version.
// Namespace is "" for cluster-scoped kinds and for the namespace "default"
// (D7).
type Identity struct {
	Group     string `json:"group"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// SecretClass says what a masked value was (D13).
type SecretClass string

// The classes of masked values.
const (
	SecretEmpty       SecretClass = "empty"
	SecretPlaceholder SecretClass = "placeholder"
	SecretSOPS        SecretClass = "sops"
	SecretCA          SecretClass = "ca-cert"
	SecretPrivateKey  SecretClass = "private-key"
	SecretKubeconfig  SecretClass = "kubeconfig"
	SecretToken       SecretClass = "token"
	SecretLiteral     SecretClass = "literal"
)

// Masked is one value that the child replaced before anything left it. The
// string in the object is "masked:CLASS:HMAC"; this table, not that string,
// says that it is one. Reports never print the HMAC.
type Masked struct {
	Path  Path
	Class SecretClass
	// Digest is the keyed hash of the value, equal for equal values.
	Digest string
}

// Nested is a document inside a string field, unpacked in the child.
type Nested struct {
	// Path is the string field's place in the object.
	Path Path
	// Encoding is how it was packed: "", "base64", "gzip+base64".
	Encoding string
	// Name is the file that the text becomes, where the object says so
	// (files[].path, a ConfigMap's key); "" otherwise.
	Name string
	// Documents are the YAML or JSON documents in it, masked like everything
	// else; nil when it is plain text.
	Documents []any
	// Text is the unpacked text, masked; "" when Documents is given.
	Text string
}

// Position is where a field of a resource was written.
type Position struct {
	Path   Path
	Source Source
}

// Resource is one object that a root becomes, in canonical form (D12): secret
// values masked, creationTimestamp dropped, a cluster-scoped kind without
// namespace.
type Resource struct {
	Identity
	Version string
	// RenderedNamespace is the namespace as rendered, for reports.
	RenderedNamespace string
	// Object is the canonical object: map[string]any, []any, string, bool,
	// json.Number and nil. It is shared and must not be changed.
	Object map[string]any
	// Digest is the SHA-256 of the canonical form in hex.
	Digest string
	// Source is where the document was written, or the generator's line.
	Source Source
	// Positions are sorted by path; fields that could not be traced are absent.
	Positions []Position
	// Generated is the name before the hash that kustomize appended; "" when
	// kustomize did not generate the object with a hash (D8).
	Generated string
	Masked    []Masked // sorted by path
	Nested    []Nested // sorted by path
	// Opaque says why nobody can read what the object means ("sops key",
	// "ENC[ outside a Secret"); "" when it can be read (D2).
	Opaque string
	// Local says that the object is marked local-config: kustomize drops it,
	// it is applied nowhere (D9).
	Local bool
}

// Document is one parsed YAML file, for configs, waivers and pull facts: the
// same values as in [Resource.Object], with the line of each key and element;
// Positions are sorted by path.
type Document struct {
	Value     any
	Positions []Position
}

// Reference is a path that a kustomization names.
type Reference struct {
	Field string // "resources", "components", "patches" …
	Path  string // as written
	Line  int
}

// GitOps is a Flux Kustomization or an Argo CD Application found in a file.
type GitOps struct {
	Kind            string // "flux" or "argo"
	Namespace, Name string
	// Path is the folder that it applies, cleaned, relative to the top.
	Path string
	// Destination is "" for the cluster that the object itself lives in, else
	// the kubeconfig secret, server or cluster name that it names.
	Destination string
	Line        int
}

// FileFacts is what one file of the tree is, as far as roots care. It is a
// pure function of the file's base name and content.
type FileFacts struct {
	// Kustomization says that the name is one that kustomize takes.
	Kustomization bool
	// Component says that it is a kustomization of kind Component.
	Component  bool
	References []Reference
	// Manifest says that a document has apiVersion, kind and a name.
	Manifest bool
	// LocalConfig says that every manifest in it is marked local-config.
	LocalConfig bool
	GitOps      []GitOps
	// Problem says that the file could not be parsed; nil when it could.
	Problem *Problem
}

// Builder runs the author's YAML away from this process. It is safe for
// concurrent use. An error means that the world failed (no child could be
// started, the context ended); what the author did wrong is in the values.
type Builder interface {
	// Scan says what files are, in the order of paths.
	Scan(ctx context.Context, tree Tree, paths []string) ([]FileFacts, error)
	// Build renders one root. The root comes from the pull request.
	Build(ctx context.Context, tree Tree, root Root) (Build, error)
	// Parse reads one YAML document strictly: duplicate keys and a second
	// document are problems.
	Parse(ctx context.Context, name string, content []byte) (Document, *Problem, error)
}
