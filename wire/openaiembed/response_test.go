package openaiembed_test

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"testing"

	"outcrop/llm"
	"outcrop/wire/openaiembed"
)

func TestResponses(t *testing.T) {
	for _, test := range []struct {
		env  openaiembed.Envelope
		r    llm.EmbedResponse
		want string
	}{
		{
			openaiembed.Envelope{Model: "m\n"},
			llm.EmbedResponse{Vectors: []llm.Vector{{Float: []float64{0.1, -1e-7, 0}}, {Float: []float64{-0.05289186164736748}}}, Usage: llm.Usage{Input: 5, Total: 5}},
			`{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.1,-1e-7,0]},{"object":"embedding","index":1,"embedding":[-0.05289186164736748]}],"model":"m\n","usage":{"prompt_tokens":5,"total_tokens":5}}`,
		},
		{
			openaiembed.Envelope{Model: "m", Base64: true},
			llm.EmbedResponse{Vectors: []llm.Vector{{Float: []float64{1, -0.5}}, {Float: []float64{0}}}},
			`{"object":"list","data":[{"object":"embedding","index":0,"embedding":"AACAPwAAAL8="},{"object":"embedding","index":1,"embedding":"AAAAAA=="}],"model":"m","usage":{"prompt_tokens":0,"total_tokens":0}}`,
		},
		{
			openaiembed.Envelope{Model: "m"},
			llm.EmbedResponse{Vectors: []llm.Vector{{Others: []llm.Quantized{{Type: llm.VectorInt8, Values: []int16{-128, 127}}}}}},
			`{"object":"list","data":[{"object":"embedding","index":0,"embedding":[-128,127]}],"model":"m","usage":{"prompt_tokens":0,"total_tokens":0}}`,
		},
		{
			openaiembed.Envelope{Model: "m", Base64: true},
			llm.EmbedResponse{Vectors: []llm.Vector{{Others: []llm.Quantized{{Type: llm.VectorInt8, Values: []int16{1}}}}}},
			`{"object":"list","data":[{"object":"embedding","index":0,"embedding":"AACAPw=="}],"model":"m","usage":{"prompt_tokens":0,"total_tokens":0}}`,
		},
		{
			openaiembed.Envelope{Model: "m"},
			llm.EmbedResponse{Vectors: []llm.Vector{{Float: []float64{1}, Others: []llm.Quantized{{Type: llm.VectorUbinary, Values: []int16{255}}}}}},
			`{"object":"list","data":[{"object":"embedding","index":0,"embedding":[1],"embeddings_by_type":{"float":[1],"ubinary":[255]}}],"model":"m","usage":{"prompt_tokens":0,"total_tokens":0}}`,
		},
	} {
		if got := string(openaiembed.AppendResponse(nil, test.env, &test.r)); got != test.want {
			t.Errorf("%s\nwant\n%s", got, test.want)
		}
	}
}

// TestNumbersComeBackExactly holds that a vector's values are the same when they are read again, as
// 64-bit floats from numbers and as 32-bit floats from base64.
func TestNumbersComeBackExactly(t *testing.T) {
	values := []float64{0, math.Copysign(0, -1), 1, -1, math.Pi, 0.1, 1e-7, 1e21, 5e-324, math.MaxFloat32, math.SmallestNonzeroFloat32, -0.05289186164736748, -0.0037250519}
	for bits := uint32(1); bits != 0 && bits < 0x7f80_0000; bits = bits*3 + 1 {
		values = append(values, float64(math.Float32frombits(bits)))
	}
	r := &llm.EmbedResponse{Vectors: []llm.Vector{{Float: values}}}
	var got struct {
		Data []struct{ Embedding []float64 }
	}
	if err := json.Unmarshal(openaiembed.AppendResponse(nil, openaiembed.Envelope{}, r), &got); err != nil {
		t.Fatal(err)
	}
	var text struct{ Data []struct{ Embedding string } }
	if err := json.Unmarshal(openaiembed.AppendResponse(nil, openaiembed.Envelope{Base64: true}, r), &text); err != nil {
		t.Fatal(err)
	}
	data, err := base64.StdEncoding.DecodeString(text.Data[0].Embedding)
	if err != nil || len(data) != 4*len(values) {
		t.Fatalf("%d bytes for %d values, %v", len(data), len(values), err)
	}
	for i, want := range values {
		if f := got.Data[0].Embedding[i]; math.Float64bits(f) != math.Float64bits(want) {
			t.Errorf("%v is read again as %v", want, f)
		}
		if f := binary.LittleEndian.Uint32(data[4*i:]); f != math.Float32bits(float32(want)) {
			t.Errorf("%v is read again as %v", want, math.Float32frombits(f))
		}
	}
}
