package child

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/render/child/closure"
	"github.com/countersign-dev/countersign/render/wire"
)

// disk serves a folder as the parent serves a tree.
type disk struct{ root string }

var _ closure.Files = disk{}

func (d disk) resolve(op wire.Op, name string) (string, string, error) {
	real, err := filepath.EvalSymlinks(filepath.Join(d.root, name))
	if err != nil {
		return "", "", &wire.FSError{Op: op, Path: name, Code: wire.CodeMissing}
	}
	top, err := filepath.EvalSymlinks(d.root)
	if err != nil {
		return "", "", err
	}
	rel, err := filepath.Rel(top, real)
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return "", "", &wire.FSError{Op: op, Path: name, Code: wire.CodeOutside}
	}
	if rel == "." {
		rel = ""
	}
	return real, rel, nil
}

func (d disk) Stat(name string) (wire.Kind, string, error) {
	real, rel, err := d.resolve(wire.OpStat, name)
	if err != nil {
		return 0, "", err
	}
	info, err := os.Stat(real)
	if err != nil {
		return 0, "", err
	}
	if info.IsDir() {
		return wire.KindDir, rel, nil
	}
	return wire.KindFile, rel, nil
}

func (d disk) ReadFile(name string) ([]byte, error) {
	real, _, err := d.resolve(wire.OpReadFile, name)
	if err != nil {
		return nil, err
	}
	content, err := os.ReadFile(real)
	if err != nil {
		code := wire.CodeDir
		if errors.Is(err, fs.ErrNotExist) {
			code = wire.CodeMissing
		}
		return nil, &wire.FSError{Op: wire.OpReadFile, Path: name, Code: code}
	}
	return content, nil
}

func (d disk) ReadDir(name string) ([]wire.DirEntry, error) {
	real, _, err := d.resolve(wire.OpReadDir, name)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(real)
	if err != nil {
		return nil, &wire.FSError{Op: wire.OpReadDir, Path: name, Code: wire.CodeFile}
	}
	list := make([]wire.DirEntry, len(entries))
	for i, e := range entries {
		list[i] = wire.DirEntry{Name: e.Name(), Dir: e.IsDir()}
	}
	slices.SortFunc(list, func(a, b wire.DirEntry) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// usual are the limits of production.
var usual = wire.Limits{
	CPU: 5 * time.Second, Data: 1 << 30, Heap: 512 << 20, File: 1 << 20, Bytes: 64 << 20, Objects: 20_000, Frame: 65 << 20,
}
