package admin_test

import "testing"

func TestACostIsCalculatedBeforeAndAfterACall(t *testing.T) {
	w := newWorld(t) // a token of granite costs a cent
	w.master("/spend/calculate", `{"model":"granite","messages":[{"role":"user","content":"12345678"},{"role":"user","content":[{"type":"text","text":"12345678"}]}]}`).is(200, "cost", "0.06")
	w.master("/spend/calculate", `{"completion_response":{"model":"granite","usage":{"prompt_tokens":9,"completion_tokens":12,"prompt_tokens_details":{"cached_tokens":4}}}}`).is(200, "cost", "0.21")
	w.master("/spend/calculate", `{"model":"granite"}`).fails(400, "bad_request_error", "messages")
	w.master("/spend/calculate", `{}`).fails(400, "bad_request_error", "model")
	w.master("/spend/calculate", `{"model":"basalt","messages":[]}`).fails(400, "invalid_request_error", "model")
	w.master("/spend/calculate", `{"completion_response":{"model":"granite","usage":{"prompt_tokens":-1}}}`).fails(400, "bad_request_error", "completion_response")
	w.master("/spend/calculate", `{"model":7}`).fails(422, "bad_request_error", "")
}
