package embedding

import (
	"slices"

	"outcrop/llm"
)

// Kind is what inputs have in common that can share a call.
type Kind uint8

// Kinds of inputs.
const (
	Text  Kind = iota // texts
	Media             // single images or other media
	Parts             // texts and media together
	kinds
)

// Limits are how many inputs a model takes in a call: at least one of each kind.
type Limits struct {
	Texts, Media, Parts int
	// Bytes is from which size of its content on a call takes no more inputs.
	Bytes int
}

// Batch is the inputs of one call.
type Batch struct {
	Kind Kind
	// Inputs are indices of the request's inputs, in order.
	Inputs []int
}

// Batches divides the inputs into calls. Inputs of one kind share calls; the calls are in the order of
// their first inputs. texts are those of Texts.
func Batches(req *llm.EmbedRequest, texts []string, limits Limits) []Batch {
	var open [kinds]struct {
		inputs []int
		bytes  int
	}
	var out []Batch
	most := [kinds]int{limits.Texts, limits.Media, limits.Parts}
	for i := range req.Inputs {
		kind, size := kindOf(&req.Inputs[i]), sizeOf(&req.Inputs[i], texts[i])
		batch := &open[kind]
		if len(batch.inputs) == most[kind] || len(batch.inputs) > 0 && batch.bytes+size > limits.Bytes {
			out = append(out, Batch{kind, batch.inputs})
			batch.inputs, batch.bytes = nil, 0
		}
		batch.inputs, batch.bytes = append(batch.inputs, i), batch.bytes+size
	}
	for kind := range open {
		if len(open[kind].inputs) > 0 {
			out = append(out, Batch{Kind(kind), open[kind].inputs})
		}
	}
	slices.SortStableFunc(out, func(a, b Batch) int { return a.Inputs[0] - b.Inputs[0] })
	return out
}

func kindOf(in *llm.EmbedInput) Kind {
	switch {
	case len(in.Parts) == 0, isText(in.Parts):
		return Text
	case len(in.Parts) == 1:
		return Media
	default:
		return Parts
	}
}

// sizeOf is about how many bytes an input adds to a body.
func sizeOf(in *llm.EmbedInput, text string) int {
	n := len(text)
	for i := range in.Parts {
		b := &in.Parts[i]
		n += len(b.Text)
		if b.Media != nil {
			n += len(b.Media.Base64.Bytes())
		}
	}
	return n
}
