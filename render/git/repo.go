package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// Options are the limits of a repository or folder. The zero Options are fit
// for use.
type Options struct {
	// FileLimit is the size in bytes above which a file is
	// render.ErrTooLarge; 0 means 1 MiB.
	FileLimit int64
	// CacheLimit bounds the bytes that are kept in memory; 0 means 64 MiB.
	CacheLimit int64
	// TempDir is where the private repository is made; "" means the system's
	// folder for temporary files.
	TempDir string
}

func (o Options) withDefaults() Options {
	if o.FileLimit == 0 {
		o.FileLimit = 1 << 20
	}
	if o.CacheLimit == 0 {
		o.CacheLimit = 64 << 20
	}
	return o
}

// Repo reads one repository. It is safe for concurrent use. It must be
// closed.
type Repo struct {
	program program
	// dir is the user's folder, where revisions get their meaning.
	dir string
	// temp holds all that is ours: home, and the private repository.
	temp, private string
	shallow       bool
	idLength      int
	fileLimit     int64
	cache         *cache
	batch         *batch
	closing       sync.Once
	closeErr      error
}

// Open opens the repository that a folder belongs to: a work tree or any
// folder in it, a linked work tree, or a bare repository. It writes nothing
// there. Errors about the folder and about git are a [SetupError].
func Open(ctx context.Context, dir string, options Options) (*Repo, error) {
	options = options.withDefaults()
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open repository: %w", err)
	}
	if err := checkFolder(dir); err != nil {
		return nil, err
	}
	path, err := exec.LookPath("git")
	if err != nil {
		return nil, &SetupError{"git was not found", "install git 2.38 or later and put it on the PATH"}
	}
	temp, err := os.MkdirTemp(options.TempDir, "countersign-git-")
	if err != nil {
		return nil, fmt.Errorf("open repository: %w", err)
	}
	r := &Repo{
		dir: dir, temp: temp, private: filepath.Join(temp, "repo"),
		fileLimit: options.FileLimit, cache: newCache(options.CacheLimit),
	}
	home := filepath.Join(temp, "home")
	r.program = program{path: path, env: environment(home)}
	if err := errors.Join(os.Mkdir(home, 0o700), r.setUp(ctx)); err != nil {
		return nil, errors.Join(err, os.RemoveAll(temp))
	}
	r.batch = newBatch(r.inside(), r.private, r.shallow)
	return r, nil
}

func checkFolder(dir string) error {
	stat, err := os.Stat(dir)
	switch {
	case err != nil:
		return &SetupError{fmt.Sprintf("folder %q cannot be opened: %v", dir, err), "name an existing folder"}
	case !stat.IsDir():
		return &SetupError{fmt.Sprintf("%q is not a folder", dir), "name the repository's folder"}
	}
	return nil
}

// Close ends all git processes and removes all temporary files. Reads that
// are under way, and later ones, fail with [ErrClosed].
func (r *Repo) Close() error {
	r.closing.Do(func() {
		r.batch.close()
		r.closeErr = os.RemoveAll(r.temp)
	})
	return r.closeErr
}

// inside is git as it runs in the private repository.
func (r *Repo) inside() program {
	p := r.program
	p.env = append(p.env[:len(p.env):len(p.env)], "GIT_DIR="+r.private)
	return p
}

func (r *Repo) setUp(ctx context.Context) error {
	if err := r.checkVersion(ctx); err != nil {
		return err
	}
	at, err := r.locate(ctx)
	if err != nil {
		return err
	}
	r.shallow, r.idLength = at.shallow, sha1Hex
	if at.format == "sha256" {
		r.idLength = sha256Hex
	}
	return r.makePrivate(at)
}

func (r *Repo) checkVersion(ctx context.Context) error {
	answer, err := r.program.run(ctx, r.temp, "version")
	if err != nil {
		return err
	}
	var major, minor int
	if _, err := fmt.Sscanf(answer.stdout, "git version %d.%d", &major, &minor); err != nil || answer.code != 0 {
		reason := fmt.Sprintf("%s does not say its version: %s", r.program.path, sentence(answer.stdout+answer.stderr))
		return &SetupError{reason, "install git 2.38 or later"}
	}
	if major < 2 || major == 2 && minor < 38 {
		return &SetupError{fmt.Sprintf("git %d.%d is too old", major, minor), "install git 2.38 or later"}
	}
	return nil
}

// location is what the user's repository says of itself.
type location struct {
	format  string
	shallow bool
	objects string
}

func (r *Repo) locate(ctx context.Context) (location, error) {
	answer, err := r.program.run(ctx, r.dir, "rev-parse", "--show-object-format", "--is-shallow-repository",
		"--path-format=absolute", "--git-path", "objects")
	if err != nil {
		return location{}, err
	}
	if answer.code != 0 {
		reason := fmt.Sprintf("%q cannot be used as a git repository: %s", r.dir, sentence(answer.stderr))
		return location{}, &SetupError{reason, "name a folder of a git repository, or clone one"}
	}
	lines := strings.SplitN(answer.stdout, "\n", 3)
	if len(lines) != 3 {
		return location{}, answer.failure("rev-parse")
	}
	at := location{format: lines[0], shallow: lines[1] == "true", objects: strings.TrimSuffix(lines[2], "\n")}
	if at.format != "sha1" && at.format != "sha256" {
		reason := fmt.Sprintf("%q has the unknown object format %q", r.dir, at.format)
		return location{}, &SetupError{reason, "use a repository with sha1 or sha256 objects"}
	}
	return at, nil
}

// makePrivate writes the private repository. Its HEAD names a branch that
// never exists, so that there is no commit to take attributes from.
func (r *Repo) makePrivate(at location) error {
	config := "[core]\n\tbare = true\n\trepositoryformatversion = 1\n" +
		"[extensions]\n\tobjectformat = " + at.format + "\n" +
		"[merge]\n\trenames = true\n\tdirectoryRenames = conflict\n"
	for _, dir := range []string{"refs", "objects/info", "objects/pack"} {
		if err := os.MkdirAll(filepath.Join(r.private, dir), 0o700); err != nil {
			return fmt.Errorf("make private repository: %w", err)
		}
	}
	for name, text := range map[string]string{
		"HEAD":                    "ref: refs/heads/unborn\n",
		"config":                  config,
		"objects/info/alternates": quote(at.objects) + "\n",
	} {
		if err := os.WriteFile(filepath.Join(r.private, name), []byte(text), 0o600); err != nil {
			return fmt.Errorf("make private repository: %w", err)
		}
	}
	return nil
}

// quote writes a path as a quoted line of an alternates file: octal escapes
// for all that git could take for something else.
func quote(path string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(path) {
		if c < ' ' || c == '"' || c == '\\' || c > '~' {
			fmt.Fprintf(&b, `\%03o`, c)
		} else {
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
