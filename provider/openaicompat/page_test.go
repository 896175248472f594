package openaicompat_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"outcrop/provider/openaicompat"
)

var update = flag.Bool("update", false, "write the table of vendors in docs/providers.md anew")

// TestProvidersPage holds the table in docs/providers.md to the vendors' files.
func TestProvidersPage(t *testing.T) {
	all, err := openaicompat.Vendors()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("\n| prefix | vendor | key | base URL | APIs |\n| --- | --- | --- | --- | --- |\n")
	for _, v := range all {
		names := "`" + strings.Join(append([]string{v.Name}, v.Aliases...), "/`, `") + "/`"
		keys := "`" + strings.Join(v.KeyVariables, "`, `") + "`"
		if v.KeyOptional {
			keys += " (optional)"
		}
		base := v.BaseURL
		if base == "" {
			base = "`api_base`"
			if len(v.BaseURLVariables) > 0 {
				base += " or `" + v.BaseURLVariables[0] + "`"
			}
		}
		var apis []string
		for _, api := range []struct{ name, path string }{
			{"chat", v.APIs.Chat},
			{"embeddings", v.APIs.Embeddings},
			{"rerank", v.APIs.Rerank},
			{"completions", v.APIs.Completions},
			{"images", v.APIs.ImageGenerations},
			{"image edits", v.APIs.ImageEdits},
			{"image variations", v.APIs.ImageVariations},
			{"speech", v.APIs.Speech},
			{"transcriptions", v.APIs.Transcriptions},
			{"translations", v.APIs.Translations},
			{"moderations", v.APIs.Moderations},
			{"files", v.APIs.Files},
			{"batches", v.APIs.Batches},
		} {
			if api.path != "" {
				apis = append(apis, api.name)
			}
		}
		title := v.Title
		if v.Docs != "" {
			title = "[" + title + "](" + v.Docs + ")"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", names, title, keys, base, strings.Join(apis, ", "))
	}
	fmt.Fprintf(&b, "\n%d vendors.\n\n", len(all))
	const path = "../../docs/providers.md"
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(page), "-update -->\n")
	_, after, ok2 := strings.Cut(rest, "<!-- end of vendors -->")
	if !ok || !ok2 {
		t.Fatal("docs/providers.md has no place for the table")
	}
	want := before + "-update -->\n" + b.String() + "<!-- end of vendors -->" + after
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if string(page) != want {
		t.Error("docs/providers.md is out of date: run go test ./provider/openaicompat -run TestProvidersPage -update")
	}
}
