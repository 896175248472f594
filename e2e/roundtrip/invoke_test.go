package roundtrip

import (
	"encoding/json"
	"fmt"
	"slices"
)

// invoke is the Messages API by InvokeModel of Bedrock: the path has the model and whether to stream.
type invoke struct{ messages }

func (v invoke) writeRequest(r *request, _ string, _ bool) []byte {
	q := v.request(r, "", false)
	q.Version = "bedrock-2023-05-31"
	return raw(q)
}

func (v invoke) writeStream(a *answer, model string) []string {
	var out []string
	for _, e := range v.events(a, model) {
		out = append(out, frame("chunk", object{"bytes": []byte(encoded(e)), "p": "abc"}))
	}
	return out
}

func (v invoke) readAnswer(body []byte, stream bool) (*answer, error) {
	if !stream {
		return v.messages.readAnswer(body, false)
	}
	var events [][]byte
	for f, err := range frames(body) {
		if err != nil {
			return nil, err
		}
		var chunk struct {
			Bytes []byte `json:"bytes"`
		}
		if err := json.Unmarshal(f.payload, &chunk); err != nil || f.kind != "chunk" {
			return nil, fmt.Errorf("a frame %s %s: %w", f.kind, f.payload, err)
		}
		events = append(events, slices.Clone(chunk.Bytes))
	}
	return v.assemble(events)
}
