package mirror

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// usedFile bears the time of the last use as its own.
	usedFile = "countersign-used"
	// namespace holds the commits that are whole, blobs included: refs are
	// written after everything else.
	namespace = "refs/countersign"
	// keptBases and keptHeads are how many commits of a namespace stay named.
	keptBases = 64
	keptHeads = 16
)

// lockFolder makes sure that one process uses a folder. The lock ends with
// the process, however that ends.
func lockFolder(folder string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(folder, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open mirrors: %w; the folder must be writable", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = fmt.Errorf("another process uses the mirrors in %s: stop it, or give each its own data folder", folder)
	}
	return nil, errors.Join(err, f.Close())
}

// create writes an empty mirror. It becomes visible whole or not at all.
// There is no address in it, and nothing that git would run.
func create(dir, temp, format string) error {
	made, err := os.MkdirTemp(temp, "new-")
	if err != nil {
		return err
	}
	config := "[core]\n\tbare = true\n\trepositoryformatversion = 1\n" +
		"[extensions]\n\tobjectformat = " + format + "\n\tpartialClone = origin\n" +
		"[remote \"origin\"]\n\tpromisor = true\n\tpartialclonefilter = blob:none\n"
	for _, sub := range []string{namespace, "objects/info", "objects/pack"} {
		if err := os.MkdirAll(filepath.Join(made, sub), 0o700); err != nil {
			return err
		}
	}
	for name, text := range map[string]string{
		"HEAD": "ref: refs/heads/unborn\n", "config": config, usedFile: format + "\n",
	} {
		if err := os.WriteFile(filepath.Join(made, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return os.Rename(made, dir)
}

// formatOf is the object format of the mirror in a folder, "" where there is
// no whole mirror.
func formatOf(dir string) string {
	for _, name := range []string{"HEAD", "config", "objects/pack", "objects/info", namespace} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return ""
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, usedFile))
	format := strings.TrimSpace(string(text))
	if err != nil || format != "sha1" && format != "sha256" {
		return ""
	}
	return format
}

// clean removes what a git that was killed leaves: locks, which would stop
// all others, and half packs.
func clean(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || entry.IsDir() {
			return err
		}
		name := entry.Name()
		if strings.HasSuffix(name, ".lock") || strings.HasPrefix(name, "tmp_") || strings.HasPrefix(name, ".tmp-") {
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		return nil
	})
}

// name writes the ref that says that a commit is whole.
func name(dir string, pull int, sha string, now time.Time) error {
	folder := filepath.Join(dir, namespace, strconv.Itoa(pull))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	ref := filepath.Join(folder, sha)
	if err := os.WriteFile(ref+".lock", []byte(sha+"\n"), 0o600); err != nil {
		return err
	}
	return errors.Join(os.Chtimes(ref+".lock", now, now), os.Rename(ref+".lock", ref))
}

// named lists the commits that refs say are whole, sorted.
func named(dir string) ([]string, error) {
	var whole []string
	pulls, err := os.ReadDir(filepath.Join(dir, namespace))
	if err != nil {
		return nil, err
	}
	for _, pull := range pulls {
		refs, err := os.ReadDir(filepath.Join(dir, namespace, pull.Name()))
		if err != nil {
			return nil, err
		}
		for _, ref := range refs {
			if isID(ref.Name()) {
				whole = append(whole, ref.Name())
			}
		}
	}
	slices.Sort(whole)
	return slices.Compact(whole), nil
}

// forget removes the oldest refs of a pull request, but not those in use.
func forget(dir string, pull int, using []string) error {
	keep := keptHeads
	if pull == 0 {
		keep = keptBases
	}
	folder := filepath.Join(dir, namespace, strconv.Itoa(pull))
	refs, err := refsIn(folder)
	if err != nil {
		return err
	}
	for i, ref := range refs {
		if i < keep || slices.Contains(using, ref.Name()) {
			continue
		}
		if err := os.Remove(filepath.Join(folder, ref.Name())); err != nil {
			return err
		}
	}
	return nil
}

// refsIn lists a folder of refs, the newest first.
func refsIn(folder string) ([]fs.FileInfo, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var refs []fs.FileInfo
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			return nil, err
		}
		refs = append(refs, info)
	}
	slices.SortFunc(refs, func(a, b fs.FileInfo) int {
		return cmp.Or(b.ModTime().Compare(a.ModTime()), cmp.Compare(a.Name(), b.Name()))
	})
	return refs, nil
}

// forgetPulls removes the refs of pull requests that got no new commit since
// a moment: closed ones, and open ones at rest, whose objects stay.
func forgetPulls(dir string, before time.Time) error {
	pulls, err := os.ReadDir(filepath.Join(dir, namespace))
	if err != nil {
		return err
	}
	for _, pull := range pulls {
		folder := filepath.Join(dir, namespace, pull.Name())
		refs, err := refsIn(folder)
		if err != nil {
			return err
		}
		if pull.Name() == "0" || len(refs) > 0 && !refs[0].ModTime().Before(before) {
			continue
		}
		if err := os.RemoveAll(folder); err != nil {
			return err
		}
	}
	return nil
}

// touch says that a mirror is in use.
func touch(dir string, now time.Time) error {
	return os.Chtimes(filepath.Join(dir, usedFile), now, now)
}

// packs counts a mirror's packs and what they take.
func packs(dir string) (count int, size int64, err error) {
	entries, err := os.ReadDir(filepath.Join(dir, "objects", "pack"))
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			return 0, 0, err
		}
		size += info.Size()
		if strings.HasSuffix(entry.Name(), ".pack") {
			count++
		}
	}
	return count, size, err
}
