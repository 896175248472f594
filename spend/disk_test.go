package spend

import (
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"

	"outcrop/store"
)

// fullDisk is a disk that takes a number of bytes.
type fullDisk struct {
	disk

	space    atomic.Int64
	noCut    bool // Truncate fails
	noCreate atomic.Bool
}

func (d *fullDisk) create(name string, sync bool) (file, error) {
	if d.noCreate.Load() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EMFILE}
	}
	f, err := d.disk.create(name, sync)
	return &fullFile{f, d}, err
}

type fullFile struct {
	file

	disk *fullDisk
}

func (f *fullFile) Write(p []byte) (int, error) {
	n := min(int64(len(p)), f.disk.space.Load())
	f.disk.space.Add(-n)
	if n, err := f.file.Write(p[:n]); err != nil || n == len(p) {
		return n, err
	}
	return int(n), syscall.ENOSPC
}

func (f *fullFile) Truncate(size int64) error {
	if f.disk.noCut {
		return syscall.EIO
	}
	return f.file.Truncate(size)
}

func TestAFullDiskLosesNothingThatWasTaken(t *testing.T) {
	for name, noCut := range map[string]bool{"a part of a record is cut off": false, "a new segment is begun": true} {
		t.Run(name, func(t *testing.T) {
			dir, l, log := t.TempDir(), newLedger(), &logged{}
			opt := fast(dir, l)
			opt.Logger = log.logger()
			j := mustOpen(t, opt)
			full := &fullDisk{disk: j.disk, noCut: noCut}
			j.mu.Lock()
			j.disk = full
			j.mu.Unlock()
			l.set(func() { l.away = true })
			var names []string
			for i, space := range []int64{5, 12, 1000, 0, 3, 500, 1 << 20} { // the first is less than a header
				full.space.Store(space)
				for k := range 30 {
					row := &store.Row{RequestID: fmt.Sprintf("%d/%d", i, k)}
					err := j.Append(row)
					switch {
					case err == nil:
						names = append(names, row.RequestID)
					case !errors.Is(err, ErrFull) || !errors.Is(err, syscall.ENOSPC):
						t.Fatalf("Append: %v", err)
					}
				}
			}
			if len(names) < 40 || len(names) > 200 {
				t.Fatalf("%d rows were taken", len(names))
			}
			if log.count("cannot be written") != 4 && log.count("cannot be written") != 3 {
				t.Errorf("the log:\n%s", &log.text)
			}
			abandon(t, j) // what is on disk is what counts
			l.set(func() { l.away = false })
			j = mustOpen(t, fast(dir, l))
			l.once(t, names...)
			mustClose(t, j)
		})
	}
}

func TestRowsAreWrittenAgainWhenASegmentCanBeMade(t *testing.T) {
	dir, l := t.TempDir(), newLedger()
	opt := fast(dir, l)
	opt.segmentBytes = 1
	j := mustOpen(t, opt)
	d := &fullDisk{disk: j.disk}
	d.space.Store(1 << 20)
	j.mu.Lock()
	j.disk = d
	j.mu.Unlock()
	names := add(t, j, 1, 5)
	d.noCreate.Store(true)
	if err := j.Append(&store.Row{}); !errors.Is(err, syscall.EMFILE) {
		t.Errorf("Append: %v", err)
	}
	d.noCreate.Store(false)
	names = append(names, add(t, j, 6, 9)...)
	mustClose(t, j)
	l.once(t, names...)
}

// slowDisk is a disk that has rows when it is told to.
type slowDisk struct {
	disk

	finish chan error // what attempts to sync return
	tries  atomic.Int64
}

func (d *slowDisk) create(name string, sync bool) (file, error) {
	f, err := d.disk.create(name, sync)
	return &slowFile{f, d}, err
}

type slowFile struct {
	file

	disk *slowDisk
}

func (f *slowFile) Sync() error {
	f.disk.tries.Add(1)
	return <-f.disk.finish
}

func TestWithSyncAppendWaitsForTheDiskTogetherWithOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, log := newLedger(), &logged{}
		opt := fast("", l)
		opt.Sync, opt.Logger = true, log.logger()
		j := mustOpen(t, opt)
		d := &slowDisk{disk: j.disk, finish: make(chan error)}
		j.disk = d
		var returned atomic.Int64
		for i := range 10 {
			go func() {
				if err := j.Append(&store.Row{RequestID: fmt.Sprint(i)}); err != nil {
					t.Error(err)
				}
				returned.Add(1)
			}()
		}
		for _, step := range []struct{ tries, returned int64 }{{1, 0}, {2, 1}, {2, 10}} {
			synctest.Wait()
			if tries, n := d.tries.Load(), returned.Load(); tries != step.tries || n != step.returned {
				t.Errorf("after %d attempts, %d calls have returned; want %d and %d", tries, n, step.tries, step.returned)
			}
			if step.returned < 10 {
				d.finish <- nil
			}
		}
		for range 2 {
			go func() { d.finish <- syscall.EIO }()
			if err := j.Append(&store.Row{RequestID: "unsure"}); err != nil {
				t.Errorf("a row that will be posted is refused: %v", err)
			}
		}
		if log.count("does not confirm") != 1 {
			t.Errorf("the log:\n%s", &log.text)
		}
		mustClose(t, j)
	})
}
