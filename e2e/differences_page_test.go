package e2e

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// explained is what the page says of differences that have one explanation.
type explained struct {
	cause
	paths    []string
	requests int    // in which it is seen
	last     string // of them
	example  string
}

// TestDifferencesFromLiteLLM sends each request, whole and streamed, to LiteLLM and to
// Outcrop with one configuration before one Bedrock. What differs of the status, of
// the requests to Bedrock and of the answers is explained, or the test fails;
// docs/litellm-differences.md is made of it.
func TestDifferencesFromLiteLLM(t *testing.T) {
	t.Parallel()
	program := litellmProxy(t)
	upstream := startAnswering(t)
	config := comparedConfig(upstream.url)
	env := map[string]string{"AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true", "AWS_ENDPOINT_URL_STS": upstream.url}
	proxy, own := program.start(t, config, env), startApp(t, config, "", env)

	whys := causes()
	found := make([]explained, len(whys))
	patterns := make([][4]*regexp.Regexp, len(whys))
	for i, e := range whys {
		found[i].cause = e
		patterns[i] = [4]*regexp.Regexp{regexp.MustCompile("^" + e.where + "$"), regexp.MustCompile("^" + e.path + "$"), regexp.MustCompile(e.row), regexp.MustCompile(e.values)}
	}
	requests, alike := 0, 0
	names := map[string]bool{}
	for _, c := range comparedRows() {
		if names[c.name] {
			t.Errorf("two requests are called %s", c.name)
		}
		names[c.name] = true
		for _, stream := range []bool{false, true} {
			requests++
			name := fmt.Sprintf("%s (stream: %v)", c.name, stream)
			l, o := c.ask(t, upstream, proxy, stream), c.ask(t, upstream, own.URL(), stream)
			differs := false
			for _, d := range c.differences(t, &l, &o) {
				if d.where == "answer" && (d.path == "id" || d.path == "created") {
					continue // each gateway's own
				}
				i := slices.IndexFunc(patterns, func(of [4]*regexp.Regexp) bool {
					return of[0].MatchString(d.where) && of[1].MatchString(d.path) && of[2].MatchString(c.name) && of[3].MatchString(d.litellm+" | "+d.outcrop)
				})
				if i < 0 {
					t.Errorf("%s: nothing explains %s %s: LiteLLM %s, Outcrop %s", name, d.where, d.path, d.litellm, d.outcrop)
					continue
				}
				found[i].add(name, c.name, &d)
				differs = differs || whys[i].better != equal && (d.where != "answer" || d.litellm != "")
			}
			if !differs {
				alike++
			}
		}
	}
	for i := range found {
		if found[i].requests == 0 {
			t.Errorf("there is no difference any more: %s %s %s: %s", found[i].where, found[i].path, found[i].row, found[i].why)
		}
	}
	comparePage(t, "litellm-differences.md", differencesPage(t, found, requests, alike))
}

// add takes in a difference of a request.
func (e *explained) add(request, row string, d *difference) {
	if e.last != request {
		e.last = request
		e.requests++
	}
	if !slices.Contains(e.paths, d.path) {
		e.paths = append(e.paths, d.path)
	}
	if e.example == "" {
		e.example = fmt.Sprintf("%s: %s | %s", row, brief(d.litellm), brief(d.outcrop))
	}
}

// brief is a value's beginning as a cell of a table.
func brief(s string) string {
	if s == "" {
		return "nothing"
	}
	s = strings.ReplaceAll(strings.TrimSpace(s), "|", "/")
	if r := []rune(s); len(r) > 90 {
		s = string(r[:90]) + "…"
	}
	return "`" + strings.ReplaceAll(s, "`", "'") + "`"
}

const differencesHead = `# Differences from LiteLLM

%d requests of OpenAI's chat completions, half of them streams, to LiteLLM %s (the proxy from PyPI) and to Outcrop, with one ` + "`config.yaml`" + ` and the
` + "`converse/`" + ` route. Bedrock is a server that takes every request and answers as it is told, so that this page is about what the two say and understand;
whether AWS would take a request is for [clients.md](clients.md), [model-ids.md](model-ids.md) and [refusals.md](refusals.md). Compared are the status, the number of requests to
Bedrock, their paths, bodies and credentials, and the answers, streams put together as clients do. A member that is null or empty counts as none, JSON in a text counts as its members; ids and times are each gateway's own, and so are the words of an error.

Of %d requests all means the same to a client, but that Outcrop's answers say more. Every difference is here:

| | kinds of difference |
| --- | --- |
%s
This page is written by a test and held by it: ` + "`make setup`" + `, then ` + "`go test ./e2e -run TestDifferencesFromLiteLLM -update`" + `. A difference
without an explanation fails the test, and so does an explanation without a difference.
`

// differencesPage is docs/litellm-differences.md.
func differencesPage(t *testing.T, found []explained, requests, alike int) []byte {
	t.Helper()
	var counts, b strings.Builder
	for _, v := range []better{ours, equal, theirs} {
		n := 0
		for i := range found {
			if found[i].better == v {
				n++
			}
		}
		fmt.Fprintf(&counts, "| %s | %d |\n", v, n)
	}
	fmt.Fprintf(&b, differencesHead, requests, litellmPin.version(t), alike, counts.String())
	for _, section := range [][2]string{
		{"status", "The status"}, {"calls", "The number of requests to Bedrock"}, {"request", "The request to Bedrock"}, {"answer", "The answer"},
	} {
		fmt.Fprintf(&b, "\n## %s\n\n| requests | where | for example | LiteLLM | Outcrop | |\n| --- | --- | --- | --- | --- | --- |\n", section[1])
		for i := range found {
			e := &found[i]
			if e.where != section[0] {
				continue
			}
			slices.Sort(e.paths)
			const most = 6
			where := "`" + strings.Join(e.paths[:min(most, len(e.paths))], "`, `") + "`"
			switch {
			case where == "``":
				where = "the " + e.where
			case len(e.paths) > most:
				where += fmt.Sprintf(" and %d more", len(e.paths)-most)
			}
			name, values, _ := strings.Cut(e.example, ": ")
			fmt.Fprintf(&b, "| %d | %s | %s | %s | **%s.** %s |\n", e.requests, where, name, values, strings.ToUpper(string(e.better[:1]))+string(e.better[1:]), e.why)
		}
	}
	return []byte(b.String())
}
