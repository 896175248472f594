package disk_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"outcrop/cache/cachetest"
	"outcrop/cache/disk"
)

// clock is a clock that the test moves.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func open(t *testing.T, dir string, most int64, now func() time.Time) *disk.Store {
	t.Helper()
	s, err := disk.Open(dir, most, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestTheStoreIsOne(t *testing.T) {
	c := &clock{time.Unix(1_700_000_000, 0)}
	cachetest.Run(t, open(t, t.TempDir(), 10<<20, c.now), cachetest.Options{Pass: func(d time.Duration) { c.at = c.at.Add(d) }})
}

func size(t *testing.T, dir string) (all int64, files int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		files++
		all += info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all, files
}

// What is kept survives a restart, within the bound; what was used last stays.
func TestFilesAreBoundedAndSurviveARestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	s := open(t, dir, 100<<10, nil)
	value := bytes.Repeat([]byte("v"), 10_000) // three blocks
	for i := range 20 {
		if err := s.Set(t.Context(), fmt.Sprint("k", i), value, time.Hour); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Get(t.Context(), "k0"); err != nil || !bytes.Equal(got, value) {
			t.Fatalf("after %d others: what is used is gone: %v", i, err)
		}
	}
	if all, files := size(t, dir); all > 100<<10 || files != 8 {
		t.Errorf("%d files of %d bytes", files, all)
	}
	if err := s.Set(t.Context(), "huge", make([]byte, 200<<10), 0); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "00")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"new-123", "theirs.txt"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again := open(t, dir, 50<<10, nil)
	if all, files := size(t, dir); all > 50<<10 || files != 5 {
		t.Errorf("after the restart: %d files of %d bytes, one of them somebody else's", files, all)
	}
	if got, err := again.Get(t.Context(), "k19"); err != nil || !bytes.Equal(got, value) {
		t.Errorf("the newest value is gone: %v", err)
	}
	if got, _ := again.Get(t.Context(), "huge"); got != nil {
		t.Error("a value larger than the store was kept")
	}
}

// A file that is damaged, empty or gone is a value that is not there.
func TestDamagedFilesAreForgotten(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 1<<20, nil)
	for i, damage := range []func(path string) error{
		os.Remove,
		func(path string) error { return os.Truncate(path, 0) },
		func(path string) error { return os.WriteFile(path, []byte("something else of some length"), 0o600) },
		func(path string) error { return os.Truncate(path, 22) },
	} {
		key := fmt.Sprint("key ", i)
		if err := s.Set(t.Context(), key, []byte("value"), 0); err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(dir, "*", "*.answer"))
		if err != nil || len(files) != 1 {
			t.Fatalf("%v %v", files, err)
		}
		if err := damage(files[0]); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if got, err := s.Get(t.Context(), key); got != nil || err != nil {
				t.Errorf("%d: %q %v", i, got, err)
			}
		}
	}
	if _, files := size(t, dir); files != 0 {
		t.Errorf("%d files are left", files)
	}
}

func TestAFolderThatCannotBeUsed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := disk.Open(path, 1, nil); err == nil {
		t.Error("a file is no folder")
	}
}
