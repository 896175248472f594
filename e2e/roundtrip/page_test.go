package roundtrip

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/round-trips.md") //nolint:gochecknoglobals // a flag

const pagePath = "../../docs/round-trips.md"

// plainLabel is a label without the number of the part.
func plainLabel(label string) string { return strings.TrimRight(label, " 0123456789") }

// checkPage compares the report with its file, or writes it.
func checkPage(t *testing.T, text string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(pagePath, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	kept, err := os.ReadFile(pagePath)
	if err != nil {
		t.Fatal(err)
	}
	if string(kept) != text {
		t.Errorf("%s is not what the run gives; run go test ./e2e/roundtrip -run %s -update and read the difference", pagePath, t.Name())
	}
}

// page is the report.
func page(total int, cells map[string]int, lost map[missing]map[string]map[string]bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# What reaches which provider

`+"`go test ./e2e/roundtrip -update`"+` writes this page. It sends %d conversations through every frontend to every kind of provider,
non-streaming and streaming, before upstreams written for the test: text, system prompts, several turns, images, PDF, tools,
parallel calls, results with images, reasoning that comes back with its signature, cache points, schemas, sampling, stop sequences,
tool choice, usage, stop reasons and citations. It compares what arrives at the provider, and at the client, with what was said.
A number is how many of the conversations arrive complete; whatever does not is listed below, and each of these losses is a
warning in `+"`x-outcrop-warnings`"+` or a refusal that names the field.

| frontend |`, total)
	for _, u := range upstreams() {
		b.WriteString(" " + u.title + " |")
	}
	b.WriteString("\n| --- |" + strings.Repeat(" --- |", len(upstreams())) + "\n")
	for _, d := range doors() {
		b.WriteString("| " + d.title + " |")
		for _, u := range upstreams() {
			if d.served(u) {
				fmt.Fprintf(&b, " %d |", cells[d.name+u.name])
			} else {
				b.WriteString(" – |")
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("\nNot compared (–): AWS's own API serves Bedrock's models only. The frontend Responses passes requests on to OpenAI's, Azure's and Bedrock's own Responses API.\n\n## What does not arrive\n\n| what | providers | from | reason |\n| --- | --- | --- | --- |\n")
	var rows []string
	for m, kinds := range lost {
		// providers that lose it from the same frontends share a row
		groups := map[string][]string{}
		for _, kind := range slices.Sorted(maps.Keys(kinds)) {
			from := strings.Join(slices.Sorted(maps.Keys(kinds[kind])), ", ")
			groups[from] = append(groups[from], kind)
		}
		for from, names := range groups {
			rows = append(rows, fmt.Sprintf("| %s | %s | %s | %s |\n", m.label, strings.Join(names, ", "), from, m.why))
		}
	}
	slices.Sort(rows)
	b.WriteString(strings.Join(rows, ""))
	b.WriteString("\n## What a frontend's API cannot say\n\nThese were not asked, or cannot be answered, through the frontend.\n\n| frontend | what |\n| --- | --- |\n")
	for _, d := range doors() {
		labels := slices.Sorted(maps.Keys(d.cannot))
		for i, label := range labels {
			labels[i] = strings.TrimSpace(strings.TrimSuffix(label, "*"))
			switch labels[i] {
			case "cache point":
				labels[i] = "cache points"
			case "failure of":
				labels[i] = "that a tool failed"
			}
		}
		fmt.Fprintf(&b, "| %s | %s |\n", d.title, strings.Join(labels, ", "))
	}
	return b.String()
}
