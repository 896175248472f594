// Package disk keeps the answers of the response cache in files, which survive a restart. A folder belongs to one process.
package disk

import (
	"bytes"
	"cmp"
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"outcrop/cache"
)

// Store keeps each value in a file of its own. What was not used for the longest time makes room for what is new.
type Store struct {
	dir  string
	most int64
	now  func() time.Time

	mu    sync.Mutex
	used  int64
	files map[string]*list.Element // by name
	order list.List                // of file, the last used first
}

type file struct {
	name string
	size int64
}

var _ cache.Store = (*Store)(nil)

// A file begins with head, when its value ends, in milliseconds since 1970 and 0 for never, the length of the key, and the key.
const (
	head      = "outcropc1"
	fixed     = len(head) + 8 + 4
	extension = ".answer"
	block     = 4096 // what a small file takes
)

// Open makes the store in a folder, which it creates, of most bytes at most. now is the clock; time.Now if nil. What is there
// from an earlier process is found again.
func Open(dir string, most int64, now func() time.Time) (*Store, error) {
	if now == nil {
		now = time.Now
	}
	s := &Store{dir: dir, most: most, now: now, files: map[string]*list.Element{}}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("reading the folder: %w", err)
	}
	return s, s.Ping(context.Background())
}

// load finds the files of an earlier process, and deletes those that it had begun.
func (s *Store) load() error {
	type found struct {
		file
		used time.Time
	}
	var all []found
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name := d.Name()
		switch {
		case strings.HasPrefix(name, temporary):
			return os.Remove(path) //nolint:gosec // the folder is the gateway's own
		case filepath.Ext(name) != extension || path != s.path(name):
			return nil // somebody else's
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		all = append(all, found{file{name, taken(info.Size())}, info.ModTime()})
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b found) int { return cmp.Or(b.used.Compare(a.used), cmp.Compare(a.name, b.name)) })
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range all {
		s.files[all[i].name] = s.order.PushBack(&all[i].file)
		s.used += all[i].size
	}
	return s.makeRoom()
}

// temporary is the beginning of the names of files that are being written.
const temporary = "new-"

// taken is about what a file takes on the disk.
func taken(size int64) int64 { return (size + block - 1) / block * block }

// nameOf is the name of the file of a key, which may have anything in it.
func nameOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:]) + extension
}

// path is where a file is: in one of 256 folders.
func (s *Store) path(name string) string {
	if len(name) < 2 {
		return ""
	}
	return filepath.Join(s.dir, name[:2], name)
}

// Get returns the value of a key.
func (s *Store) Get(_ context.Context, key string) ([]byte, error) {
	name := nameOf(key)
	s.mu.Lock()
	e := s.files[name]
	if e != nil {
		s.order.MoveToFront(e)
	}
	s.mu.Unlock()
	if e == nil {
		return nil, nil
	}
	data, err := os.ReadFile(s.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, s.forget(name)
	}
	if err != nil {
		return nil, err
	}
	value, ends, ok := parse(data, key)
	if !ok || ends > 0 && s.now().UnixMilli() >= ends {
		return nil, s.forget(name)
	}
	return value, nil
}

// parse reads a file; false if it is damaged or of another key.
func parse(data []byte, key string) (value []byte, ends int64, ok bool) {
	if len(data) < fixed || string(data[:len(head)]) != head {
		return nil, 0, false
	}
	ends = int64(binary.LittleEndian.Uint64(data[len(head):]))
	n := int(binary.LittleEndian.Uint32(data[len(head)+8:]))
	if rest := data[fixed:]; n <= len(rest) && string(rest[:n]) == key {
		return rest[n:], ends, true
	}
	return nil, 0, false
}

// Set keeps a value. One that is larger than the store is not kept.
func (s *Store) Set(_ context.Context, key string, value []byte, ttl time.Duration) error {
	name, ends := nameOf(key), int64(0)
	if ttl > 0 {
		ends = s.now().Add(ttl).UnixMilli()
	}
	data := bytes.NewBuffer(make([]byte, 0, fixed+len(key)+len(value)))
	data.WriteString(head)
	data.Write(binary.LittleEndian.AppendUint64(nil, uint64(ends)))
	data.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(key))))
	data.WriteString(key)
	data.Write(value)
	size := taken(int64(data.Len()))
	if size > s.most {
		return s.forget(name)
	}
	written, err := s.write(name, data.Bytes())
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := os.Rename(written, s.path(name)); err != nil {
		return errors.Join(err, os.Remove(written))
	}
	if old := s.files[name]; old != nil {
		s.drop(old)
	}
	s.files[name] = s.order.PushFront(&file{name, size})
	s.used += size
	return s.makeRoom()
}

// write writes a file that is not in its place yet, so that nobody reads half of it.
func (s *Store) write(name string, data []byte) (written string, err error) {
	folder := filepath.Dir(s.path(name))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(folder, temporary+"*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// makeRoom deletes what was not used for the longest time. s.mu is held.
func (s *Store) makeRoom() error {
	var errs []error
	for s.used > s.most && s.order.Len() > 0 {
		e := s.order.Back()
		errs = append(errs, s.remove(e))
	}
	return errors.Join(errs...)
}

// drop forgets a file. s.mu is held.
func (s *Store) drop(e *list.Element) *file {
	f := s.order.Remove(e).(*file) //nolint:forcetypeassert // the list has only these
	delete(s.files, f.name)
	s.used -= f.size
	return f
}

// remove forgets and deletes a file. s.mu is held.
func (s *Store) remove(e *list.Element) error {
	err := os.Remove(s.path(s.drop(e).name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (s *Store) forget(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.files[name]; e != nil {
		return s.remove(e)
	}
	return nil
}

// Delete forgets keys.
func (s *Store) Delete(_ context.Context, keys []string) error {
	var errs []error
	for _, key := range keys {
		errs = append(errs, s.forget(nameOf(key)))
	}
	return errors.Join(errs...)
}

// Flush forgets everything.
func (s *Store) Flush(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for s.order.Len() > 0 {
		errs = append(errs, s.remove(s.order.Back()))
	}
	return errors.Join(errs...)
}

// Ping reports whether a file can be written.
func (s *Store) Ping(context.Context) error {
	f, err := os.CreateTemp(s.dir, temporary+"*")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, block)) // a full disk accepts empty files
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}

// Close does nothing: what is kept is for the next process.
func (s *Store) Close() error { return nil }
