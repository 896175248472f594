package spend

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Folder is the name of the journal's folder in the data folder.
const Folder = "journal"

// disk keeps segments.
type disk interface {
	// create makes an empty file, in place of one with the same name. With sync, its name survives a power
	// failure.
	create(name string, sync bool) (file, error)
	open(name string) (reader, error)
	remove(name string) error
	// list is all segments, in the order of their numbers.
	list() ([]*segment, error)
}

// file is a segment that is written to; *os.File is one.
type file interface {
	io.WriteCloser
	Truncate(size int64) error
	Sync() error
}

// reader is a segment that is read.
type reader interface {
	io.ReaderAt
	io.Closer
}

// Names in the data folder, and in that of a replica.
const (
	lockName = "lock"
	idLength = 26 // that of rand.Text
)

// newID is a new replica's id.
func newID() string { return strings.ToLower(rand.Text()) }

// errLocked is returned for a folder that another process has.
var errLocked = errors.New("the folder belongs to another process")

// folder is the folder of a replica, which this process has locked.
type folder struct {
	id   string
	root *os.Root
	lock *os.File
}

// folders are the ids of all replicas of a data folder.
func folders(dir string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(dir, Folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var ids []string
	for _, e := range entries {
		if e.IsDir() && len(e.Name()) == idLength {
			ids = append(ids, e.Name())
		}
	}
	return ids, err
}

// takeFolder locks the first folder of a data folder that no other process has, or a new one.
func takeFolder(dir string) (*folder, error) {
	ids, err := folders(dir)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if f, err := openFolder(dir, id); !errors.Is(err, errLocked) {
			return f, err
		}
	}
	for {
		id := newID()
		if err := os.MkdirAll(filepath.Join(dir, Folder, id), 0o700); err != nil {
			return nil, err
		}
		if f, err := openFolder(dir, id); !errors.Is(err, errLocked) { // unless somebody was faster
			return f, err
		}
	}
}

// openFolder locks the folder of a replica. The lock ends with the process.
func openFolder(dir, id string) (*folder, error) {
	root, err := os.OpenRoot(filepath.Join(dir, Folder, id))
	if err != nil {
		return nil, err
	}
	lock, err := openLock(filepath.Join(root.Name(), lockName))
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return &folder{id: id, root: root, lock: lock}, nil
}

// Close releases the folder.
func (f *folder) Close() error { return errors.Join(f.root.Close(), f.lock.Close()) }

func (f *folder) create(name string, sync bool) (file, error) {
	w, err := f.root.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	if !sync {
		return shared(w), nil
	}
	d, err := f.root.Open(".")
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

func (f *folder) open(name string) (reader, error) { return f.root.Open(name) }

func (f *folder) remove(name string) error { return f.root.Remove(name) }

func (f *folder) list() ([]*segment, error) {
	entries, err := fs.ReadDir(f.root.FS(), ".")
	if err != nil {
		return nil, err
	}
	var segments []*segment
	for _, e := range entries {
		first, ok := parseName(e.Name())
		if !ok {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		segments = append(segments, &segment{first: first, size: info.Size()})
	}
	slices.SortFunc(segments, func(a, b *segment) int { return int(a.first - b.first) })
	return segments, nil
}

// memory keeps segments of a process without a data folder.
type memory struct {
	mu    sync.Mutex
	files map[string]*memoryFile
}

func newMemory() *memory { return &memory{files: map[string]*memoryFile{}} }

func (m *memory) create(name string, _ bool) (file, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := &memoryFile{}
	m.files[name] = f
	return f, nil
}

func (m *memory) open(name string) (reader, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f, ok := m.files[name]; ok {
		return f, nil
	}
	return nil, fs.ErrNotExist
}

func (m *memory) remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.files, name)
	return nil
}

func (m *memory) list() ([]*segment, error) { return nil, nil }

// memoryFile is a segment in memory.
type memoryFile struct {
	mu   sync.Mutex
	data []byte
}

func (f *memoryFile) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.data = append(f.data, p...)
	return len(p), nil
}

func (f *memoryFile) ReadAt(p []byte, offset int64) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return bytes.NewReader(f.data).ReadAt(p, offset)
}

func (f *memoryFile) Truncate(size int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.data = f.data[:size]
	return nil
}

func (*memoryFile) Sync() error  { return nil }
func (*memoryFile) Close() error { return nil }
