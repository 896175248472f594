package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
)

// indices are those of a path.
var indices = regexp.MustCompile(`\[\d+\]`)

// jsonInText are the paths of texts that hold JSON.
var jsonInText = regexp.MustCompile(`\.(arguments|jsonSchema\.schema)$`)

// compared is one chat request that both gateways get, with the answer that
// Bedrock gives to it.
type compared struct {
	name  string
	model string // a configured name
	body  string // the members of the request but for model and stream; UPSTREAM is Bedrock's address
	// answer names what Bedrock answers; text if it is empty.
	answer string
}

// side is what came of a request behind one gateway.
type side struct {
	status   int
	upstream []arrived         // what reached Bedrock, in its order
	answer   map[string]string // the answer in flat form; of a stream its folded form
	message  string            // of an error
	headers  map[string]string // that are compared, by their names in small letters
}

// ask makes a request of a gateway.
func (c *compared) ask(t *testing.T, a *answering, url string, stream bool) side {
	t.Helper()
	a.expect(c.answer)
	ctx, cancel := context.WithTimeout(t.Context(), litellmPatience)
	defer cancel()
	body := `{"model":"` + c.model + `"`
	if stream {
		body += `,"stream":true`
		if !strings.Contains(c.body, `"stream_options"`) {
			body += `,"stream_options":{"include_usage":true}`
		}
	}
	if c.body != "" {
		body += "," + strings.ReplaceAll(c.body, "UPSTREAM", a.url)
	}
	resp := open(ctx, t, url, body+"}")
	defer resp.Body.Close()
	s := side{status: resp.StatusCode, answer: map[string]string{}, headers: comparedHeaders(resp.Header)}
	if resp.StatusCode != http.StatusOK {
		s.headers = refusalHeaders(resp.Header)
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.message = err.Error()
	}
	s.upstream = a.came()
	switch {
	case strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream"):
		s.fold(t, string(text))
	default:
		flatten(t, "", jsonx.Raw(text), s.answer)
	}
	if m, ok := s.answer["error.message"]; ok {
		s.message = m
	}
	return s
}

// fold puts a stream together to the answer that it gives: texts, arguments and
// reasoning joined, the last of all else.
func (s *side) fold(t *testing.T, text string) {
	t.Helper()
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Buffer(nil, len(text)+1)
	done := false
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		if data == "[DONE]" {
			done = true
			continue
		}
		chunk := map[string]string{}
		flatten(t, "", jsonx.Raw(data), chunk)
		index := map[string]string{} // of tool calls, by their place in the chunk
		for path, value := range chunk {
			if at, ok := strings.CutSuffix(path, ".index"); ok && strings.Contains(at, "tool_calls") {
				index[at] = value
			}
		}
		for path, value := range chunk {
			for at, n := range index {
				if strings.HasPrefix(path, at+".") {
					path = at[:strings.LastIndex(at, "[")] + "[" + n + "]" + strings.TrimPrefix(path, at)
				}
			}
			path = strings.Replace(path, ".delta.", ".message.", 1)
			switch {
			case strings.HasSuffix(path, ".content"), strings.HasSuffix(path, ".arguments"), strings.HasSuffix(path, ".reasoning_content"):
				s.answer[path] = quoted(unquote(s.answer[path]) + unquote(value))
			case value != "null" && value != `""`:
				s.answer[path] = value
			}
		}
	}
	if !done {
		s.answer["[DONE]"] = "missing"
	}
}

func unquote(s string) string {
	var text string
	if s == "" || s == "null" || jsonx.Unmarshal([]byte(s), &text) != nil {
		return ""
	}
	return text
}

func quoted(s string) string {
	text, err := jsonx.Marshal(s)
	if err != nil {
		return s
	}
	return string(text)
}

// flatten writes JSON as paths and their values. What is empty is left out: a
// member without content says nothing.
func flatten(t *testing.T, path string, v jsonx.Raw, into map[string]string) {
	t.Helper()
	switch v.Kind() {
	case '{':
		members, err := jsonx.Members(v)
		if err != nil {
			t.Fatalf("%v in %s", err, v)
		}
		if len(members) == 0 && strings.HasPrefix(path, "toolConfig.toolChoice.") {
			into[path] = "{}" // it says auto or any
		}
		for _, m := range members {
			at := m.Name
			if path != "" {
				at = path + "." + m.Name
			}
			flatten(t, at, m.Value, into)
		}
	case '[':
		var list []jsonx.Raw
		if err := jsonx.Unmarshal(v, &list); err != nil {
			t.Fatalf("%v in %s", err, v)
		}
		for i, e := range list {
			flatten(t, path+"["+strconv.Itoa(i)+"]", e, into)
		}
	default:
		into[path] = strings.TrimSpace(string(v))
	}
}

// difference is one value that differs between the gateways.
type difference struct {
	where   string // request, answer, header, error's header, status or calls
	path    string // with [*] for indices
	litellm string
	outcrop string
}

// differences compares the two sides of a request.
func (c *compared) differences(t *testing.T, litellm, outcrop *side) []difference {
	t.Helper()
	var all []difference
	if litellm.status != outcrop.status {
		all = append(all, difference{"status", "", fmt.Sprintf("%d %s", litellm.status, litellm.message), fmt.Sprintf("%d %s", outcrop.status, outcrop.message)})
	}
	switch {
	case litellm.status != http.StatusOK && outcrop.status != http.StatusOK:
		return append(all, compare(t, "error's header", litellm.headers, outcrop.headers)...) // the words are each gateway's own
	case litellm.status != outcrop.status:
		return all
	}
	if len(litellm.upstream) != len(outcrop.upstream) {
		return append(all, difference{"calls", "", strconv.Itoa(len(litellm.upstream)), strconv.Itoa(len(outcrop.upstream))})
	}
	for i := range litellm.upstream {
		a, b := map[string]string{}, map[string]string{}
		for into, of := range map[*map[string]string]*arrived{&a: &litellm.upstream[i], &b: &outcrop.upstream[i]} {
			flatten(t, "", jsonx.Raw(of.body), *into)
			maps.Copy(*into, of.beside)
			(*into)["(path)"] = of.path
		}
		all = append(all, compare(t, "request", a, b)...)
	}
	all = append(all, compare(t, "answer", litellm.answer, outcrop.answer)...)
	return append(all, compare(t, "header", litellm.headers, outcrop.headers)...)
}

func compare(t *testing.T, where string, a, b map[string]string) []difference {
	t.Helper()
	inTexts(t, a)
	inTexts(t, b)
	var all []difference
	for _, path := range slices.Sorted(maps.Keys(merged(a, b))) {
		if a[path] == b[path] || a[path] == "null" && b[path] == "" || b[path] == "null" && a[path] == "" {
			continue
		}
		all = append(all, difference{where, indices.ReplaceAllString(path, "[*]"), a[path], b[path]})
	}
	return all
}

// inTexts puts the members of JSON that stands in texts in their place: how it is
// spaced makes no difference.
func inTexts(t *testing.T, values map[string]string) {
	t.Helper()
	for path, value := range maps.Clone(values) {
		if text := jsonx.Raw(unquote(value)); jsonInText.MatchString(path) && jsonx.Valid(text) && text.Kind() == '{' {
			delete(values, path)
			flatten(t, path, text, values)
		}
	}
}

func merged(a, b map[string]string) map[string]bool {
	all := map[string]bool{}
	for k := range a {
		all[k] = true
	}
	for k := range b {
		all[k] = true
	}
	return all
}
