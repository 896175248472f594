package otlp

import "testing"

func TestMessagesFollowTheConventions(t *testing.T) {
	for asked, want := range map[string]string{
		`[{"role":"user","content":"hi"}]`: `[{"role":"user","parts":[{"type":"text","content":"hi"}]}]`,
		`"hi"`:                             `[{"role":"user","parts":[{"type":"text","content":"hi"}]}]`,
		`[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:"}}]}]`:                  `[{"role":"user","parts":[{"type":"text","content":"a"},{"type":"image_url"}]}]`,
		`[{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]}]`: `[{"role":"assistant","parts":[{"type":"tool_call","id":"1","name":"f","arguments":"{}"}]}]`,
		`[{"parts":[{"text":"hi"}]}]`: `[{"parts":[{"text":"hi"}]}]`, `["a","b"]`: `["a","b"]`, `{"a":1}`: `{"a":1}`,
	} {
		if got := messages([]byte(asked)); got != want {
			t.Errorf("%s becomes %s", asked, got)
		}
	}
}
