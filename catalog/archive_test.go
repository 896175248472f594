package catalog_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"outcrop/catalog"
)

func archive(t *testing.T, day string) []byte {
	t.Helper()
	data, err := catalog.Archive(map[string][]byte{
		"sources.json": []byte(`[{"key":"a","name":"a","date":"` + day + `","url":""}]`),
		"openai.jsonl": []byte(`{"id":"gpt-5","maxOutput":7,"by":"a"}` + "\n"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestANewerArchiveReplacesTheProgramsFacts(t *testing.T) {
	newer, older := archive(t, "2099-01-01"), archive(t, "2020-01-01")
	damaged := append([]byte(nil), newer...)
	at := strings.Index(string(damaged), "openai.jsonl") + len("openai.jsonl") + 4
	damaged[at] ^= 0x20
	for name, tt := range map[string]struct {
		data []byte
		used bool
		err  string
	}{
		"newer":         {newer, true, ""},
		"older":         {older, false, ""},
		"cut short":     {newer[:len(newer)-10], false, "cannot be used"},
		"damaged":       {damaged, false, "cannot be used"},
		"empty":         {nil, false, "cannot be used"},
		"something":     {[]byte("granite"), false, "cannot be used"},
		"there is none": {nil, false, ""},
	} {
		dir := t.TempDir()
		if name != "there is none" {
			if err := os.WriteFile(filepath.Join(dir, catalog.ArchiveName), tt.data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		files, err := catalog.Newest(dir)
		if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %v", name, err)
		}
		c, err := catalog.Open(files)
		if err != nil {
			t.Fatal(err)
		}
		table, err := c.Provider("openai")
		if err != nil {
			t.Fatal(err)
		}
		if m, ok := table.Model("gpt-5"); !ok || (m.MaxOutput == 7) != tt.used {
			t.Errorf("%s: %+v", name, m)
		}
	}
	if files, err := catalog.Newest(""); err != nil || files == nil {
		t.Error(err)
	}
}

func TestVerifyReadsEveryFile(t *testing.T) {
	if n, err := catalog.Verify(catalog.Embedded()); err != nil || n < 4000 {
		t.Errorf("%d models, %v", n, err)
	}
	files := func(text string) fs.FS {
		data, err := catalog.Archive(map[string][]byte{
			"sources.json": []byte(`[{"key":"a","name":"a","date":"` + time.Now().Format(time.DateOnly) + `","url":""}]`), "openai.jsonl": []byte(text),
		})
		if err != nil {
			t.Fatal(err)
		}
		opened, err := catalog.OpenArchive(data)
		if err != nil {
			t.Fatal(err)
		}
		return opened
	}
	for _, wrong := range []string{"", `{"id":"a","by":"b"}`, `{"id":"a"`} {
		if _, err := catalog.Verify(files(wrong)); err == nil {
			t.Errorf("%q is accepted", wrong)
		}
	}
}

func TestFactsForPeopleHaveSources(t *testing.T) {
	table, err := open(t, "openai", `{"id":"m","maxOutput":5,"tools":false,"prices":[{"input":1.25},{"tier":"flex","above":200000,"cacheRead":0.5}],"units":{"query":0.002},"by":"a","also":{"b":"maxOutput"}}`)
	if err != nil {
		t.Fatal(err)
	}
	m, _ := table.Model("m")
	var lines []string
	for _, f := range m.Facts() {
		lines = append(lines, f.Name+"="+f.Value+"|"+f.Source.Key)
	}
	want := "id=m|a;most output=5|b;tools=no|a;price of input=$1.25 per million tokens|a;flex: price of cache read above 200000=$0.5 per million tokens|a;price of query=$0.002|a"
	if got := strings.Join(lines, ";"); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}
