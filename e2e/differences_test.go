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

	emulator "outcrop/emulator/bedrock"
	"outcrop/internal/jsonx"
)

// indices are those of a path.
var indices = regexp.MustCompile(`\[\d+\]`)

// compared is one chat request that both gateways get, with the answer that
// Bedrock gives to it.
type compared struct {
	name  string
	model string // a configured name
	body  string // the members of the request but for model and stream
	// answer names what Bedrock answers; text if it is empty.
	answer string
	// streamed is whether the request is made once more as a stream.
	streamed bool
}

// side is what came of a request behind one gateway.
type side struct {
	status   int
	upstream []string // the bodies that reached Bedrock, in their order
	paths    []string
	answer   map[string]string // the answer in flat form; of a stream its folded form
	message  string            // of an error
}

// comparedModels are the configured models of the comparison, all by Converse.
func comparedModels() map[string]string {
	return map[string]string{
		"claude": "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-old": "us.anthropic.claude-3-7-sonnet-20250219-v1:0", "claude-new": "us.anthropic.claude-opus-4-8",
		"nova": "us.amazon.nova-pro-v1:0", "nova-2": "us.amazon.nova-2-lite-v1:0", "llama": "us.meta.llama3-3-70b-instruct-v1:0", "mistral": "mistral.mistral-large-3-675b-instruct",
		"gpt-oss": "openai.gpt-oss-120b-1:0", "qwen": "qwen.qwen3-32b-v1:0", "deepseek": "us.deepseek.r1-v1:0",
	}
}

func comparedConfig(upstream string) string {
	var b strings.Builder
	b.WriteString("model_list:\n")
	for _, name := range slices.Sorted(maps.Keys(comparedModels())) {
		for _, drop := range []string{"", "-drop"} {
			fmt.Fprintf(&b, "  - model_name: %s%s\n    litellm_params:\n      model: \"bedrock/converse/%s\"\n      aws_region_name: us-east-1\n      aws_access_key_id: %s\n      aws_secret_access_key: %s\n      aws_bedrock_runtime_endpoint: %s\n",
				name, drop, comparedModels()[name], emulator.DemoAccessKeyID, string(emulator.DemoSecretAccessKey), upstream)
			if drop != "" {
				b.WriteString("      drop_params: true\n")
			}
		}
	}
	b.WriteString("router_settings: {num_retries: 0, disable_cooldowns: true}\nlitellm_settings: {num_retries: 0}\ngeneral_settings: {master_key: " + masterKey + "}\n")
	return b.String()
}

// ask makes a request of a gateway.
func (c *compared) ask(t *testing.T, a *answering, url string, stream bool) side {
	t.Helper()
	a.expect(c.answer)
	ctx, cancel := context.WithTimeout(t.Context(), litellmPatience)
	defer cancel()
	body := `{"model":"` + c.model + `"`
	if stream {
		body += `,"stream":true,"stream_options":{"include_usage":true}`
	}
	if c.body != "" {
		body += "," + c.body
	}
	resp := open(ctx, t, url, body+"}")
	defer resp.Body.Close()
	s := side{status: resp.StatusCode, answer: map[string]string{}}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.message = err.Error()
	}
	s.paths, s.upstream = a.came()
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
	where   string // request, answer, status or calls
	path    string // with [*] for indices
	litellm string
	outcrop string
}

// differences compares the two sides of a request.
func (c *compared) differences(t *testing.T, litellm, outcrop *side) []difference {
	t.Helper()
	var all []difference
	if litellm.status != outcrop.status {
		return append(all, difference{"status", "", fmt.Sprintf("%d %s", litellm.status, litellm.message), fmt.Sprintf("%d %s", outcrop.status, outcrop.message)})
	}
	if litellm.status != http.StatusOK {
		return nil // the words are each gateway's own
	}
	if len(litellm.upstream) != len(outcrop.upstream) {
		return append(all, difference{"calls", "", strconv.Itoa(len(litellm.upstream)), strconv.Itoa(len(outcrop.upstream))})
	}
	for i := range litellm.upstream {
		a, b := map[string]string{}, map[string]string{}
		flatten(t, "", jsonx.Raw(litellm.upstream[i]), a)
		flatten(t, "", jsonx.Raw(outcrop.upstream[i]), b)
		if litellm.paths[i] != outcrop.paths[i] {
			all = append(all, difference{"request", "(path)", litellm.paths[i], outcrop.paths[i]})
		}
		all = append(all, compare("request", a, b)...)
	}
	return append(all, compare("answer", litellm.answer, outcrop.answer)...)
}

func compare(where string, a, b map[string]string) []difference {
	var all []difference
	for _, path := range slices.Sorted(maps.Keys(merged(a, b))) {
		if a[path] == b[path] || a[path] == "null" && b[path] == "" || b[path] == "null" && a[path] == "" {
			continue
		}
		all = append(all, difference{where, indices.ReplaceAllString(path, "[*]"), a[path], b[path]})
	}
	return all
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
