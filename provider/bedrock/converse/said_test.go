package converse_test

import (
	"errors"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/converse"
	"outcrop/provider/bedrock/modelid"
	wire "outcrop/wire/converse"
	"outcrop/wire/openaichat"
)

// model gives the model of a base id, with what the catalogue knows of it.
func model(t testing.TB, id string) *converse.Model {
	t.Helper()
	known := catalog.Embedded()
	parsed, err := modelid.Parse(id)
	if err != nil {
		t.Fatal(err)
	}
	facts, _ := known.Model(parsed.Base())
	return converse.NewModel(parsed.Vendor, parsed.Name, facts)
}

func text(s string) llm.Block { return llm.Block{Kind: llm.BlockText, Text: s} }

func said(texts ...string) []llm.Block {
	blocks := make([]llm.Block, len(texts))
	for i, s := range texts {
		blocks[i] = text(s)
	}
	return blocks
}

func user(texts ...string) llm.Turn { return llm.Turn{Role: llm.RoleUser, Blocks: said(texts...)} }

func assistant(texts ...string) llm.Turn {
	return llm.Turn{Role: llm.RoleAssistant, Blocks: said(texts...)}
}

// turn is a turn of any blocks.
func turn(role llm.Role, blocks ...llm.Block) llm.Turn { return llm.Turn{Role: role, Blocks: blocks} }

func use(id, name, input string) llm.Block {
	return llm.Block{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: id, Name: name, Input: jsonx.Raw(input)}}
}

func result(id, status string, blocks ...llm.Block) llm.Block {
	r := &llm.ToolResult{ID: id, Status: status}
	for _, b := range blocks {
		r.Content = append(r.Content, llm.ResultBlock{Block: b})
	}
	return llm.Block{Kind: llm.BlockToolResult, ToolResult: r}
}

func medium(kind llm.BlockKind, format, base64 string) llm.Block {
	content, ok := llm.ParseBase64([]byte(base64))
	if !ok {
		panic("not base64: " + base64)
	}
	return llm.Block{Kind: kind, Media: &llm.Media{Format: format, Base64: content}}
}

func cached(ttl string) llm.Block {
	return llm.Block{Kind: llm.BlockCachePoint, Cache: &llm.CachePoint{TTL: ttl}}
}

func tool(name string) llm.Tool { return llm.Tool{Name: name, Schema: jsonx.Raw(`{"type":"object"}`)} }

// chatNames are the names of fields in a chat completion request.
func chatNames(t testing.TB) llm.Names {
	t.Helper()
	req, err := openaichat.Decode([]byte(`{"model":"m","messages":[{"role":"user","content":"Hi"}]}`), openaichat.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return req.LLM.Names
}

// sent fits a request and gives what AWS is sent, which the service model takes, and
// the warnings; or the refusal.
func sent(t testing.TB, m *converse.Model, req *llm.Request, stream bool) (body string, warnings []string, f *converse.Adapted, refusal *llm.Error) {
	t.Helper()
	if req.Names == nil {
		own := *req
		own.Names = chatNames(t)
		req = &own
	}
	f, err := converse.Adapt(m, req, stream)
	var out jsonx.Writer
	var more []llm.Warning
	if err == nil {
		more, err = wire.WriteRequest(&out, &f.Request)
	}
	if err != nil {
		if !errors.As(err, &refusal) {
			t.Fatalf("not an *llm.Error: %v", err)
		}
		return "", nil, nil, refusal
	}
	if _, err := wire.DecodeRequest(out.Buf); err != nil {
		t.Errorf("AWS does not take %s: %v", out.Buf, err)
	}
	for _, w := range append(f.Warnings, more...) {
		warnings = append(warnings, w.Code+" "+w.Field)
	}
	return string(out.Buf), warnings, f, nil
}
