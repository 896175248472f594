package llm

import (
	"strconv"

	"outcrop/internal/jsonx"
)

// EmbedRequest is one call for embeddings (VerbEmbed): one vector for each input.
type EmbedRequest struct {
	Call
	// Inputs are what to embed, in the order of the response's vectors.
	Inputs []EmbedInput
	// Dimensions is the length of the vectors; unset for the model's default.
	Dimensions Opt[int64]
	// InputType says what the vectors are for, in Cohere's words: search_document, search_query,
	// classification, clustering or image. Empty if the client did not say.
	InputType string
	// Truncate is what to do with a text that is too long: NONE (refuse it), START or END (drop its
	// start or end), or the target's own word. Empty for the target's default.
	Truncate string
	// MaxTokens is how many tokens of a text are embedded, where the target supports it.
	MaxTokens Opt[int64]
	// Normalize is whether vectors have length 1; unset for the target's default.
	Normalize Opt[bool]
	// Types are the forms in which each vector is returned; empty for VectorFloat alone.
	Types []VectorType
	// ModelFields are parameters that are specific to the model, by name.
	ModelFields []jsonx.Member
}

// EmbedInput is one thing to embed. Exactly one of Text, Tokens and Parts is set; all are empty for
// an empty text.
type EmbedInput struct {
	Text string
	// Tokens is a text as the ids of OpenAI's encoding cl100k_base, which clients of OpenAI's
	// embedding models send.
	Tokens []int64
	// Parts are texts, images, audio and video that together have one vector. They are blocks of
	// kind BlockText, BlockImage, BlockAudio and BlockVideo.
	Parts []Block
	// Field is the client's name for the input, such as images[0]; empty if it is input[i].
	Field string
}

// Name is the client's name for the input at index i.
func (in *EmbedInput) Name(i int) string {
	if in.Field != "" {
		return in.Field
	}
	return "input[" + strconv.Itoa(i) + "]"
}

// Remote returns the first remote media of the request; nil if there are none.
func (r *EmbedRequest) Remote() *Media {
	for i := range r.Inputs {
		if m := remote(r.Inputs[i].Parts); m != nil {
			return m
		}
	}
	return nil
}

// VectorType is the form of a vector's values.
type VectorType string

// Forms of vectors, named as Cohere names them. In binary and ubinary each value has the signs of
// eight dimensions; Amazon Titan's binary has one value, 0 or 1, for each dimension.
const (
	VectorFloat   VectorType = "float"
	VectorInt8    VectorType = "int8"
	VectorUint8   VectorType = "uint8"
	VectorBinary  VectorType = "binary"
	VectorUbinary VectorType = "ubinary"
)

// Vector is the embedding of one input.
type Vector struct {
	// Float has the values as the provider wrote them. Models compute in 32 bits or fewer, but some
	// providers write the exact decimal of a 32-bit value and some the shortest; 64 bits return
	// either unchanged. Nil if VectorFloat was not requested.
	Float []float64
	// Others are the other requested forms.
	Others []Quantized
}

// Quantized is a vector of integers.
type Quantized struct {
	Type   VectorType
	Values []int16 // between -128 and 255
}

// EmbedResponse is the response to an EmbedRequest.
type EmbedResponse struct {
	// Vectors has one vector for each input, in order.
	Vectors []Vector
	// Usage counts the tokens of the inputs. Estimated is set if the provider did not report them
	// for every input, and the missing ones were estimated.
	Usage     Usage
	Estimated bool
	Meta      Meta
}

// Metadata is r.Meta, for code that serves several kinds of response.
func (r *EmbedResponse) Metadata() *Meta { return &r.Meta }
