package spend

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outcrop/store"
)

func TestMain(m *testing.M) {
	if os.Getenv(childFolder) != "" {
		child()
	}
	goleak.VerifyTestMain(m)
}

func TestWhatIsAppendedIsPostedOnce(t *testing.T) {
	for name, dir := range map[string]string{"on disk": t.TempDir(), "in memory": ""} {
		t.Run(name, func(t *testing.T) {
			l := newLedger()
			opt := fast(dir, l)
			opt.segmentBytes = 2000
			j := mustOpen(t, opt)
			names := add(t, j, 1, 2500)
			l.wait(t, "all rows", func() bool { return len(l.rows) == len(names) })
			names = append(names, add(t, j, 2501, 2600)...)
			mustClose(t, j)
			l.once(t, names...)
			if rows, oldest := j.Pending(); rows != 0 || !oldest.IsZero() {
				t.Errorf("%d rows are pending since %s", rows, oldest)
			}
			if err := j.Append(&store.Row{}); !errors.Is(err, ErrClosed) {
				t.Errorf("Append after Close: %v", err)
			}
			if dir == "" {
				return
			}
			if left := segmentsOf(t, dir); len(left) != 0 {
				t.Errorf("segments are left: %s", left)
			}
		})
	}
}

func segmentsOf(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, Folder, "*", "*"+extension))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestRowsOfManyCallersArePostedOnceAndTheirSegmentsDeleted(t *testing.T) {
	for _, durable := range []bool{false, true} {
		t.Run(fmt.Sprintf("sync %v", durable), func(t *testing.T) {
			dir, l := t.TempDir(), newLedger()
			opt := fast(dir, l)
			opt.segmentBytes, opt.Sync = 5000, durable
			j := mustOpen(t, opt)
			var callers sync.WaitGroup
			var names []string
			for c := range 8 {
				for i := range 200 {
					names = append(names, fmt.Sprintf("%d/%d", c, i))
				}
				callers.Go(func() {
					for i := range 200 {
						if err := j.Append(&store.Row{RequestID: fmt.Sprintf("%d/%d", c, i)}); err != nil {
							t.Error(err)
						}
					}
				})
			}
			callers.Wait()
			l.wait(t, "all rows", func() bool { return len(l.rows) == len(names) })
			mustClose(t, j)
			l.once(t, names...)
			if left := segmentsOf(t, dir); len(left) != 0 {
				t.Errorf("segments are left: %s", left)
			}
		})
	}
}

func TestABatchThatWaitsIsPostedBeforeItsTime(t *testing.T) {
	l := newLedger()
	opt := fast(t.TempDir(), l)
	opt.Every = time.Hour
	j := mustOpen(t, opt)
	names := add(t, j, 1, batchRows)
	l.wait(t, "the batch", func() bool { return len(l.rows) == batchRows })
	names = append(names, add(t, j, batchRows+1, batchRows+1)...)
	mustClose(t, j)
	l.once(t, names...)
}

func TestRowsWaitWhileTheStoreIsAway(t *testing.T) {
	dir, l, log := t.TempDir(), newLedger(), &logged{}
	opt := fast(dir, l)
	opt.segmentBytes, opt.Logger = 2000, log.logger()
	j := mustOpen(t, opt)
	l.set(func() { l.away = true })
	before := time.Now()
	names := add(t, j, 1, 3000)
	l.wait(t, "some attempts", func() bool { return l.tries >= 3 })
	if rows, oldest := j.Pending(); rows != 3000 || oldest.Before(before) || oldest.After(time.Now()) {
		t.Errorf("%d rows are pending since %s", rows, oldest)
	}
	l.set(func() { l.away = false })
	l.wait(t, "all rows", func() bool { return len(l.rows) == len(names) })
	mustClose(t, j)
	l.once(t, names...)
	if lost, back := log.count("cannot be posted"), log.count("can be posted again"); lost != 1 || back != 1 {
		t.Errorf("the log has %d lines about the outage and %d about its end:\n%s", lost, back, &log.text)
	}
}

func TestAnAttemptWithAnUnknownOutcomeIsRepeated(t *testing.T) {
	l := newLedger()
	j := mustOpen(t, fast(t.TempDir(), l))
	l.set(func() { l.unsure = true })
	names := add(t, j, 1, 10)
	l.wait(t, "another attempt", func() bool { return len(l.rows) == 10 && l.tries >= 2 })
	mustClose(t, j)
	l.once(t, names...)
}

func TestCloseSaysWhatWasNotPosted(t *testing.T) {
	for name, dir := range map[string]string{"posts it": t.TempDir(), "is lost": ""} {
		t.Run(name, func(t *testing.T) {
			l := newLedger()
			j := mustOpen(t, fast(dir, l))
			l.set(func() { l.away = true })
			names := add(t, j, 1, 10)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			if err := j.Close(ctx); err == nil || !strings.Contains(err.Error(), "10 calls") || !strings.Contains(err.Error(), name) {
				t.Errorf("Close: %v", err)
			}
			if err := j.Close(ctx); err == nil {
				t.Error("a second Close says that all was posted")
			}
			if dir == "" {
				return
			}
			l.set(func() { l.away = false })
			replica := j.Replica()
			j = mustOpen(t, fast(dir, l))
			l.once(t, names...) // when Open returns
			if j.Replica() != replica {
				t.Errorf("the replica is %s and was %s", j.Replica(), replica)
			}
			mustClose(t, j)
		})
	}
}

func TestOpenWaitsForTheStore(t *testing.T) {
	l := newLedger()
	l.away = true
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	dir := t.TempDir()
	if _, err := Open(ctx, fast(dir, l)); !errors.Is(err, errAway) {
		t.Errorf("Open: %v", err)
	}
	l.away = false
	mustClose(t, mustOpen(t, fast(dir, l))) // the lock was released
	if ids, err := folders(dir); err != nil || len(ids) != 1 {
		t.Errorf("folders %s, %v", ids, err)
	}
}

func TestProcessesWithOneDataFolderHaveAJournalEach(t *testing.T) {
	dir, l := t.TempDir(), newLedger()
	a, b := mustOpen(t, fast(dir, l)), mustOpen(t, fast(dir, l))
	if a.Replica() == b.Replica() {
		t.Fatal("two processes are one replica")
	}
	l.set(func() { l.away = true })
	names := append(add(t, a, 1, 20), add(t, b, 1, 30)...)
	abandon(t, a)
	abandon(t, b)
	l.set(func() { l.away = false })
	c := mustOpen(t, fast(dir, l))
	l.once(t, names...) // those of the other one too
	if c.Replica() != a.Replica() && c.Replica() != b.Replica() {
		t.Error("the process did not take a journal that was there")
	}
	d := mustOpen(t, fast(dir, l))
	names = append(names, add(t, c, 101, 110)...)
	names = append(names, add(t, d, 201, 210)...)
	mustClose(t, c)
	mustClose(t, d)
	l.once(t, names...)
	if ids, err := folders(dir); err != nil || len(ids) != 2 {
		t.Errorf("folders %s, %v", ids, err)
	}
}

func TestTheJournalOfAProcessThatDiesIsPostedByAnother(t *testing.T) {
	dir, l := t.TempDir(), newLedger()
	opt := fast(dir, l)
	opt.adoptEvery = time.Millisecond
	a, b := mustOpen(t, opt), mustOpen(t, opt)
	l.set(func() { l.away = true })
	names := add(t, b, 1, 20)
	abandon(t, b)
	l.set(func() { l.away = false })
	l.wait(t, "the rows of the other process", func() bool { return len(l.rows) == 20 })
	mustClose(t, a)
	l.once(t, names...)
}

func TestTheEndOfASegmentThatAPowerFailureDamagedIsCutOff(t *testing.T) {
	for name, damage := range map[string]func(b []byte) []byte{
		"shorter":        func(b []byte) []byte { return b[:len(b)-3] },
		"a bit":          func(b []byte) []byte { b[len(b)-1] ^= 4; return b },
		"the length":     func(b []byte) []byte { b[len(b)-recordSize(b)+6] = 0xff; return b },
		"zeros":          func(b []byte) []byte { clear(b[len(b)-recordSize(b):]); return b },
		"part of a head": func(b []byte) []byte { return b[:len(b)-recordSize(b)+5] },
	} {
		t.Run(name, func(t *testing.T) {
			dir, l, log := t.TempDir(), newLedger(), &logged{}
			j := mustOpen(t, fast(dir, l))
			l.set(func() { l.away = true })
			names := add(t, j, 1, 20)
			abandon(t, j)
			segment := segmentsOf(t, dir)[0]
			b, err := os.ReadFile(segment)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(segment, damage(b), 0o600); err != nil {
				t.Fatal(err)
			}
			l.set(func() { l.away = false })
			opt := fast(dir, l)
			opt.Logger = log.logger()
			j = mustOpen(t, opt)
			l.once(t, names[:19]...)
			if log.count("is damaged") != 1 {
				t.Errorf("the log:\n%s", &log.text)
			}
			more := add(t, j, 101, 110)
			mustClose(t, j)
			l.once(t, append(names[:19:19], more...)...)
		})
	}
}

// recordSize is the size of the last of the records of equal size in a segment of add.
func recordSize(b []byte) int {
	b = b[len(header):]
	for {
		_, n, err := nextRecord(b)
		if err != nil || n == 0 {
			panic("the segment is damaged")
		}
		if n == len(b) {
			return n
		}
		b = b[n:]
	}
}

// After a power failure, the disk may have fewer rows than the store. The numbers of the lost ones are not used
// again, because the store would take new rows for old ones.
func TestRowsAfterAPowerFailureAreNotTakenForThoseThatWereLost(t *testing.T) {
	dir, l := t.TempDir(), newLedger()
	j := mustOpen(t, fast(dir, l))
	names := add(t, j, 1, 20)
	l.wait(t, "all rows", func() bool { return len(l.rows) == 20 })
	abandon(t, j)
	for _, name := range segmentsOf(t, dir) {
		if err := os.Truncate(name, 30); err != nil {
			t.Fatal(err)
		}
	}
	j = mustOpen(t, fast(dir, l))
	names = append(names, add(t, j, 21, 25)...)
	mustClose(t, j)
	l.once(t, names...)
}

func TestAJournalOfALaterReleaseIsLeftAlone(t *testing.T) {
	dir, l := t.TempDir(), newLedger()
	j := mustOpen(t, fast(dir, l))
	l.set(func() { l.away = true })
	add(t, j, 1, 2)
	abandon(t, j)
	l.set(func() { l.away = false })
	name := segmentsOf(t, dir)[0]
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	b[len(header)-1] = version + 1
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), fast(dir, l)); err == nil || !strings.Contains(err.Error(), fmt.Sprint("its version is ", version+1)) {
		t.Errorf("Open: %v", err)
	}
	if _, err := os.Stat(name); err != nil {
		t.Error(err)
	}
}

func TestAnEmptySegmentOfAProcessThatWasKilledIsNoDamage(t *testing.T) {
	dir, l, log := t.TempDir(), newLedger(), &logged{}
	j := mustOpen(t, fast(dir, l))
	folder := filepath.Join(dir, Folder, j.Replica())
	mustClose(t, j)
	if err := os.WriteFile(filepath.Join(folder, (&segment{first: 7}).name()), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	opt := fast(dir, l)
	opt.Logger = log.logger()
	mustClose(t, mustOpen(t, opt))
	if log.text.Len() > 0 {
		t.Errorf("the log:\n%s", &log.text)
	}
}

func TestAppendRefusesWhenTooMuchWaits(t *testing.T) {
	for name, dir := range map[string]string{"on disk": t.TempDir(), "in memory": ""} {
		t.Run(name, func(t *testing.T) {
			l, log := newLedger(), &logged{}
			opt := fast(dir, l)
			opt.MaxBytes, opt.Logger = 20_000, log.logger()
			j := mustOpen(t, opt)
			l.set(func() { l.away = true })
			var names []string
			var err error
			for i := 0; err == nil && i < 20_000; i++ {
				row := &store.Row{RequestID: fmt.Sprint("r", i)}
				if err = j.Append(row); err == nil {
					names = append(names, row.RequestID)
				}
			}
			for range 3 {
				if err := j.Append(&store.Row{RequestID: "more"}); !errors.Is(err, ErrFull) {
					t.Errorf("Append: %v", err)
				}
			}
			l.set(func() { l.away = false })
			l.wait(t, "all rows", func() bool { return len(l.rows) == len(names) })
			for deadline := time.Now().Add(30 * time.Second); ; { // the space is free soon after the rows were posted
				if err = j.Append(&store.Row{RequestID: "last"}); err == nil || time.Now().After(deadline) {
					break
				}
			}
			if err != nil {
				t.Error(err)
			}
			mustClose(t, j)
			l.once(t, append(names, "last")...)
			if full, again := log.count("cannot be written"), log.count("can be written again"); full != 1 || again != 1 {
				t.Errorf("the log has %d and %d lines about it", full, again)
			}
		})
	}
}

func TestARowThatIsTooLongIsRefused(t *testing.T) {
	l := newLedger()
	j := mustOpen(t, fast(t.TempDir(), l))
	if err := j.Append(&store.Row{RequestID: "long", Metadata: make([]byte, maxRecord)}); !errors.Is(err, ErrFull) {
		t.Errorf("Append: %v", err)
	}
	if err := j.Append(&store.Row{RequestID: "longest", Metadata: make([]byte, maxRecord-1000)}); err != nil {
		t.Errorf("Append: %v", err)
	}
	mustClose(t, j)
	l.once(t, "longest")
}
