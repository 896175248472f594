package spend

import (
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
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
		got := &store.Row{}
		err := parseRow(appendRow(nil, row), got)
		if diff := cmp.Diff(row, got); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
	}
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
	got := &store.Row{}
	err = parseRow(b, got)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

func FuzzParseRow(f *testing.F) {
	f.Add(appendRow(nil, sample()))
	f.Add(appendRow(nil, &store.Row{}))
	f.Fuzz(func(t *testing.T, b []byte) {
		row, again := &store.Row{}, &store.Row{}
		if parseRow(b, row) != nil {
			return
		}
		err := parseRow(appendRow(nil, row), again)
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
func parseRow(b []byte, row *store.Row) error {
	t := texts{text: string(b)}
	return t.row(0, len(b), row)
}
