package roundtrip

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"outcrop/internal/need"
)

// sdk is a vendor's SDK for Python whose types judge.
type sdk struct {
	name, folder string // of the environment that scripts/setup-tests makes
	lines        bytes.Buffer
	count        int
	seen         map[string]bool
}

// interpreter is the SDK's Python.
func (s *sdk) interpreter(t *testing.T) string {
	t.Helper()
	return filepath.Join(need.Made(t, "../../.cache/"+s.folder, "what e2e/sdks/"+s.folder+" asks of Python"), "bin", "python")
}

// add takes a document to judge, unless there was an equal one.
func (s *sdk) add(t *testing.T, what, where string, body []byte) {
	t.Helper()
	if key := what + string(body); s.seen[key] {
		return
	} else if s.seen == nil {
		s.seen = map[string]bool{key: true}
	} else {
		s.seen[key] = true
	}
	line, err := json.Marshal(map[string]any{"what": what, "where": where + ", " + what, "body": rawJSON(body)})
	if err != nil {
		t.Errorf("%s: %v in %s", where, err, body)
		return
	}
	s.lines.Write(append(line, '\n'))
	s.count++
}

// judge returns what the types do not accept.
func (s *sdk) judge(t *testing.T) []string {
	t.Helper()
	python := s.interpreter(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, python, "judge_types.py", s.name)
	cmd.Stdin = &s.lines
	var log bytes.Buffer
	cmd.Stderr = &log
	found, err := cmd.Output()
	if err != nil || !strings.Contains(log.String(), fmt.Sprintf("judged %d\n", s.count)) {
		t.Fatalf("%v: %s", err, log.String())
	}
	t.Logf("%s: %d documents", s.name, s.count)
	return strings.Split(strings.TrimSpace(string(found)), "\n")
}

// speech is the name of a dialect in the judge's words; empty if no SDK has types of it.
func speech(dialect any) string {
	if h, ok := dialect.(hosted); ok {
		dialect = h.reads
	}
	switch dialect.(type) {
	case chat:
		return "chat"
	case messages, invoke:
		return "messages"
	case generate:
		return "gemini"
	case responses:
		return "responses"
	default: // Converse, whose requests botocore judges
		return ""
	}
}

// add takes what reached a provider, and what the client got.
func add(t *testing.T, sdks map[string]*sdk, d *door, u *upstreamKind, x *exchange) {
	t.Helper()
	where := d.name + " → " + u.name + ", " + x.name
	if word := speech(u.speaks(x.path)); word != "" {
		sdks[word].add(t, word+" request", where, x.sent)
	}
	word := speech(d.dialect)
	if word == "" || d.name == "invoke" { // whose bodies are the provider's own
		return
	}
	if !x.stream {
		sdks[word].add(t, word+" answer", where, x.got)
		return
	}
	for _, data := range sseData(x.got) {
		if string(data) != "[DONE]" {
			sdks[word].add(t, word+" event", where, data)
		}
	}
}

// byDesign reports whether a fault is top_k for one of OpenAI's vendors: parameters that a vendor is not
// known to take are sent as they are without drop_params, and its refusal reaches the client
// (docs/providers.md). Nova's endpoints get no model's name.
func byDesign(fault string) bool {
	where, said, _ := strings.Cut(fault, ", chat request: ")
	if strings.Contains(where, " → sagemaker-nova, ") {
		said = strings.TrimPrefix(strings.TrimPrefix(said, "model: Field required"), "; ")
	}
	return said == "" || strings.HasPrefix(where, "chat → ") && strings.HasSuffix(where, ", top k") && said == "top_k: Extra inputs are not permitted"
}

func TestEveryBodyIsOfTheTypesOfItsSDK(t *testing.T) {
	openai := &sdk{name: "openai", folder: "clients"}
	sdks := map[string]*sdk{"chat": openai, "responses": openai, "messages": {name: "anthropic", folder: "anthropic"}, "gemini": {name: "google", folder: "google"}}
	b := start(t, "")
	for _, d := range doors() {
		for _, u := range upstreams() {
			for _, stream := range []bool{false, true} {
				if !d.served(u) {
					continue
				}
				r := b.converseAll(t.Context(), d, u, stream)
				for i := range r.exchanges {
					add(t, sdks, d, u, &r.exchanges[i])
				}
			}
		}
	}
	for _, name := range []string{"chat", "messages", "gemini"} {
		s := sdks[name]
		t.Run(s.name, func(t *testing.T) {
			for _, fault := range s.judge(t) {
				if fault != "" && !byDesign(fault) {
					t.Error(fault)
				}
			}
		})
	}
}
