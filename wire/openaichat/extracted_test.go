package openaichat_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/llm"
	"outcrop/wire/openaichat"
)

// Where long base64 stands makes no difference to what a request says; only where
// it is content is it left where it lies.
func TestLongBase64SaysTheSameWhereverItStands(t *testing.T) {
	png := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x10\x00\x00\x00\x10"), (strings.Repeat("rock\xfb\xff\xfe", 3000) + "!")...) // a length that wants padding
	long := base64.StdEncoding.EncodeToString(png)
	user := func(part string) string {
		return `{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"See."},` + part + `]}]}`
	}
	image := func(data string) string {
		return user(`{"type":"image_url","image_url":{"url":"` + data + `"}}`)
	}
	for _, tt := range []struct {
		name, body string
		shares     bool
	}{
		{"an image", image("data:image/png;base64," + long), true},
		{"a document", user(`{"type":"file","file":{"filename":"a.pdf","file_data":"` + long + `"}}`), true},
		{"audio", user(`{"type":"input_audio","input_audio":{"data":"` + long + `","format":"wav"}}`), true},
		{"Converse's own form", user(`{"image":{"format":"png","source":{"bytes":"` + long + `"}}}`), true},
		{"two images", image("data:image/png;base64," + long + `"}},{"type":"image_url","image_url":{"url":"data:image/png;base64,` + long), true},
		{"hidden reasoning", `{"model":"m","messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b","thinking_blocks":[{"type":"redacted_thinking","data":"` + long + `"},{"type":"thinking","thinking":"c","signature":"` + long + `"}]},{"role":"user","content":"d"}]}`, true},
		{"a text", user(`{"type":"text","text":"` + long + `"}`), false},
		{"an image and a text", image("data:image/png;base64," + long + `"}},{"type":"text","text":"` + long), false},
		{"a tool's arguments", `{"model":"m","messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"a\":\"` + long + `\"}"}}]},{"role":"tool","tool_call_id":"1","content":"` + long + `"}]}`, false},
		{"a member that nobody knows", image("data:image/png;base64," + long)[:len(image("data:image/png;base64,"+long))-1] + `,"rock":"` + long + `"}`, false},
		{"with line ends", image("data:image/png;base64," + long[:8000] + `\r\n` + long[8000:]), false},
		{"the alphabet for addresses", image("data:image/png;base64," + strings.NewReplacer("+", "-", "/", "_").Replace(long)), false},
		{"without padding", image("data:image/png;base64," + strings.TrimRight(long, "=")), false},
		{"no base64 at its end", image("data:image/png;base64," + long + "!"), false},
		{"no base64 in its middle", image("data:image/png;base64," + long[:9000] + "é" + long[9000:]), false},
		{"a control character, which JSON does not allow", image("data:image/png;base64," + long[:9000] + "\n" + long[9000:]), false},
		{"a member twice", image("data:image/png;base64," + long + `","url":"data:image/png;base64,` + long), false},
		{"no JSON behind it", image("data:image/png;base64,"+long) + "x", false},
		{"no image", image("data:image/png;base64," + base64.StdEncoding.EncodeToString(make([]byte, 9000))), false},
		{"one that is no JSON any more", image("data:image/png;base64," + long + `",`), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want, wantErr := openaichat.DecodeWhole([]byte(tt.body), openaichat.Options{})
			got, err := openaichat.Decode([]byte(tt.body), openaichat.Options{})
			if fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Fatalf("got  %v\nwant %v", err, wantErr)
			}
			if err != nil {
				return
			}
			if got.Shares != tt.shares {
				t.Errorf("shares the body's memory: %v", got.Shares)
			}
			got.Shares = false
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(llm.Opt[int64]{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A long text makes no difference to what a request says either, wherever it stands and whatever it contains.
func TestLongTextsSayTheSameWhereverTheyStand(t *testing.T) {
	for name, text := range map[string]string{
		"plain":                    strings.Repeat("Granite is coarse. ", 500),
		"lines":                    strings.Repeat(`Granite is \"coarse\".\n\tBasalt \u00e9 is\\not\/`, 200),
		"not ASCII":                strings.Repeat("花崗岩 é", 600),
		"surrogates":               strings.Repeat(`\ud83e\udea8 rocks`, 400),
		"half a surrogate":         strings.Repeat("rocks ", 900) + `\ud83e`,
		"no escape":                strings.Repeat("rocks ", 900) + `\x`,
		"a control character":      strings.Repeat("rocks ", 900) + "\n",
		"not UTF-8":                strings.Repeat("rocks ", 900) + "\xff",
		"what looks like a mark":   "~" + strings.Repeat("A", 26) + ".0" + strings.Repeat(" rocks", 900),
		"JSON":                     `{\"a\":\"` + strings.Repeat("rocks ", 900) + `\"}`,
		"nothing but white space":  strings.Repeat(" ", 5000),
		"a data URI without data:": "data:," + strings.Repeat("rocks ", 900),
	} {
		for where, body := range map[string]string{
			"content":        `{"model":"m","messages":[{"role":"user","content":"TEXT"}]}`,
			"the system":     `{"model":"m","messages":[{"role":"system","content":"TEXT"},{"role":"user","content":"TEXT"}]}`,
			"a part":         `{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"TEXT"},{"type":"text","text":"a"}]}]}`,
			"calls":          `{"model":"m","messages":[{"role":"user","content":"a"},{"role":"assistant","reasoning_content":"TEXT","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"TEXT"}}]},{"role":"tool","tool_call_id":"1","content":"TEXT"}]}`,
			"thoughts":       `{"model":"m","messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b","thinking_blocks":[{"type":"thinking","thinking":"TEXT","signature":"c2ln"}]},{"role":"user","content":"d"}]}`,
			"a tool":         `{"model":"m","messages":[{"role":"user","content":"TEXT"}],"tools":[{"type":"function","function":{"name":"f","description":"TEXT","parameters":{"type":"object","description":"TEXT"}}}]}`,
			"an unknown one": `{"model":"m","messages":[{"role":"user","content":"TEXT","rock":"TEXT"}],"stop":"TEXT","metadata":{"a":"TEXT"}}`,
			"a model":        `{"model":"TEXT","messages":[{"role":"user","content":"TEXT"}]}`,
		} {
			t.Run(name+" in "+where, func(t *testing.T) {
				body := []byte(strings.ReplaceAll(body, "TEXT", text))
				want, wantErr := openaichat.DecodeWhole(body, openaichat.Options{})
				got, err := openaichat.Decode(body, openaichat.Options{})
				if fmt.Sprint(err) != fmt.Sprint(wantErr) {
					t.Fatalf("got  %.300v\nwant %.300v", err, wantErr)
				}
				if diff := cmp.Diff(want, got, cmp.AllowUnexported(llm.Opt[int64]{})); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

// BenchmarkDecodeOfALongConversation decodes what a coding agent sends after a while.
func BenchmarkDecodeOfALongConversation(b *testing.B) {
	var body strings.Builder
	body.WriteString(`{"model":"m","messages":[{"role":"user","content":"a"}`)
	for i := range 40 {
		fmt.Fprintf(&body, `,{"role":"assistant","content":null,"tool_calls":[{"id":"%d","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"%d","content":"%s"}`, i, i, strings.Repeat(`func main() {\n\tfmt.Println(\"rocks\")\n}\n`, 300))
	}
	body.WriteString("]}")
	for name, decode := range map[string]func([]byte, openaichat.Options) (*openaichat.Request, error){"extracted": openaichat.Decode, "whole": openaichat.DecodeWhole} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(body.Len()))
			for b.Loop() {
				if _, err := decode([]byte(body.String()), openaichat.Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
