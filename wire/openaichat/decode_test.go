package openaichat_test

import (
	"errors"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/openaichat"
)

// asked decodes a request of one user's message with further members.
func asked(t *testing.T, members string, opt openaichat.Options) *openaichat.Request {
	t.Helper()
	r, err := openaichat.Decode([]byte(`{"model":"m","messages":[{"role":"user","content":"Hi"}],`+members+`}`), opt)
	if err != nil {
		t.Fatalf("%s: %v", members, err)
	}
	return r
}

// What lies at an address is fetched later; until then only format tells its type.
func TestAddresses(t *testing.T) {
	tests := []struct {
		name, field, part string
		want              llm.Block
	}{
		{"an image", "image_url.url", `{"type":"image_url","image_url":{"url":"https://x.example/a.png?b=c"}}`, llm.Block{Kind: llm.BlockImage, Media: &llm.Media{URI: "https://x.example/a.png?b=c"}}},
		{"an image whose name tells nothing", "image_url.url", `{"type":"image_url","image_url":{"url":"HTTP://x.example/a"}}`, llm.Block{Kind: llm.BlockImage, Media: &llm.Media{URI: "HTTP://x.example/a"}}},
		{"an image with its type", "image_url.url", `{"type":"image_url","image_url":{"url":"https://x.example/a","format":"image/webp"}}`, llm.Block{Kind: llm.BlockImage, Media: &llm.Media{URI: "https://x.example/a", Format: "webp"}}},
		{"a document where images are", "image_url.url", `{"type":"image_url","image_url":{"url":"https://x.example/a.pdf"}}`, llm.Block{Kind: llm.BlockDocument, Media: &llm.Media{URI: "https://x.example/a.pdf"}}},
		{"a video", "video_url.url", `{"type":"video_url","video_url":{"url":"https://x.example/v"}}`, llm.Block{Kind: llm.BlockVideo, Media: &llm.Media{URI: "https://x.example/v"}}},
		{"a file by its id", "file.file_id", `{"type":"file","file":{"file_id":"https://x.example/a","format":"application/pdf","filename":"the a.pdf"}}`, llm.Block{Kind: llm.BlockDocument, Media: &llm.Media{URI: "https://x.example/a", Format: "pdf", Name: "the a"}}},
		{"a file's data", "file.file_data", `{"type":"file","file":{"file_data":"https://x.example/a.mp4"}}`, llm.Block{Kind: llm.BlockVideo, Media: &llm.Media{URI: "https://x.example/a.mp4"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := openaichat.Decode([]byte(`{"model":"m","messages":[{"role":"user","content":[`+tt.part+`]}]}`), openaichat.Options{})
			if err != nil {
				t.Fatal(err)
			}
			tt.want.Media.Field, tt.want.Media.Part = "messages[0].content[0]."+tt.field, 1
			if diff := cmp.Diff([]llm.Block{tt.want}, r.LLM.Turns[0].Blocks); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestSettingsWithoutAWordInConverse(t *testing.T) {
	r := asked(t, `"n":3,"user":"ann","metadata":{"team":"a","run":7,"dry":true,"none":null,"nested":{"x":1}},"safety_identifier":"bob",
		"tools":[{"type":"function","function":{"name":"f"}}],"parallel_tool_calls":false,"response_format":{"type":"json_object"},
		"extra_headers":{"X-Trace":"1","anthropic-beta":"[\"b-2\"]"},"anthropic_beta":"c-3"`, openaichat.Options{Beta: []string{"a-1, b-2", ""}})
	l := &r.LLM
	if l.Choices != 3 || l.User != "ann" || l.ParallelTools != llm.Some(false) || l.Format == nil || len(l.Format.Schema) > 0 {
		t.Errorf("got %+v", l)
	}
	if diff := cmp.Diff([]llm.Label{{Name: "team", Value: "a"}, {Name: "run", Value: "7"}, {Name: "dry", Value: "true"}}, l.Metadata); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]llm.Label{{Name: "X-Trace", Value: "1"}, {Name: "anthropic-beta", Value: "a-1,b-2"}}, l.Headers); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]jsonx.Member{{Name: "anthropic_beta", Value: jsonx.Raw(`"c-3"`)}}, l.ModelFields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]llm.Warning{{Code: llm.WarnDropped, Field: "metadata.nested"}, {Code: llm.WarnDropped, Field: "safety_identifier"}}, r.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	if l := asked(t, `"safety_identifier":"bob"`, openaichat.Options{}).LLM; l.User != "bob" {
		t.Errorf("got user %q", l.User)
	}
	if l := asked(t, `"response_format":{"type":"json_object","response_schema":{"type": "object"}}`, openaichat.Options{}).LLM; string(l.Format.Schema) != `{"type":"object"}` {
		t.Errorf("got format %+v", l.Format)
	}
	if l := asked(t, `"stream":true`, openaichat.Options{}).LLM; len(l.ModelFields) > 0 || l.Choices != 0 {
		t.Errorf("got %+v", l)
	}
}

// TestHugeRequestsAreRefusedWithinBounds sends bodies whose values are small and many:
// each is refused with its field, and what is allocated stays near the body's size.
func TestHugeRequestsAreRefusedWithinBounds(t *testing.T) {
	const mb = 1 << 20
	many := func(element string, n int) string { return strings.TrimSuffix(strings.Repeat(element+",", n), ",") }
	numbered := func(format string, n int) string {
		var b strings.Builder
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(strings.ReplaceAll(format, "%", strconv.Itoa(i)))
		}
		return b.String()
	}
	hi := `"messages":[{"role":"user","content":"Hi"}]`
	tests := []struct {
		name, body   string
		param, wants string
		most         uint64 // bytes allocated
	}{
		{"ten million messages", `{"model":"m","messages":[` + many(`{}`, 10_000_000) + `]}`, "", "too many values (limit 500000)", mb},
		{"a hundred and fifty thousand messages", `{"model":"m","messages":[` + many(`{"role":"user","content":"a"}`, 150_000) + `]}`, "messages", "at most 100000 messages", 150 * mb},
		{"messages that are empty", `{"model":"m","messages":[` + many(`{}`, 450_000) + `]}`, "messages[0].role", "is required", mb},
		{"a message of too many parts", `{"model":"m","messages":[{"role":"user","content":[` + many(`{}`, 450_000) + `]}]}`, "messages[0].content", "at most 10000 elements", 40 * mb},
		{"a message of too many calls", `{"model":"m","messages":[{"role":"assistant","tool_calls":[` + many(`{}`, 450_000) + `]}]}`, "messages[0].tool_calls", "at most 10000 elements", 20 * mb},
		{"5,000 tools", `{"model":"m",` + hi + `,"tools":[` + numbered(`{"type":"function","function":{"name":"f%"}}`, 5000) + `]}`, "tools", "at most 1024 tools, not 5000", 10 * mb},
		{"5,000 functions", `{"model":"m",` + hi + `,"functions":[` + numbered(`{"name":"f%"}`, 5000) + `]}`, "tools", "at most 1024 tools, not 5000", 10 * mb},
		{"fields of the model's own", `{"model":"m",` + hi + `,` + numbered(`"f%":0`, 200_000) + `}`, "f1024", "too many model parameters (limit 1024)", 150 * mb},
		{"stop sequences", `{"model":"m",` + hi + `,"stop":[` + many(`"a"`, 100_000) + `]}`, "stop", "at most 2500", 20 * mb},
		{"nesting", `{"model":"m",` + hi + `,"x":` + strings.Repeat("[", 5_000_000) + `}`, "x", "depth", 40 * mb},
		{"nesting of messages", `{"model":"m","messages":` + strings.Repeat(`[`, 5_000_000) + `}`, "messages[0]", "must be an object", mb},
		{"nesting of a schema", `{"model":"m",` + hi + `,"tools":[{"type":"function","function":{"name":"f","parameters":` + strings.Repeat(`{"a":`, 1_000_000) + `}}]}`, "tools[0].function.parameters", "depth", 40 * mb},
		{"a schema of many cycles", `{"model":"m",` + hi + `,"tools":[{"type":"function","function":{"name":"f","parameters":{"$defs":{` + numbered(`"d%":{"$ref":"#/$defs/d%"}`, 20_000) + `}}}}]}`, "tools[0].function.parameters", "has a circular $ref", 60 * mb},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body := []byte(tt.body)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := openaichat.Decode(body, openaichat.Options{})
			runtime.ReadMemStats(&after)
			var e *llm.Error
			if !errors.As(err, &e) || e.Status != 400 || !strings.HasPrefix(e.Param, tt.param) || !strings.Contains(e.Message, tt.wants) || len(e.Message) > 2<<10 {
				t.Errorf("got %v", err)
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > tt.most {
				t.Errorf("%d MB were allocated for a body of %d MB", took/mb, len(body)/mb)
			}
		})
	}
}

// Text may hold as many commas as it likes.
func TestCommasInTextAreNoValues(t *testing.T) {
	text := strings.Repeat(`a,\",\\,`, 300_000)
	r, err := openaichat.Decode([]byte(`{"model":"m","messages":[{"role":"user","content":"`+text+`"}]}`), openaichat.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(r.LLM.Turns[0].Blocks[0].Text, ","); got != 900_000 {
		t.Errorf("%d commas came through", got)
	}
}

func TestValuesThatAreNone(t *testing.T) {
	user := func(content string) string {
		return `{"model":"m","messages":[{"role":"user","content":` + content + `}]}`
	}
	tests := []struct{ name, body, param, wants string }{
		{"invalid UTF-8 in a text", user("\"a\xff\""), "messages[0].content", "UTF-8"},
		{"half a surrogate pair", user(`"\ud800"`), "messages[0].content", "surrogate"},
		{"invalid UTF-8 in a name", `{"model":"m","messages":[{"role":"user","content":"a","b` + "\xff" + `":1}]}`, "messages[0]", "UTF-8"},
		{"a number beyond int64", `{"model":"m","max_tokens":9223372036854775808,"messages":[]}`, "max_tokens", "9223372036854775808 is not an integer"},
		{"a number beyond float64", `{"model":"m","temperature":1e400,"messages":[]}`, "temperature", "1e400 is not a number"},
		{"a penalty beyond float64", `{"model":"m","presence_penalty":1e400,"messages":[{"role":"user","content":"a"}]}`, "presence_penalty", "too large"},
		{"a name twice in a message", `{"model":"m","messages":[{"role":"user","content":"a","content":"b"}]}`, "messages[0].content", "duplicate name"},
		{"a name twice in a schema", `{"model":"m","messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"a":1,"a":2}}}]}`, "tools[0].function.parameters.a", "duplicate name"},
		{"a name twice, one of them unknown", `{"model":"m","x":1,"x":2,"messages":[{"role":"user","content":"a"}]}`, "x", "duplicate name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := openaichat.Decode([]byte(tt.body), openaichat.Options{})
			var e *llm.Error
			if !errors.As(err, &e) || e.Status != 400 || e.Param != tt.param || !strings.Contains(e.Message, tt.wants) {
				t.Errorf("got %v, want param %s: %s", err, tt.param, tt.wants)
			}
		})
	}
}

// A plain chat costs no more than it has to: 17 allocations to decode, of which 6 are texts, and 5 to encode.
func TestAPlainChatAllocatesLittle(t *testing.T) {
	body, evs, buf := []byte(plainChat), plainAnswer(), make([]byte, 0, 4<<10)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := openaichat.Decode(body, openaichat.Options{}); err != nil {
			t.Fatal(err)
		}
	}); n > 17+spare {
		t.Errorf("decoding a request: %v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() { buf = encodePlain(buf, evs) }); n > 5+spare {
		t.Errorf("encoding a stream of %d events: %v allocations", len(evs), n)
	}
}
