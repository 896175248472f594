package spend

import (
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outcrop/quota"
	"outcrop/store"
)

// fill gives each field of a struct a value of its own.
func fill(t *testing.T, v reflect.Value, n *int) {
	t.Helper()
	*n++
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Unix(1_700_000_000+int64(*n), int64(*n)).UTC()))
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.Kind() == reflect.String:
		v.SetString(fmt.Sprint("text ", *n))
	case v.CanInt():
		v.SetInt(int64(*n) - 1<<40*int64(*n%2))
	case v.Kind() == reflect.Uint8:
		v.SetUint(uint64(*n % 256))
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(t, v.Index(i), n)
		}
	case v.Kind() == reflect.Struct:
		for of, field := range v.Fields() {
			if v.Type() == reflect.TypeFor[quota.Window]() && of.Name == "Slice" {
				continue // budgets have no window that slides
			}
			fill(t, field, n)
		}
	default:
		t.Fatalf("a field is a %s: teach it to coder and to this test", v.Type())
	}
}

func TestEachFieldOfARowIsReadAsItWasWritten(t *testing.T) {
	n := 0
	full := &store.Row{}
	fill(t, reflect.ValueOf(full).Elem(), &n)
	for _, row := range []*store.Row{{}, full, sample()} {
		got, err := parseRow(version, recordOf(row))
		if diff := cmp.Diff(row, got); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
	}
}

// Rows that share a part take less, and are read as they were written; so are those that come after the encoder has stopped to keep parts.
func TestRowsThatShareAPartAreReadAsTheyWereWritten(t *testing.T) {
	e, d := &encoder{}, &decoder{version: version}
	var rows []store.Row
	for i := range 3 * mostParts {
		row := *sample()
		row.Charges = slices.Clone(row.Charges)
		row.RequestID, row.Cost = fmt.Sprint(i), int64(i)
		switch i % 3 {
		case 0:
			row.Charges[0].Units, row.Charges[0].Taken, row.Charges[1].Units, row.Charges[1].Taken = row.Cost, row.Cost, row.Cost, 0
		case 1:
			row.Charges, row.Session, row.Metadata, row.First, row.CacheRead = nil, "one", nil, time.Time{}, 0
		case 2:
			row.User = fmt.Sprint("user-", i)
		}
		rows = append(rows, row)
	}
	first, size := 0, 0
	for i := range rows {
		record := e.record(nil, &rows[i])
		e.written()
		payload, _, err := nextRecord(record)
		if err != nil {
			t.Fatal(err)
		}
		for range 1 + i%2 { // what cannot be posted is read again
			d.rows = d.rows[:i]
			if err := d.row(string(payload)); err != nil {
				t.Fatal(err)
			}
		}
		switch i {
		case 0:
			first = len(record)
		case 3:
			size = len(record)
		}
	}
	if diff := cmp.Diff(rows, d.rows); diff != "" {
		t.Error(diff)
	}
	if size > 200 || first < 2*size {
		t.Errorf("the first row takes %d bytes, and the next with the same part %d", first, size)
	}
	if len(e.numbers) != mostParts || e.bytes > mostPartBytes {
		t.Errorf("%d parts of %d bytes are kept", len(e.numbers), e.bytes)
	}
}

// recordOf is what the record of a row has, as the first of its segment.
func recordOf(row *store.Row) []byte {
	e := encoder{}
	return e.record(nil, row)[prefix:]
}

// appendRow appends a row as version 1 has it.
func appendRow(b []byte, row *store.Row) []byte {
	c := coder{out: b}
	c.row(row)
	return c.out
}

// Version 1 must be readable as long as it can be in a journal.
func TestRowsOfVersion1AreRead(t *testing.T) {
	n := 0
	want := &store.Row{}
	fill(t, reflect.ValueOf(want).Elem(), &n)
	want.Cached, want.Region = false, "" // which the first releases did not write
	name := filepath.Join("testdata", "version1.hex")
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(name, []byte(hex.EncodeToString(appendRow(nil, want))+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseRow(1, b)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

func FuzzParseRow(f *testing.F) {
	f.Add(recordOf(sample()))
	f.Add(recordOf(&store.Row{}))
	f.Fuzz(func(t *testing.T, b []byte) {
		row, err := parseRow(version, b)
		if err != nil {
			return
		}
		again, err := parseRow(version, recordOf(row))
		if diff := cmp.Diff(row, again); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
	})
}

// sample is a row as calls have it.
func sample() *store.Row {
	start := time.Date(2026, 3, 4, 5, 6, 7, 89_000_000, time.UTC)
	key := strings.Repeat("0123456789abcdef", 4)
	return &store.Row{
		RequestID: "chatcmpl-0f8fad5b-d9cb-469f-a165-70867728950e", CallType: "acompletion", Key: key, KeyAlias: "team-a-production",
		Cost: 12_345_678, Start: start, First: start.Add(300 * time.Millisecond), End: start.Add(2 * time.Second),
		Model: "anthropic.claude-sonnet-4-20250514-v1:0", Deployment: "5f9c", Group: "claude-sonnet", Provider: "bedrock",
		User: "user-1", Team: "team-1", Organization: "org-1", Tags: []string{"batch", "nightly"}, Address: "10.1.2.3",
		Input: 1234, Output: 567, CacheRead: 1000, Status: 200, Region: "us-east-1", Metadata: []byte(`{"user_api_key_alias":"team-a-production"}`),
		Charges: []store.Charge{
			{Counter: "key:" + key + "/spend", Units: 12_345_678, Taken: 12_000_000, Period: 7, Window: quota.Window{Months: 1}},
			{Counter: "team:team-1/spend", Units: 12_345_678, Taken: 12_345_678, Period: 3, Window: quota.Window{Length: time.Hour, Anchor: start}},
		},
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, parallel := range []bool{false, true} {
		b.Run(fmt.Sprintf("parallel=%v", parallel), func(b *testing.B) {
			l := newLedger()
			l.away = true // what is measured is Append alone
			j, err := prepare(Options{Dir: b.TempDir(), Store: l, Logger: slog.New(slog.DiscardHandler), MaxBytes: 1 << 40})
			if err != nil {
				b.Fatal(err)
			}
			row := sample()
			b.ReportAllocs()
			if parallel {
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if err := j.Append(row); err != nil {
							b.Error(err)
						}
					}
				})
			} else {
				for b.Loop() {
					if err := j.Append(row); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.StopTimer()
			if err := j.release(); err != nil {
				b.Error(err)
			}
		})
	}
}

// An operation is a row that is read from the journal and posted to a store that costs nothing.
func BenchmarkPost(b *testing.B) {
	j, err := prepare(Options{Dir: b.TempDir(), Store: nothing{}, Logger: slog.New(slog.DiscardHandler), MaxBytes: 1 << 40})
	if err != nil {
		b.Fatal(err)
	}
	row := sample()
	for range b.N {
		if err := j.Append(row); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	if !j.catchUp(b.Context(), &place{}) {
		b.Error("not all rows were posted")
	}
	b.StopTimer()
	if err := j.release(); err != nil {
		b.Error(err)
	}
}

// parseRow reads one row.
func parseRow(version byte, b []byte) (*store.Row, error) {
	d := decoder{version: version}
	if err := d.row(string(b)); err != nil {
		return nil, err
	}
	return &d.rows[0], nil
}
