package openairesponses

import (
	"errors"

	"outcrop/internal/jsonx"
)

// DecodeCount reads the number of tokens of a request.
func DecodeCount(body []byte) (int64, error) {
	var c struct {
		Tokens *int64    `json:"input_tokens"`
		Rest   jsonx.Raw `json:",embed"`
	}
	if err := jsonx.Unmarshal(body, &c); err != nil {
		return 0, err
	}
	if c.Tokens == nil {
		return 0, errors.New("it has no input_tokens")
	}
	return *c.Tokens, nil
}

// AppendCount appends the number of tokens of a request.
func AppendCount(dst []byte, tokens int64) []byte {
	w := jsonx.Writer{Buf: dst}
	w.Object()
	w.Key("object")
	w.Word("response.input_tokens")
	w.Key("input_tokens")
	w.Int(tokens)
	w.EndObject()
	return w.Buf
}
