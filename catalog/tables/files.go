package tables

import (
	"bytes"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"time"
)

// Files are tables or data files in memory, by name. They form a read-only file system
// with one folder.
type Files map[string][]byte

// Open implements [fs.FS].
func (f Files) Open(name string) (fs.File, error) {
	data, err := f.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return &openFile{bytes.NewReader(data), fileInfo{name, int64(len(data))}}, nil
}

// ReadFile returns a file, which must not be modified.
func (f Files) ReadFile(name string) ([]byte, error) {
	data, ok := f[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return data, nil
}

// Glob returns the names that match a pattern, sorted.
func (f Files) Glob(pattern string) ([]string, error) {
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, err
	}
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(f)), func(name string) bool {
		matched, err := path.Match(pattern, name)
		return err != nil || !matched
	})
	return names, nil
}

// openFile is an open file.
type openFile struct {
	io.Reader
	info fileInfo
}

func (o *openFile) Stat() (fs.FileInfo, error) { return o.info, nil }

func (o *openFile) Close() error { return nil }

// fileInfo describes a file in memory.
type fileInfo struct {
	name string
	size int64
}

func (i fileInfo) Name() string     { return i.name }
func (i fileInfo) Size() int64      { return i.size }
func (fileInfo) Mode() fs.FileMode  { return 0o444 }
func (fileInfo) ModTime() time.Time { return time.Time{} }
func (fileInfo) IsDir() bool        { return false }
func (fileInfo) Sys() any           { return nil }
