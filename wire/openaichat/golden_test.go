package openaichat_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
	bedrock "outcrop/provider/bedrock/converse"
	"outcrop/provider/bedrock/modelid"
	"outcrop/wire/converse"
	"outcrop/wire/openaichat"
)

var update = flag.Bool("update", false, "write the snapshots anew")

// TestRequestSnapshots decodes every testdata/requests/NAME.json and holds what
// Converse is sent, the warnings or the refusal to NAME.out beside it. A new case
// needs no Go: write the request, run with -update, and read the snapshot.
func TestRequestSnapshots(t *testing.T) {
	for _, path := range inputs(t, "testdata/requests") {
		t.Run(name(path), func(t *testing.T) {
			body, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var w jsonx.Writer
			w.Object()
			upstream, warnings, err := translate(body)
			var e *llm.Error
			switch {
			case errors.As(err, &e):
				w.Key("status")
				w.Int(int64(e.Status))
				w.Key("refused")
				w.Raw(openaichat.AppendError(nil, e))
			case err != nil:
				t.Fatalf("not an *llm.Error: %v", err)
			default:
				w.Key("converse")
				w.Raw(upstream)
				w.Key("warnings")
				w.Array()
				for _, warning := range warnings {
					w.String(warning.Code + ";field=" + warning.Field)
				}
				w.EndArray()
			}
			w.EndObject()
			snapshot(t, path, indented(t, w.Buf))
		})
	}
}

// translate goes the way of a request up to the bytes that Bedrock is sent.
func translate(body []byte) ([]byte, []llm.Warning, error) {
	out, _, warnings, err := translateAll(body)
	return out, warnings, err
}

// translateAll is translate, with the headers that are sent beside the bytes.
func translateAll(body []byte) ([]byte, []llm.Label, []llm.Warning, error) {
	return translateWith(body, openaichat.Options{})
}

func translateWith(body []byte, opt openaichat.Options) ([]byte, []llm.Label, []llm.Warning, error) {
	req, err := openaichat.Decode(body, opt)
	if err != nil {
		return nil, nil, nil, err
	}
	id, err := modelid.Parse(req.LLM.Model)
	if err != nil {
		return nil, nil, nil, err
	}
	known := catalog.Embedded()
	facts, _ := known.Model(id.Base())
	fitted, err := bedrock.Adapt(bedrock.NewModel(id.Vendor, id.Name, facts), &req.LLM, req.LLM.Stream)
	if err != nil {
		return nil, nil, nil, err
	}
	var out jsonx.Writer
	dropped, err := converse.WriteRequest(&out, &fitted.Request)
	return out.Buf, fitted.Headers, append(req.LLM.OrderWarnings(req.Warnings, fitted.Warnings), dropped...), err
}

// TestAnswerSnapshots holds every Converse answer of testdata/answers to the chat
// completion beside it, and to what a stream of the same answer folds to.
func TestAnswerSnapshots(t *testing.T) {
	env := openaichat.Envelope{ID: "chatcmpl-1", Model: "granite", Created: 1700000000}
	for _, path := range inputs(t, "testdata/answers") {
		t.Run(name(path), func(t *testing.T) {
			body, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := converse.DecodeResponse(body)
			if err != nil {
				t.Fatal(err)
			}
			whole := openaichat.AppendResponse(nil, env, resp, []llm.Warning{{Code: llm.WarnDropped, Field: "seed"}})
			chunks := openaichat.NewChunks(env, true, 1)
			var stream []byte
			for _, ev := range events(resp) {
				stream = chunks.Append(stream, &ev)
			}
			stream = chunks.AppendEnd(stream, nil)
			snapshot(t, path, indented(t, whole)+"\n"+string(stream))
		})
	}
}

// events says a whole answer as a stream would.
func events(r *llm.Response) []llm.Event {
	out := []llm.Event{{Kind: llm.EventStart, Role: llm.RoleAssistant}}
	for i, b := range r.Blocks {
		at := func(ev llm.Event) { ev.Index, ev.Block = i, b.Kind; out = append(out, ev) }
		switch b.Kind {
		case llm.BlockToolUse:
			use := *b.ToolUse
			use.Input = nil
			at(llm.Event{Kind: llm.EventBlockStart, ToolUse: &use})
			if input := string(b.ToolUse.Input); len(input) > 2 { // more than {}
				at(llm.Event{Kind: llm.EventDelta, Text: input[:2]})
				at(llm.Event{Kind: llm.EventDelta, Text: input[2:]})
			}
		case llm.BlockToolResult:
			result := *b.ToolResult
			result.Content = nil
			at(llm.Event{Kind: llm.EventBlockStart, ToolResult: &result})
			for _, c := range b.ToolResult.Content {
				if len(c.JSON) > 0 {
					at(llm.Event{Kind: llm.EventDelta, Other: &jsonx.Member{Name: "json", Value: c.JSON}})
				} else {
					at(llm.Event{Kind: llm.EventDelta, Text: c.Block.Text, Other: &jsonx.Member{Name: "text"}})
				}
			}
		case llm.BlockReasoning:
			at(llm.Event{Kind: llm.EventDelta, Text: b.Text, Extra: b.Extra})
			if b.Signature != "" {
				at(llm.Event{Kind: llm.EventDelta, Signature: b.Signature})
			}
		case llm.BlockImage, llm.BlockAudio, llm.BlockVideo, llm.BlockDocument:
			at(llm.Event{Kind: llm.EventBlockStart, Media: &llm.Media{Format: b.Media.Format}})
			piece := *b.Media
			at(llm.Event{Kind: llm.EventDelta, Media: &piece})
		case llm.BlockOther:
			at(llm.Event{Kind: llm.EventBlockStart, Other: b.Other})
			at(llm.Event{Kind: llm.EventDelta, Text: b.Text})
		default:
			half := len(b.Text) / 2
			at(llm.Event{Kind: llm.EventDelta, Text: b.Text[:half], Extra: b.Extra})
			at(llm.Event{Kind: llm.EventDelta, Text: b.Text[half:]})
		}
		out = append(out, llm.Event{Kind: llm.EventBlockEnd, Index: i})
	}
	usage := r.Usage
	return append(out,
		llm.Event{Kind: llm.EventStop, Stop: r.Stop, RawStop: r.RawStop, Raw: r.ModelFields},
		llm.Event{Kind: llm.EventUsage, Usage: &usage, LatencyMs: r.LatencyMs, ServiceTier: r.ServiceTier, Trace: r.Trace, Extra: r.Extra})
}

func inputs(t *testing.T, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(dir + "/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no inputs in %s: %v", dir, err)
	}
	return paths
}

func name(path string) string { return strings.TrimSuffix(filepath.Base(path), ".json") }

func snapshot(t *testing.T, input, got string) {
	t.Helper()
	path := strings.TrimSuffix(input, ".json") + ".out"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("no snapshot (run with -update, then read it): %v", err)
	}
	if got != string(want) {
		t.Errorf("%s has changed; it is now:\n%s", path, got)
	}
}

func indented(t *testing.T, v jsonx.Raw) string {
	t.Helper()
	out := v.Clone()
	if err := out.Indent(); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, v)
	}
	return string(out) + "\n"
}
