package anthropic_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/llm"
	"outcrop/wire/anthropic"
)

// A long text makes no difference to what a request says, wherever it stands and whatever it contains.
func TestLongTextsSayTheSameWhereverTheyStand(t *testing.T) {
	for name, text := range map[string]string{
		"plain":            strings.Repeat("Granite is coarse. ", 500),
		"lines":            strings.Repeat(`Granite is \"coarse\".\n\tBasalt \u00e9 is\\not\/`, 200),
		"not ASCII":        strings.Repeat("花崗岩 é", 600),
		"surrogates":       strings.Repeat(`\ud83e\udea8 rocks`, 400),
		"half a surrogate": strings.Repeat("rocks ", 900) + `\ud83e`,
		"no escape":        strings.Repeat("rocks ", 900) + `\x`,
		"not UTF-8":        strings.Repeat("rocks ", 900) + "\xff",
		"base64":           strings.Repeat("cm9ja3Mh", 900),
	} {
		for where, body := range map[string]string{
			"content":    `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"TEXT"}]}`,
			"the system": `{"model":"m","max_tokens":9,"system":"TEXT","messages":[{"role":"user","content":"a"}]}`,
			"blocks":     `{"model":"m","max_tokens":9,"system":[{"type":"text","text":"TEXT"}],"messages":[{"role":"user","content":[{"type":"text","text":"TEXT"},{"type":"text","text":"a"}]}]}`,
			"calls":      `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"thinking","thinking":"TEXT","signature":"c2ln"},{"type":"tool_use","id":"1","name":"f","input":{"a":"TEXT","b":["TEXT",{"TEXT":1}]}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"1","content":[{"type":"text","text":"TEXT"}]}]}]}`,
			"a result":   `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"tool_use","id":"1","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"1","content":"TEXT"}]}]}`,
			"a tool":     `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"TEXT"}],"tools":[{"name":"f","description":"TEXT","input_schema":{"type":"object","description":"TEXT"}}]}`,
			"unknown":    `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"TEXT","rock":"TEXT"}],"stop_sequences":["TEXT"],"metadata":{"user_id":"TEXT"}}`,
		} {
			t.Run(name+" in "+where, func(t *testing.T) {
				body := []byte(strings.ReplaceAll(body, "TEXT", text))
				want, wantErr := anthropic.DecodeWhole(body, anthropic.Options{})
				got, err := anthropic.Decode(body, anthropic.Options{})
				if fmt.Sprint(err) != fmt.Sprint(wantErr) {
					t.Fatalf("got  %.300v\nwant %.300v", err, wantErr)
				}
				if err != nil {
					return
				}
				got.Shares = false
				if diff := cmp.Diff(want.LLM.Turns, got.LLM.Turns, cmp.AllowUnexported(llm.Opt[int64]{})); diff != "" {
					t.Error(diff)
				}
				if diff := cmp.Diff(want.LLM.System, got.LLM.System); diff != "" {
					t.Error(diff)
				}
				if diff := cmp.Diff(want.LLM.Tools, got.LLM.Tools); diff != "" {
					t.Error(diff)
				}
				if diff := cmp.Diff(want.Warnings, got.Warnings); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}
