package invoke

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of betas in docs/messages.md anew")

// TestTheTableOfBetasInTheDocs holds the page against the table.
func TestTheTableOfBetasInTheDocs(t *testing.T) {
	const page, begin, end = "../../../docs/messages.md", "<!-- betas: go test ./provider/bedrock/invoke -run TestTheTableOfBetas -update -->\n", "<!-- end -->"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	old, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no place for the table", page)
	}
	want := betaTable()
	if old == want {
		return
	}
	if !*update {
		t.Fatalf("%s is out of date: run go test ./provider/bedrock/invoke -run TestTheTableOfBetas -update", page)
	}
	if err := os.WriteFile(page, []byte(before+begin+want+end+after), 0o600); err != nil {
		t.Fatal(err)
	}
}

// betaTable is the table in Markdown: a line for each beta, in which the first case that fits counts.
func betaTable() string {
	var names []string
	cases := map[string][]string{}
	for i := range betas {
		b := &betas[i]
		if cases[b.name] == nil {
			names = append(names, b.name)
		}
		text := map[verdict]string{take: "sent", ifUsed: "sent with requests that use it", idle: "left out, because it has no effect", refuse: "**left out with a warning**"}[b.verdict]
		if b.as != "" {
			text += " as `" + b.as + "`"
		}
		if where := b.span.words(); where != "" {
			text = where + ": " + text
		} else if cases[b.name] != nil {
			text = "others: " + text
		}
		cases[b.name] = append(cases[b.name], text)
	}
	var out strings.Builder
	out.WriteString("| beta | to Claude on Bedrock |\n| --- | --- |\n")
	for _, name := range names {
		fmt.Fprintf(&out, "| `%s` | %s |\n", name, strings.Join(cases[name], "; "))
	}
	return out.String()
}

// words names the models of a span; empty for all.
func (s span) words() string {
	number := func(v int) string {
		text := strconv.Itoa(v / 100)
		if v%100 > 0 {
			text += "." + strconv.Itoa(v%100)
		}
		return text
	}
	name := "Claude"
	if s.name != "" {
		name = "`" + s.name + "`"
	}
	switch {
	case s.from > 0 && s.below > 0:
		return name + " " + number(s.from) + " to before " + number(s.below)
	case s.from > 0:
		return name + " " + number(s.from) + " and later"
	case s.below > 0:
		return name + " before " + number(s.below)
	case s.name != "":
		return name
	default:
		return ""
	}
}
