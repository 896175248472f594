package anthropic

import "outcrop/llm"

// unreadable holds back reasoning that the client cannot read, encrypted or nothing but a signature, if the request does
// not ask for thinking: such a client expects the answer in the first block of content. The model needs it again
// only between a call and its result, so it stands before the first call that follows, as redacted_thinking, which
// clients send back with the call; an answer without calls is sent without it.
type unreadable struct {
	unasked bool
	data    []string
}

// keep holds reasoning back. It reports false if the client has asked for thinking.
func (u *unreadable) keep(data string) bool {
	if u.unasked {
		u.data = append(u.data, data)
	}
	return u.unasked
}

// keepSignature is keep for a signature without a text. Claude's is not held back: it has no other form than the one
// that Anthropic's API gives it.
func (u *unreadable) keepSignature(signature string) bool {
	return llm.Marked(signature) && u.keep(signature)
}

// take returns what was held back, and forgets it.
func (u *unreadable) take() []string {
	data := u.data
	u.data = nil
	return data
}
