package embed_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/embed"
	"outcrop/provider/bedrock/modelid"
	"outcrop/wire/openaiembed"
)

// model gives the model of a base id, with what the catalogue knows of it.
func model(t testing.TB, id string) *embed.Model {
	t.Helper()
	all := catalog.Embedded()
	parsed, err := modelid.Parse(id)
	if err != nil {
		t.Fatal(err)
	}
	facts, _ := all.Model(parsed.Base())
	return embed.NewModel(parsed.Vendor, parsed.Name, facts)
}

// recording is a recorded call of InvokeModel.
type recording struct {
	URL      string
	Request  struct{ JSON map[string]any }
	Response struct {
		Status  int
		Headers map[string]string
		JSON    json.RawMessage
	}
	name, model string
}

// recordings are the recorded calls of embedding models.
func recordings(t *testing.T) []recording {
	t.Helper()
	folder := os.Getenv("OUTCROP_RECORDINGS")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "..", "shared", "recordings")
	}
	paths, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []recording
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var r recording
		if err := json.Unmarshal(data, &r); err != nil {
			continue // of another shape
		}
		_, rest, ok := strings.Cut(r.URL, "/model/")
		escaped, isInvoke := strings.CutSuffix(rest, "/invoke")
		b := r.Request.JSON
		if !ok || !isInvoke || b["texts"] == nil && b["inputText"] == nil && b["taskType"] == nil {
			continue
		}
		if r.model, err = url.PathUnescape(escaped); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(r.model, "arn:") {
			r.model = "amazon.titan-embed-text-v2:0"
		}
		r.name = strings.TrimSuffix(filepath.Base(path), ".json")
		all = append(all, r)
	}
	if len(all) == 0 {
		t.Skip("no recordings here")
	}
	return all
}

// asked is the recorded request in OpenAI's form, and without defaults the recorded body.
func asked(t *testing.T, r *recording) (request, body map[string]any) {
	t.Helper()
	request, body = map[string]any{"model": r.model}, map[string]any{}
	for name, value := range r.Request.JSON {
		body[name] = value
		switch name {
		case "inputText", "texts":
			request["input"] = value
		case "truncate":
			if value != "NONE" {
				request[name] = value
			} else {
				delete(body, name)
			}
		case "normalize":
			if value != true {
				request[name] = value
			} else {
				delete(body, name)
			}
		case "singleEmbeddingParams":
			params, ok := value.(map[string]any)
			text, ok2 := params["text"].(map[string]any)
			if !ok || !ok2 {
				t.Fatalf("%s has no text", r.name)
			}
			request["input"], request["embeddingPurpose"], request["truncate"] = text["value"], params["embeddingPurpose"], text["truncationMode"]
			if d := params["embeddingDimension"]; d != nil {
				request["dimensions"] = d
			} else {
				params["embeddingDimension"] = 3072.0
			}
			body["schemaVersion"] = "nova-multimodal-embed-v1"
		case "taskType", "schemaVersion":
		default:
			request[name] = value
		}
	}
	return request, body
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// plan decodes an OpenAI request and makes the calls of it.
func plan(t *testing.T, request []byte) ([]embed.Item, *openaiembed.Request, []llm.Warning) {
	t.Helper()
	r, err := openaiembed.Decode(request, openaiembed.Options{})
	if err != nil {
		t.Fatalf("%.300s: %v", request, err)
	}
	items, warnings, err := model(t, r.LLM.Model).Plan(&r.LLM)
	if err != nil {
		t.Fatalf("%.300s: %v", request, err)
	}
	return items, r, warnings
}

func object(t *testing.T, data []byte) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%.300s: %v", data, err)
	}
	return v
}

// TestRecordedCallsAreMadeAndReadAgain makes the recorded bodies of requests in OpenAI's form, and
// recorded vectors of responses, as floats and as base64.
func TestRecordedCallsAreMadeAndReadAgain(t *testing.T) {
	for _, r := range recordings(t) {
		t.Run(r.name, func(t *testing.T) {
			request, body := asked(t, &r)
			items, decoded, warnings := plan(t, marshal(t, request))
			if len(items) != 1 || len(warnings)+len(decoded.Warnings) > 0 {
				t.Fatalf("%d calls, warnings %v %v", len(items), warnings, decoded.Warnings)
			}
			if diff := cmp.Diff(body, object(t, bytes.Join(items[0].Body, nil))); diff != "" {
				t.Errorf("body (-recorded +made):\n%s", diff)
			}
			header := func(name string) string { return r.Response.Headers[strings.ToLower(name)] }
			result, err := embed.Decode(&items[0], r.Response.JSON, header)
			if err != nil {
				t.Fatal(err)
			}
			answer := embed.Join(len(decoded.LLM.Inputs), items, []*embed.Result{result})
			if answer.Estimated || len(answer.Meta.Warnings) > 0 {
				t.Errorf("estimated %v, warnings %v", answer.Estimated, answer.Meta.Warnings)
			}
			tokens, err := strconv.ParseInt(header("X-Amzn-Bedrock-Input-Token-Count"), 10, 64)
			if err != nil || answer.Usage.Input != tokens {
				t.Errorf("%d tokens, want %d (%v)", answer.Usage.Input, tokens, err)
			}
			want := recordedVectors(t, object(t, r.Response.JSON))
			for _, inBase64 := range []bool{false, true} {
				if got := written(t, answer, inBase64); !slices.EqualFunc(rounded(want, inBase64), got, slices.Equal) {
					t.Errorf("base64 %v: the vectors differ from the recorded ones", inBase64)
				}
			}
		})
	}
}

// TestRecordedCallsAreAskedForAsOneRequest makes one request of recorded calls of the same model and
// settings, in both orders.
func TestRecordedCallsAreAskedForAsOneRequest(t *testing.T) {
	groups := map[string][]recording{}
	for _, r := range recordings(t) {
		if len(r.Request.JSON) > 0 && r.Request.JSON["texts"] == nil { // Cohere's are one call already
			request, _ := asked(t, &r)
			delete(request, "input")
			key := string(marshal(t, request))
			groups[key] = append(groups[key], r)
		}
	}
	several := 0
	for settings, group := range groups {
		if len(group) < 2 {
			continue
		}
		several++
		for range 2 {
			slices.Reverse(group)
			request := object(t, []byte(settings))
			var inputs []any
			var want [][]float64
			for _, r := range group {
				one, _ := asked(t, &r)
				inputs = append(inputs, one["input"])
				want = append(want, recordedVectors(t, object(t, r.Response.JSON))...)
			}
			request["input"] = inputs
			items, decoded, _ := plan(t, marshal(t, request))
			results := make([]*embed.Result, len(items))
			for k := range items {
				var err error
				if results[k], err = embed.Decode(&items[k], group[items[k].Inputs[0]].Response.JSON, none); err != nil {
					t.Fatal(err)
				}
			}
			got := written(t, embed.Join(len(decoded.LLM.Inputs), items, results), false)
			if len(items) != len(group) || !slices.EqualFunc(want, got, slices.Equal) {
				t.Errorf("%s: %d calls of %d, or other vectors than recorded", settings, len(items), len(group))
			}
		}
	}
	if several == 0 {
		t.Error("no recorded calls have the same settings")
	}
}

// recordedVectors are the vectors of a recorded response.
func recordedVectors(t *testing.T, answer map[string]any) [][]float64 {
	t.Helper()
	if one, ok := answer["embedding"]; ok {
		return [][]float64{floats(t, one)}
	}
	list := answer["embeddings"]
	if byType, ok := list.(map[string]any); ok {
		list = byType["float"]
	}
	all, ok := list.([]any)
	if !ok {
		t.Fatalf("no vectors in %.100v", answer)
	}
	var out [][]float64
	for _, v := range all {
		if o, ok := v.(map[string]any); ok {
			v = o["embedding"]
		}
		out = append(out, floats(t, v))
	}
	return out
}

func floats(t *testing.T, v any) []float64 {
	t.Helper()
	var out []float64
	if err := json.Unmarshal(marshal(t, v), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// rounded are vectors as 32-bit floats, if they are written as base64.
func rounded(all [][]float64, round bool) [][]float64 {
	if !round {
		return all
	}
	out := make([][]float64, len(all))
	for i, v := range all {
		for _, f := range v {
			out[i] = append(out[i], float64(float32(f)))
		}
	}
	return out
}

// written are the vectors of the response that a client gets.
func written(t *testing.T, answer *llm.EmbedResponse, inBase64 bool) [][]float64 {
	t.Helper()
	var got struct {
		Data []struct {
			Index     int
			Embedding json.RawMessage
		}
	}
	doc := openaiembed.AppendResponse(nil, openaiembed.Envelope{Model: "m", Base64: inBase64}, answer)
	if err := json.Unmarshal(doc, &got); err != nil {
		t.Fatalf("%.200s: %v", doc, err)
	}
	out := make([][]float64, len(got.Data))
	for i, d := range got.Data {
		if d.Index != i {
			t.Errorf("index %d at %d", d.Index, i)
		}
		if !inBase64 {
			out[i] = floats(t, d.Embedding)
			continue
		}
		var text string
		if err := json.Unmarshal(d.Embedding, &text); err != nil {
			t.Fatal(err)
		}
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		for ; len(data) > 0; data = data[4:] {
			out[i] = append(out[i], float64(math.Float32frombits(binary.LittleEndian.Uint32(data))))
		}
	}
	return out
}
