package openairesponses

import "outcrop/internal/jsonx"

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
