package spend

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"outcrop/store"
)

// killed leaves a journal's segment as a process does that is killed: with the space that it has reserved.
func killed(t *testing.T, dir string, rows int) (l *ledger, segment string, names []string) {
	t.Helper()
	l = newLedger()
	j := mustOpen(t, fast(dir, l))
	l.set(func() { l.away = true })
	names = add(t, j, 1, rows)
	segment = segmentsOf(t, dir)[0]
	b, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) < reservedBytes {
		t.Fatalf("the segment has %d bytes: nothing is reserved", len(b))
	}
	abandon(t, j)
	if info, err := os.Stat(segment); err != nil || info.Size() >= reservedBytes {
		t.Errorf("a closed segment: %v, %v", info.Size(), err)
	}
	if err := os.WriteFile(segment, b, 0o600); err != nil {
		t.Fatal(err)
	}
	l.set(func() { l.away = false })
	return l, segment, names
}

func TestReservedSpaceOfAProcessThatWasKilledIsNoDamage(t *testing.T) {
	dir, log := t.TempDir(), &logged{}
	l, _, names := killed(t, dir, 20)
	opt := fast(dir, l)
	opt.Logger = log.logger()
	mustClose(t, mustOpen(t, opt))
	l.once(t, names...)
	if log.text.Len() > 0 {
		t.Errorf("the log:\n%s", &log.text)
	}
	t.Run("without a header", func(t *testing.T) {
		if err := os.WriteFile(filepath.Join(dir, Folder, mustID(t, dir), (&segment{first: 100}).name()), make([]byte, reservedBytes), 0o600); err != nil {
			t.Fatal(err)
		}
		mustClose(t, mustOpen(t, opt))
		if log.text.Len() > 0 {
			t.Errorf("the log:\n%s", &log.text)
		}
	})
}

// mustID is the id of the only replica of a data folder.
func mustID(t *testing.T, dir string) string {
	t.Helper()
	ids, err := folders(dir)
	if err != nil || len(ids) != 1 {
		t.Fatalf("%q, %v", ids, err)
	}
	return ids[0]
}

// A power failure may lose a page and keep a later one.
func TestZerosBeforeRecordsAreDamage(t *testing.T) {
	dir, log := t.TempDir(), &logged{}
	l, segment, names := killed(t, dir, 20)
	b, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	_, size, err := nextRecord(b[len(header):])
	if err != nil {
		t.Fatal(err)
	}
	clear(b[len(header)+size : len(header)+2*size])
	if err := os.WriteFile(segment, b, 0o600); err != nil {
		t.Fatal(err)
	}
	opt := fast(dir, l)
	opt.Logger = log.logger()
	mustClose(t, mustOpen(t, opt))
	l.once(t, names[:1]...)
	if log.count("is damaged") != 1 {
		t.Errorf("the log:\n%s", &log.text)
	}
}

// What is behind the file's end cannot be written: the row is refused, and the process goes on.
func TestAFileThatSomebodyHasMadeShorterRefusesRows(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "segment"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := newMapped(f)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Write([]byte("first")); err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(0); err != nil {
		t.Fatal(err)
	}
	if n, err := m.Write([]byte("second")); n != 0 || err == nil {
		t.Errorf("written %d bytes, %v", n, err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

// A record that does not fit into what is reserved makes the file larger.
func TestALongRecordMakesTheSegmentLarger(t *testing.T) {
	dir, l := t.TempDir(), newLedger()
	j := mustOpen(t, fast(dir, l))
	l.set(func() { l.away = true })
	var names []string
	for _, name := range []string{"a", "b", "c"} {
		if err := j.Append(&store.Row{RequestID: name, Metadata: make([]byte, 3<<20)}); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	l.set(func() { l.away = false })
	mustClose(t, j)
	l.once(t, names...)
	if left, err := fs.Glob(os.DirFS(filepath.Join(dir, Folder)), "*/*"+extension); err != nil || len(left) > 0 {
		t.Errorf("%q are left, %v", left, err)
	}
}
