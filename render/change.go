package render

// Action says what a change does to an object.
type Action string

// The actions. A move leaves one destination and appears in another (D6).
const (
	ActionCreate Action = "create"
	ActionUpdate Action = "update"
	ActionDelete Action = "delete"
	ActionMove   Action = "move"
)

// Field is one place where an object differs. Lists whose elements have a
// merge key are compared by key, so that an insertion is one field.
type Field struct {
	Path Path
	// Before and After are canonical values; Absent on the side that lacks it.
	Before, After any
	// Source is the field's line on the head's side, else on the base's.
	Source Source
}

// Absent is the value of a [Field] on the side where it does not exist; nil
// there is an explicit null.
type Absent struct{}

// Change is one resource that differs between base and head.
type Change struct {
	Action Action
	// Destination is the head's; for a delete, the base's.
	Destination string
	// From is the destination that a move leaves; "" otherwise.
	From string
	// Before and After are nil where the object does not exist.
	Before, After *Resource
	// RenamedFrom is the object under its former name: for a generated name
	// (an update), and for a create that looks like a delete's twin.
	RenamedFrom *Identity
	// Fields are sorted by path; empty for creates and deletes.
	Fields []Field
	// Roots are the paths of the roots that render it, sorted.
	Roots []string
}

// Resource returns the side of the change that exists, the head's first.
func (c *Change) Resource() *Resource {
	if c.After != nil {
		return c.After
	}
	return c.Before
}

// FileChange is a file that differs between the two trees.
type FileChange struct {
	Path string
	// BeforeID and AfterID are blob ids; "" where the file does not exist.
	BeforeID, AfterID     string
	BeforeMode, AfterMode Mode
	// Governed says that it lies in the governed part of the repository (D9).
	Governed bool
	// Protected says that deployers or we ourselves obey it (D9, D11).
	Protected bool
	// Ignored says that the ignore list matches it.
	Ignored bool
	// ReadBy are the paths of the judged roots that read it, sorted.
	ReadBy []string
}

// Side is one side of a comparison.
type Side struct {
	Tree Tree
	// Roots are sorted by path.
	Roots []Root
	// Builds holds what was built, by root path: the affected roots, and
	// those asked for with [Comparison.Expand].
	Builds map[string]Build
	// Notices are what could not be parsed outside roots.include, and other
	// oddities of the tree.
	Notices []Problem
}

// Options say which part of the repository is governed, as its config does.
// The zero Options govern all of it.
type Options struct {
	Include, Exclude []string // globs of root paths
	Ignore           []string // nil means the default list
	Protect          []string
	// All builds every root, changed or not (audit, review --all).
	All bool
}

// Comparison is what changes between two trees.
type Comparison struct {
	Base, Head Side
	// Affected are the paths of the roots that had to be built, sorted.
	Affected []string
	// Changes are sorted by destination and identity.
	Changes []Change
	// Files are all files that differ, sorted by path.
	Files []FileChange
	// Duplicates are identities that two roots of one destination render, or
	// one root twice under two versions (CS-GEN-004).
	Duplicates []Duplicate
	// BaseDuplicates are those that the base has already.
	BaseDuplicates []Duplicate
	// UnknownBase are the judged roots that the base has but that did not
	// build there, sorted: all they render at the head is a create, and what
	// they no longer render is not known.
	UnknownBase []string
	// UnknownHead are those that did not build at the head, sorted: nothing
	// that they rendered at the base is called deleted.
	UnknownHead []string

	work *comparing
}

// Duplicate is the same object twice in one destination of one side.
type Duplicate struct {
	Destination string
	Identity
	Roots   []string
	Sources []Source
}
