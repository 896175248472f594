package openaiembed

import (
	"encoding/base64"
	"encoding/binary"
	"math"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Envelope is what a response has beside the vectors.
type Envelope struct {
	// Model is the model as the client named it.
	Model string
	// Base64 is whether vectors are base64 of their values as 32-bit floats, little endian.
	Base64 bool
}

// AppendResponse appends a response. A vector of which several forms were requested has the first
// one in embedding, floats before others, and all of them in embeddings_by_type.
func AppendResponse(dst []byte, env Envelope, r *llm.EmbedResponse) []byte {
	w := jsonx.Writer{Buf: dst}
	w.Object()
	w.Key("object")
	w.Word("list")
	w.Key("data")
	w.Array()
	var room []byte
	for i := range r.Vectors {
		v := &r.Vectors[i]
		w.Object()
		w.Key("object")
		w.Word("embedding")
		w.Key("index")
		w.Int(int64(i))
		w.Key("embedding")
		room = appendVector(&w, v, env.Base64, room)
		if len(v.Others) > 1 || len(v.Others) == 1 && v.Float != nil {
			appendForms(&w, v)
		}
		w.EndObject()
	}
	w.EndArray()
	w.Key("model")
	w.String(env.Model)
	w.Key("usage")
	w.Object()
	w.Key("prompt_tokens")
	w.Int(r.Usage.Prompt())
	w.Key("total_tokens")
	w.Int(max(r.Usage.Total, r.Usage.Prompt()))
	w.EndObject()
	w.EndObject()
	return w.Buf
}

// appendVector writes the vector's first form. room is memory that the next call can use.
func appendVector(w *jsonx.Writer, v *llm.Vector, inBase64 bool, room []byte) []byte {
	if !inBase64 {
		if v.Float != nil || len(v.Others) == 0 {
			appendFloats(w, v.Float)
		} else {
			appendInts(w, v.Others[0].Values)
		}
		return room
	}
	room = room[:0]
	if v.Float != nil || len(v.Others) == 0 {
		for _, f := range v.Float {
			room = binary.LittleEndian.AppendUint32(room, math.Float32bits(float32(f)))
		}
	} else {
		for _, n := range v.Others[0].Values {
			room = binary.LittleEndian.AppendUint32(room, math.Float32bits(float32(n)))
		}
	}
	at := len(room)
	room = base64.StdEncoding.AppendEncode(room, room)
	w.Base64(room[at:])
	return room
}

func appendForms(w *jsonx.Writer, v *llm.Vector) {
	w.Key("embeddings_by_type")
	w.Object()
	if v.Float != nil {
		w.Key(string(llm.VectorFloat))
		appendFloats(w, v.Float)
	}
	for i := range v.Others {
		w.Key(string(v.Others[i].Type))
		appendInts(w, v.Others[i].Values)
	}
	w.EndObject()
}

func appendFloats(w *jsonx.Writer, values []float64) {
	w.Array()
	for _, f := range values {
		w.Float(f)
	}
	w.EndArray()
}

func appendInts(w *jsonx.Writer, values []int16) {
	w.Array()
	for _, n := range values {
		w.Int(int64(n))
	}
	w.EndArray()
}
