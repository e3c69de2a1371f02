package worker

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
)

// renderSchema is raised whenever the same files may become other builds or
// facts than before: it keeps what was stored apart.
const renderSchema = 1

// renderers are the modules that decide what files become, as far as the
// program holds them; without the first two it is none.
var renderers = []string{
	"sigs.k8s.io/kustomize/api",
	"sigs.k8s.io/kustomize/kyaml",
	"sigs.k8s.io/yaml",
	"go.yaml.in/yaml/v2",
	"go.yaml.in/yaml/v3",
}

// RendererDigest names the renderer as "sha256:…": equal digests, equal
// builds of equal trees. Where the program does not know its own modules the
// digest is of the program itself. The error is that of reading it.
func RendererDigest() (string, error) { return rendererDigest() }

var rendererDigest = sync.OnceValues(func() (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "countersign render schema %d\n", renderSchema)
	if modules, ok := rendererModules(); ok {
		fmt.Fprintln(h, modules)
	} else if err := ownBytes(h); err != nil {
		return "", fmt.Errorf("name the renderer: %w", err)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
})

// rendererModules lists the modules with version and checksum; ok says that
// they are known for sure.
func rendererModules() (lines string, ok bool) {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return "", false
	}
	var known []string
	kustomize := 0
	for _, module := range build.Deps {
		path := module.Path
		place := slices.Index(renderers, path)
		if place < 0 {
			continue
		}
		if place < 2 {
			kustomize++
		}
		if module.Replace != nil {
			module = module.Replace
		}
		if module.Sum == "" {
			return "", false // a folder on disk: its version says nothing
		}
		known = append(known, path+" "+module.Path+"@"+module.Version+" "+module.Sum)
	}
	slices.Sort(known)
	return strings.Join(known, "\n"), kustomize == 2
}

func ownBytes(w io.Writer) error {
	program, err := os.Open(ownProgram())
	if err != nil {
		return err
	}
	_, err = io.Copy(w, program)
	_ = program.Close() // it was only read
	return err
}
