package openaichat_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"outcrop/llm"
	"outcrop/wire/converse"
	"outcrop/wire/openaichat"
)

// seeds are the inputs of the snapshots.
func seeds(f *testing.F, dir string) {
	f.Helper()
	paths, err := filepath.Glob(dir + "/*.json")
	if err != nil || len(paths) == 0 {
		f.Fatalf("no inputs in %s: %v", dir, err)
	}
	for _, path := range paths {
		body, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
}

// FuzzDecode holds that any body is refused with a status 400 that says something,
// or becomes a request that is JSON upstream.
func FuzzDecode(f *testing.F) {
	seeds(f, "testdata/requests")
	f.Fuzz(func(t *testing.T, body []byte) {
		upstream, _, err := translate(body)
		if err != nil {
			var e *llm.Error
			if errors.As(err, &e) && (e.Status != 400 || e.Message == "") {
				t.Errorf("refused with %+v", e)
			}
			return
		}
		if !json.Valid(upstream) {
			t.Errorf("no JSON goes upstream: %s", upstream)
		}
	})
}

// FuzzPlainReading holds that a body which is read as a plain one is valid, and that nothing else is found in it otherwise.
func FuzzPlainReading(f *testing.F) {
	seeds(f, "testdata/requests")
	for _, body := range []string{
		plainChat, `{"model":"m","model":"n","messages":[]}`, `{"messages":[{"role":"user","content":"a"}],"temperature":1e999}`, `{"messages":[{"role":"user","content":null}],"max_tokens":1.0}`,
		`{"messages":[{"role":"user","content":"\ud800"}]}`, `{"messages":[{"role":"user","content":"a"}],"stream":null}`, `{"messages":[{"role":"user","content":"a"}],"max_tokens":1} x`,
		`{"messages":[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"1","content":"b"}],"tools":[{"type":"function","function":{"name":"f"}}],"top_p":0.5,"n":1,"user":"u","stop":"s","tool_choice":"auto","parallel_tool_calls":false}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if plain, alike, err := openaichat.PlainReading(body); plain && !alike {
			t.Errorf("a plain body is read otherwise: %v\n%s", err, body)
		}
	})
}

// The bodies of usual calls are plain ones.
func TestUsualBodiesArePlain(t *testing.T) {
	for _, body := range []string{
		plainChat, `{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a"}]}],"max_completion_tokens":5}`,
		`{"model":"m","messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"1","content":"b"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],"tool_choice":"auto"}`,
	} {
		if plain, alike, err := openaichat.PlainReading([]byte(body)); !plain || !alike {
			t.Errorf("plain %v, alike %v, %v: %s", plain, alike, err, body)
		}
	}
}

// FuzzAnswer holds that any answer of Converse's that can be read becomes JSON,
// whole and in chunks.
func FuzzAnswer(f *testing.F) {
	seeds(f, "testdata/answers")
	f.Fuzz(func(t *testing.T, body []byte) {
		answer, err := converse.DecodeResponse(body)
		if err != nil {
			return
		}
		env := openaichat.Envelope{ID: "chatcmpl-1", Model: "m", Created: 1, Functions: len(body)%2 == 0}
		if whole := openaichat.AppendResponse(nil, env, answer, nil); !json.Valid(whole) {
			t.Errorf("no JSON: %s", whole)
		}
		chunks := openaichat.NewChunks(env, true, 1)
		var stream []byte
		for _, ev := range events(answer) {
			stream = chunks.Append(stream, &ev)
		}
		for _, chunk := range chunksOf(t, chunks.AppendEnd(stream, nil)) {
			if !json.Valid(chunk) {
				t.Errorf("no JSON: %s", chunk)
			}
		}
	})
}
