package openaiapi_test

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"strings"
	"testing"

	"outcrop/llm"
	"outcrop/wire/litellm"
	wire "outcrop/wire/openaiapi"
)

const boundary = "b1"

// formOf is a form of the parts, each a name, a file's name and a content.
func formOf(parts ...[3]string) (body []byte, kind string) {
	var all []llm.Part
	for _, p := range parts {
		part := llm.Part{Name: p[0], FileName: p[1], Content: []byte(p[2])}
		if part.FileName != "" {
			part.ContentType = "image/png"
		}
		all = append(all, part)
	}
	pieces, kind := wire.AppendForm(all, boundary, nil)
	return bytes.Join(pieces, nil), kind
}

func TestWhatIsForTheGatewayIsLeftOutOfABody(t *testing.T) {
	const body = `{"model":"painter","prompt":"granite","n":2,"stream":true,"user":"u-1","metadata":{"team":"a"},"extra_headers":{"X-A":"1"},"drop_params":true}`
	r, err := wire.Decode([]byte(body), "application/json", "", litellm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(r.Body); got != `{"model":"painter","stream":true,"user":"u-1","prompt":"granite","n":2}` {
		t.Errorf("body %s", got)
	}
	if c := r.Call; c.Model != "painter" || !c.Stream || !r.Events || c.User != "u-1" || !c.DropParams || len(c.Metadata) != 1 || len(c.Headers) != 1 {
		t.Errorf("call %+v", c)
	}
	speech, err := wire.Decode([]byte(`{"model":"m","stream_format":"sse","input":"x"}`), "", "", litellm.Options{})
	if err != nil || !speech.Events || speech.Call.Stream || string(speech.Body) != `{"model":"m","stream_format":"sse","input":"x"}` {
		t.Errorf("%+v %v", speech, err)
	}
}

func TestAFormKeepsItsFilesAndLists(t *testing.T) {
	body, kind := formOf([3]string{"model", "", "writer"}, [3]string{"file", "a\".wav", "RIFF\r\n--b\r\n"}, [3]string{"include[]", "", "logprobs"}, [3]string{"include[]", "", "x"},
		[3]string{"stream", "", "true"}, [3]string{"user", "", "u-1"}, [3]string{"drop_params", "", "true"}, [3]string{"metadata", "", `{"team":"a"}`}, [3]string{"language", "", "en"})
	r, err := wire.Decode(body, kind, "", litellm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range r.Parts {
		names = append(names, p.Name)
	}
	if got := strings.Join(names, ","); got != "model,file,include[],include[],stream,user,language" {
		t.Errorf("parts %s", got)
	}
	if c := r.Call; c.Model != "writer" || !c.Stream || !r.Events || c.User != "u-1" || !c.DropParams || len(c.Metadata) != 1 {
		t.Errorf("call %+v", c)
	}
	pieces, kind := wire.AppendForm(r.Parts, "b2", map[string]string{"model": "gpt-4o-transcribe", "language": ""})
	_, parameters, err := mime.ParseMediaType(kind)
	if err != nil {
		t.Fatal(err)
	}
	form, err := multipart.NewReader(bytes.NewReader(bytes.Join(pieces, nil)), parameters["boundary"]).ReadForm(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	if form.Value["model"][0] != "gpt-4o-transcribe" || len(form.Value["language"]) != 0 || len(form.Value["include[]"]) != 2 {
		t.Errorf("form %v", form.Value)
	}
	f, err := form.File["file"][0].Open()
	if err != nil {
		t.Fatal(err)
	}
	content, _ := io.ReadAll(f)
	if string(content) != "RIFF\r\n--b\r\n" || form.File["file"][0].Filename != "a%22.wav" || form.File["file"][0].Header.Get("Content-Type") != "image/png" {
		t.Errorf("%q %v", content, form.File["file"][0])
	}
}

func TestAModelThatIsNotNamedIsTheAPIs(t *testing.T) {
	for _, body := range []string{`{"input":"x"}`, `{"input":"x","model":null}`} {
		r, err := wire.Decode([]byte(body), "application/json", "omni", litellm.Options{})
		if err != nil || r.Call.Model != "omni" || string(r.Body) != `{"model":"omni","input":"x"}` {
			t.Errorf("%s: %+v %v", body, r, err)
		}
	}
	r, err := wire.Decode([]byte(`{"input":"x","model":"a"}`), "application/json", "omni", litellm.Options{Model: "path"})
	if err != nil || r.Call.Model != "path" {
		t.Errorf("%+v %v", r, err)
	}
}

func TestInvalidBodiesAreRefusedByField(t *testing.T) {
	form := func(parts ...[3]string) string { body, _ := formOf(parts...); return string(body) }
	many := make([][3]string, 1001)
	for i := range many {
		many[i] = [3]string{"a[]", "", "x"}
	}
	const multi = "multipart/form-data; boundary=" + boundary
	for _, tt := range []struct{ kind, body, param, says string }{
		{"application/json", `{`, "", "not valid JSON"},
		{"application/json", `[]`, "", "JSON object expected"},
		{"application/json", `{"prompt":"x"}`, "model", "required"},
		{"application/json", `{"model":1}`, "model", "string"},
		{"application/json", `{"model":"a","stream":"yes"}`, "stream", "stream"},
		{"application/json", `{"model":"a","api_key":"sk"}`, "api_key", "may not be set"},
		{"text/plain", `model=a`, "", "content type"},
		{"multipart/form-data", "x", "", "no boundary"},
		{multi, "x", "", "cannot be read"},
		{multi, form([3]string{"", "", "x"}), "", "no name"},
		{multi, form([3]string{"file", "a", "x"}), "model", "required"},
		{multi, form([3]string{"model", "", "a"}, [3]string{"model", "", "b"}), "model", "twice"},
		{multi, form([3]string{"model", "", "a"}, [3]string{"prompt", "", strings.Repeat("x", 1<<20+1)}), "prompt", "at most"},
		{multi, form([3]string{"model", "", "a"}, [3]string{"api_base", "", "http://evil"}), "api_base", "may not be set"},
		{multi, form(many...), "", "more than 1000 parts"},
		{multi, form([3]string{"model", "", "a"})[:40], "", "cannot be read"},
	} {
		_, err := wire.Decode([]byte(tt.body), tt.kind, "", litellm.Options{})
		e := llm.AsError(err)
		if err == nil || e.Param != tt.param || !strings.Contains(e.Message, tt.says) || e.Status/100 != 4 {
			t.Errorf("%.80q: %+v", tt.body, e)
		}
	}
	if _, err := wire.ReadForm([]byte("{}"), "application/json"); llm.AsError(err).Status != 415 {
		t.Errorf("%v", err)
	}
}

func TestUsageIsReadWhereItIsInTokens(t *testing.T) {
	for body, want := range map[string]llm.Usage{
		`{"usage":{"input_tokens":10,"output_tokens":2,"total_tokens":12,"input_tokens_details":{"cached_tokens":4}}}`: {Input: 6, Output: 2, Total: 12, CacheRead: llm.Some(int64(4))},
		`{"usage":{"prompt_tokens":3,"completion_tokens":1}}`:                                                          {Input: 3, Output: 1},
		`{"usage":{"output_tokens":1}}`:                                                                                {Output: 1},
	} {
		got, ok := wire.Usage([]byte(body))
		if !ok || got.Input != want.Input || got.Output != want.Output || got.Total != want.Total || got.CacheRead != want.CacheRead {
			t.Errorf("%s: %+v", body, got)
		}
	}
	for _, body := range []string{`{"usage":{"type":"duration","seconds":3}}`, `{"usage":null}`, `{}`, `[]`, `text`, `{"usage":{"input_tokens":-1}}`, `{"usage":{"input_tokens":"3"}}`} {
		if u, ok := wire.Usage([]byte(body)); ok {
			t.Errorf("%s: %+v", body, u)
		}
	}
}

func TestAResponseHasTheClientsNameOfTheModel(t *testing.T) {
	for body, want := range map[string]string{
		`{"id":"1", "model":"omni-2024","results":[]}`: `{"id":"1", "model":"omni","results":[]}`,
		`{"data":[{"model":"x"}]}`:                     `{"data":[{"model":"x"}]}`,
		`not JSON`:                                     `not JSON`,
	} {
		if got := string(wire.Rename([]byte(body), "omni")); got != want {
			t.Errorf("%s: %s", body, got)
		}
	}
	if got := string(wire.Rename([]byte(`{"model":"a"}`), "")); got != `{"model":"a"}` {
		t.Error(got)
	}
}

func TestAnIDSaysWhoseAccountHasIt(t *testing.T) {
	id := wire.ID{Kind: wire.KindFile, Model: "openai/*", Deployment: "d-1", Own: "file-abc:1"}
	text := id.String()
	if got, ok := wire.ParseID(wire.KindFile, text); !ok || got != id || !strings.HasPrefix(text, "file-") {
		t.Errorf("%s: %+v", text, got)
	}
	for _, bad := range []string{"", "file-abc", "batch_" + text[5:], text[:len(text)-2], "file-" + strings.Repeat("A", 5000), wire.ID{Kind: wire.KindFile, Own: "../x"}.String(), wire.ID{Kind: wire.KindFile, Own: ".."}.String(), wire.ID{Kind: wire.KindFile}.String()} {
		if got, ok := wire.ParseID(wire.KindFile, bad); ok {
			t.Errorf("%.100s: %+v", bad, got)
		}
	}
}

func TestIDsAreReplacedWhereverTheyStand(t *testing.T) {
	replace := func(kind, own string) string { return kind + "<" + own + ">" }
	for _, tt := range []struct{ kind, body, want string }{
		{wire.KindFile, `{"id":"f1","object":"file","filename":"f1"}`, `{"id":"file-<f1>","object":"file","filename":"f1"}`},
		{wire.KindBatch, `{"id":"b1","input_file_id":"f1","output_file_id":null,"error_file_id":"","errors":{"data":[{"id":"x"}]}}`, `{"id":"batch_<b1>","input_file_id":"file-<f1>","output_file_id":null,"error_file_id":"","errors":{"data":[{"id":"x"}]}}`},
		{wire.KindBatch, `{"object":"list","data":[{"id":"b1"},{"id":"b2"}],"first_id":"b1","last_id":"b2"}`, `{"object":"list","data":[{"id":"batch_<b2>"}],"first_id":"batch_<b1>","last_id":"batch_<b2>"}`},
		{wire.KindFile, `text`, `text`},
	} {
		got := wire.ReplaceIDs([]byte(tt.body), tt.kind, replace, func(id string) bool { return !strings.Contains(id, "b1") })
		if string(got) != tt.want {
			t.Errorf("%s: %s", tt.body, got)
		}
	}
	if got := wire.Files([]byte(`{"input_file_id":"a","output_file_id":null,"error_file_id":"c"}`)); strings.Join(got, " ") != "a c" {
		t.Errorf("files %q", got)
	}
	if wire.Member([]byte(`[]`), "id") != "" || wire.Member([]byte(`{"id":1}`), "id") != "" {
		t.Error("a member that is no text is one")
	}
}

func TestModelsInABatchAreNamedAsAtTheProvider(t *testing.T) {
	at := func(model string) string { return map[string]string{"chatted": "gpt-4o", "same": "same"}[model] }
	const file = `{"custom_id":"1", "body":{"model":"chatted","messages":[]},"url":"/v1"}` + "\r\n" +
		`{"custom_id":"2","body":{"model":"gpt-4.1"}}` + "\n" +
		`{"body":{"model":"same"}}` + "\n" +
		`{"body":[]}` + "\n" + `not JSON` + "\n" + "\n" +
		`{"body":{"model":"chatted"}}`
	want := strings.ReplaceAll(file, "chatted", "gpt-4o")
	if got := string(wire.NameModels([]byte(file), at)); got != want {
		t.Errorf("got\n%s", got)
	}
}
