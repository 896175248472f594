package catalog

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ArchiveName is the name of the file in a gateway's data folder that has newer facts than the program.
const ArchiveName = "catalogue.zip"

// maxArchive bounds the size of an archive, in bytes.
const maxArchive = 64 << 20

// Archive puts files into one, which OpenArchive reads. The same files make the same archive.
func Archive(files map[string][]byte) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := w.Create(name)
		if err != nil {
			return nil, err
		}
		if _, err := f.Write(files[name]); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// OpenArchive opens an archive. One that was cut short is an error; each file is checked when it is read.
func OpenArchive(data []byte) (fs.FS, error) {
	if len(data) > maxArchive {
		return nil, fmt.Errorf("is larger than %d bytes", maxArchive)
	}
	return zip.NewReader(bytes.NewReader(data), int64(len(data)))
}

// Verify reads every file of a catalogue, and returns the number of models and their other names. An error
// says what is wrong with the files.
func Verify(files fs.FS) (models int, err error) {
	c, err := Open(files)
	if err != nil {
		return 0, err
	}
	names, err := fs.Glob(files, "*"+Extension)
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		table, err := c.Provider(strings.TrimSuffix(name, Extension))
		if err != nil {
			return 0, err
		}
		models += len(table.IDs())
	}
	if models == 0 {
		return 0, errors.New("there are no models")
	}
	return models, nil
}

// Newest returns the newest files that a gateway with a data folder has: those of the folder's archive, if
// they are not older than the program's, else the program's. dir may be empty. If the archive was damaged or
// is none, the error says so, and the program's files are returned with it.
func Newest(dir string) (fs.FS, error) {
	own := Embedded()
	if dir == "" {
		return own, nil
	}
	name := filepath.Join(dir, ArchiveName)
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return own, nil
	}
	var cached fs.FS
	if err == nil {
		cached, err = OpenArchive(data)
	}
	if err == nil {
		err = whole(cached)
	}
	if err != nil {
		return own, fmt.Errorf("the prices and limits in %s cannot be used: %w", name, err)
	}
	if older, err := isOlder(cached, own); err != nil || older {
		return own, err
	}
	return cached, nil
}

// whole reads every file of an archive, which compares its checksum.
func whole(files fs.FS) error {
	names, err := fs.Glob(files, "*")
	if err != nil {
		return err
	}
	for _, name := range names {
		f, err := files.Open(name)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, f)
		if err := errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func isOlder(files, than fs.FS) (bool, error) {
	a, err := Open(files)
	if err != nil {
		return false, err
	}
	b, err := Open(than)
	if err != nil {
		return false, err
	}
	return a.Newest().Before(b.Newest()), nil
}
