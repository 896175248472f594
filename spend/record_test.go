package spend

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"outcrop/store"
)

// A process of an earlier release that was killed leaves segments of version 1.
func TestASegmentOfVersion1IsPosted(t *testing.T) {
	dir, l := t.TempDir(), newLedger()
	j := mustOpen(t, fast(dir, l))
	folder := filepath.Join(dir, Folder, j.Replica())
	mustClose(t, j)
	b := []byte(strings.TrimSuffix(header, string(rune(version))) + "\x01")
	var names []string
	for _, name := range []string{"a", "b", "c"} {
		row := *sample()
		row.RequestID = name
		start := len(b)
		b = appendRow(binary.LittleEndian.AppendUint64(b, 0), &row)
		seal(b, start)
		names = append(names, name)
	}
	if err := os.WriteFile(filepath.Join(folder, (&segment{first: 1}).name()), b, 0o600); err != nil {
		t.Fatal(err)
	}
	j = mustOpen(t, fast(dir, l))
	names = append(names, add(t, j, 4, 6)...)
	mustClose(t, j)
	l.once(t, names...)
}

// What was not posted is found with its common part by the next process, also if the rows before it were posted.
func TestRowsThatWaitAreReadWithThePartsOfThoseThatWerePosted(t *testing.T) {
	dir, l := t.TempDir(), newLedger()
	j := mustOpen(t, fast(dir, l))
	names := add(t, j, 1, 20)
	l.wait(t, "the first rows", func() bool { return len(l.rows) == 20 })
	l.set(func() { l.away = true })
	names = append(names, add(t, j, 21, 30)...)
	if err := j.Append(&store.Row{RequestID: "other", Key: "k"}); err != nil {
		t.Fatal(err)
	}
	abandon(t, j)
	l.set(func() { l.away = false })
	mustClose(t, mustOpen(t, fast(dir, l)))
	l.once(t, append(names, "other")...)
}
