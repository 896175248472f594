package embed_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"outcrop/llm"
	"outcrop/provider/bedrock/embed"
	"outcrop/wire/openaiembed"
)

var all = []string{titan1, titan2, titanMM, cohere3, cohere4, nova, marengo2, marengo3}

// FuzzPlan holds that any request is refused with a status 400 that says something, or becomes
// bodies that are JSON and have each input once.
func FuzzPlan(f *testing.F) {
	for i, body := range []string{
		`{"model":"m","input":"a"}`, `{"model":"m","input":["a",[1,2],{"type":"text","text":"b"}],"drop_params":true,"dimensions":256}`,
		`{"model":"m","input":[1,2]}`, `{"model":"m","images":["data:image/png;base64,` + png + `"],"truncate":"END"}`,
		`{"model":"m","input":{"content":[{"type":"text","text":"c"},{"type":"image_url","image_url":"data:image/png;base64,` + png + `"}]}}`,
		`{"model":"m","input":"a","text":{"truncationMode":"END"},"embedding_types":["int8"],"normalize":false,"max_tokens":4}`,
	} {
		f.Add(uint8(i), []byte(body))
	}
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		r, err := openaiembed.Decode(body, openaiembed.Options{})
		var items []embed.Item
		if err == nil && r.LLM.Remote() == nil {
			items, _, err = model(t, all[int(which)%len(all)]).Plan(&r.LLM)
		}
		if err != nil {
			var e *llm.Error
			if !errors.As(err, &e) || e.Status != 400 || e.Message == "" {
				t.Errorf("refused with %+v", err)
			}
			return
		}
		seen := map[int]bool{}
		for _, item := range items {
			if doc := bytes.Join(item.Body, nil); !json.Valid(doc) {
				t.Errorf("no JSON goes upstream: %s", doc)
			}
			for _, i := range item.Inputs {
				if seen[i] || i >= len(r.LLM.Inputs) {
					t.Errorf("input %d is embedded twice or not there", i)
				}
				seen[i] = true
			}
		}
		if r.LLM.Remote() == nil && len(seen) != len(r.LLM.Inputs) {
			t.Errorf("%d of %d inputs are embedded", len(seen), len(r.LLM.Inputs))
		}
	})
}

// FuzzDecode holds that any response is a fault of status 502, or becomes JSON in both encodings.
func FuzzDecode(f *testing.F) {
	for i, body := range []string{
		`{"embedding":[1,0.5],"inputTextTokenCount":3}`, `{"embedding":[1],"embeddingsByType":{"binary":[0,1],"float":[2]}}`,
		`{"embedding":[1],"message":null}`, `{"embeddings":[[1],[2]]}`, `{"embeddings":{"float":[[1e-7],[2]],"int8":[[1],[2]]}}`,
		`{"embeddings":[{"embedding":[1],"truncatedCharLength":7}]}`, `{"data":[{"embedding":[1]}]}`, `{"data":{"embedding":[1]}}`,
	} {
		f.Add(uint8(i), []byte(body))
	}
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		request := &llm.EmbedRequest{Inputs: []llm.EmbedInput{{Text: "a"}, {Text: "b"}}}
		items, _, err := model(t, all[int(which)%len(all)]).Plan(request)
		if err != nil {
			t.Fatal(err)
		}
		result, err := embed.Decode(&items[0], body, none)
		if err != nil {
			var e *llm.Error
			if !errors.As(err, &e) || e.Status != 502 {
				t.Errorf("refused with %+v", err)
			}
			return
		}
		answer := embed.Join(2, items[:1], []*embed.Result{result})
		for _, inBase64 := range []bool{false, true} {
			if doc := openaiembed.AppendResponse(nil, openaiembed.Envelope{Model: "m", Base64: inBase64}, answer); !json.Valid(doc) {
				t.Errorf("no JSON goes to the client: %s", doc)
			}
		}
	})
}
