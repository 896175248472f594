package openairesponses_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/llm"
	"outcrop/wire/openairesponses"
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
			"the input":         `{"model":"m","input":"TEXT"}`,
			"the instructions":  `{"model":"m","instructions":"TEXT","input":[{"role":"developer","content":"TEXT"},{"role":"user","content":"TEXT"}]}`,
			"parts":             `{"model":"m","input":[{"role":"user","content":[{"type":"input_text","text":"TEXT"},{"type":"input_text","text":"a"}]},{"role":"assistant","content":[{"type":"output_text","text":"TEXT"}]},{"role":"user","content":"a"}]}`,
			"calls":             `{"model":"m","input":[{"role":"user","content":"a"},{"type":"function_call","call_id":"1","name":"f","arguments":"{\"a\":\"b\"}"},{"type":"function_call_output","call_id":"1","output":"TEXT"},{"type":"function_call","call_id":"2","name":"f","arguments":"TEXT"},{"type":"function_call_output","call_id":"2","output":[{"type":"input_text","text":"TEXT"}]}]}`,
			"custom calls":      `{"model":"m","tools":[{"type":"custom","name":"f","description":"TEXT"}],"input":[{"role":"user","content":"a"},{"type":"custom_tool_call","call_id":"1","name":"f","input":"TEXT"},{"type":"custom_tool_call_output","call_id":"1","output":"TEXT"}]}`,
			"a tool":            `{"model":"m","input":"TEXT","tools":[{"type":"function","name":"f","description":"TEXT","parameters":{"type":"object","description":"TEXT"}}]}`,
			"unknown":           `{"model":"m","input":[{"role":"user","content":"TEXT","rock":"TEXT"}],"metadata":{"a":"TEXT"},"user":"TEXT"}`,
			"dropped by a list": `{"model":"m","input":"TEXT","rock":"TEXT","additional_drop_params":["rock"]}`,
		} {
			t.Run(name+" in "+where, func(t *testing.T) {
				body := []byte(strings.ReplaceAll(body, "TEXT", text))
				want, wantErr := openairesponses.DecodeWhole(body, openairesponses.Options{})
				got, err := openairesponses.Decode(body, openairesponses.Options{})
				if fmt.Sprint(err) != fmt.Sprint(wantErr) {
					t.Fatalf("got  %.300v\nwant %.300v", err, wantErr)
				}
				if err != nil {
					return
				}
				for what, both := range map[string][2]any{
					"turns": {want.LLM.Turns, got.LLM.Turns}, "system": {want.LLM.System, got.LLM.System}, "tools": {want.LLM.Tools, got.LLM.Tools},
					"warnings": {want.Warnings, got.Warnings}, "user": {want.LLM.User, got.LLM.User}, "metadata": {want.LLM.Metadata, got.LLM.Metadata},
				} {
					if diff := cmp.Diff(both[0], both[1], cmp.AllowUnexported(llm.Opt[int64]{})); diff != "" {
						t.Errorf("%s: %s", what, diff)
					}
				}
			})
		}
	}
}
