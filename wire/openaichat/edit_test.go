package openaichat

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

func applied(t *testing.T, e *Edit, body string) (string, []llm.Warning) {
	t.Helper()
	pieces, warnings, err := e.Apply([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.Join(pieces, nil)), warnings
}

func TestEditsOfABody(t *testing.T) {
	dropped := func(field, detail string) []llm.Warning {
		return []llm.Warning{{Code: llm.WarnDropped, Field: field, Detail: detail}}
	}
	long := `"` + string(bytes.Repeat([]byte("x"), 3000)) + `"`
	for _, tt := range []struct {
		name       string
		edits      Edits
		drop       bool
		body, want string
		warnings   []llm.Warning
	}{
		{"the model", Edits{}, false, "{ \"model\" : \"a\\\"b\" ,\n\"x\":[1, {\"model\":\"y\"}] } ", `{"model":"m","x":[1, {"model":"y"}]}`, nil},
		{"a long value in a piece of its own", Edits{}, false, `{"messages":` + long + `,"model":"a","y":1.5e3}`, `{"messages":` + long + `,"model":"m","y":1.5e3}`, nil},
		{
			"cache points",
			Edits{NoCachePoints: true},
			false,
			`{"messages":[{"role":"user","content":[{"type":"text", "cache_control" : {"type":"ephemeral"} , "text":"\\"cache_control\\":1"},{"cache_control":null},{"type":"text","text":"a","cache_control":{"a":[1,"}"]}}],"cache_control":{}}],"tools":[{"cache_control":{},"function":{"parameters":{"properties":{"cache_control":{}}}}}]}`,
			`{"messages":[{"role":"user","content":[{"type":"text","text":"\\"cache_control\\":1"},{},{"type":"text","text":"a"}]}],"tools":[{"function":{"parameters":{"properties":{"cache_control":{}}}}}]}`,
			append(dropped("cache_control", "the provider decides itself what it caches"), dropped("cache_control", "the provider decides itself what it caches")...),
		},
		{"another name", Edits{Rename: map[string]string{"a": "b"}}, false, `{"a":1}`, `{"b":1}`, nil},
		{"another name that is there", Edits{Rename: map[string]string{"a": "b"}}, false, `{"a":1,"b":2}`, `{"b":2}`, dropped("a", "the request has b too")},
		{"refused by the vendor", Edits{Remove: map[string]bool{"a": true}}, false, `{"a":1,"c":2}`, `{"c":2}`, dropped("a", "")},
		{"empty and refused by the vendor", Edits{Remove: map[string]bool{"a": true}}, false, `{"a":[],"c":2}`, `{"c":2}`, nil},
		{"unsupported is sent", Edits{Unsupported: map[string]bool{"a": true}}, false, `{"a":1}`, `{"a":1}`, nil},
		{"unsupported under drop_params", Edits{Unsupported: map[string]bool{"a": true}}, true, `{"a":1,"b":2}`, `{"b":2}`, dropped("a", "")},
		{"a value", Edits{Values: map[string][]string{"a": {"x", "function"}}}, true, `{"a":"x","b":1}`, `{"a":"x","b":1}`, nil},
		{"a value of a type", Edits{Values: map[string][]string{"a": {"x", "function"}}}, true, `{"a":{"type":"function"}}`, `{"a":{"type":"function"}}`, nil},
		{"another value", Edits{Values: map[string][]string{"a": {"x"}}}, true, `{"a":"y"}`, `{}`, dropped("a", `the model does not take the value "y"`)},
		{"another value is sent", Edits{Values: map[string][]string{"a": {"x"}}}, false, `{"a":"y"}`, `{"a":"y"}`, nil},
		{"roles", Edits{Roles: map[string]string{"developer": "system"}}, false, `{"messages":[{"content":"developer","role":"developer"},{"role":"user"}]}`, `{"messages":[{"content":"developer","role":"system"},{"role":"user"}]}`, nil},
		{"texts only", Edits{TextOnly: true}, false, `{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"\"b"}]}]}`, `{"messages":[{"role":"user","content":"a\n\"b"}]}`, nil},
		{"an image beside a text", Edits{TextOnly: true}, false, `{"messages":[{"content":[{"type":"text","text":"a"},{"type":"image_url"}]}]}`, `{"messages":[{"content":[{"type":"text","text":"a"},{"type":"image_url"}]}]}`, nil},
		{"additions", Edits{Add: []jsonx.Member{{Name: "a", Value: jsonx.Raw("1")}, {Name: "b", Value: jsonx.Raw("2")}}}, false, `{"b":3}`, `{"b":3,"a":1}`, nil},
		{"the usage of a stream", Edits{}, false, `{"stream":true}`, `{"stream":true,"stream_options":{"include_usage":true}}`, nil},
		{"the usage beside other options", Edits{}, false, `{"stream":true,"stream_options":{"include_obfuscation":false,"include_usage":false}}`, `{"stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false}}`, nil},
		{"no stream", Edits{}, false, `{"stream":false,"stream_options":{"include_usage":true}}`, `{"stream":false}`, nil},
		{"a vendor without stream_options", Edits{NoStreamOptions: true}, false, `{"stream":true,"stream_options":{"include_usage":true}}`, `{"stream":true}`, nil},
		{"an empty object", Edits{}, false, ` { } `, ` {}`, nil},
		{"an escaped name", Edits{Rename: map[string]string{"a": "b"}}, false, `{"\u0061":1}`, `{"b":1}`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, warnings := applied(t, &Edit{Edits: &tt.edits, Model: "m", Usage: true, DropParams: tt.drop}, tt.body)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.warnings, warnings); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatAClientAskedOfAStreamIsRead(t *testing.T) {
	for body, want := range map[string]Edit{
		`{"stream":true,"n":3,"stream_options":{"include_usage":true}}`:                   {IncludeUsage: true, Choices: 3},
		`{"stream":true,"stream_options":{ "include_usage": true, "x": 1 }}`:              {IncludeUsage: true},
		`{"stream":true,"stream_options":{"include_usage":false}}`:                        {},
		`{"stream":true,"stream_options":null}`:                                           {},
		`{"stream":true,"n":null,"messages":[{"stream_options":{"include_usage":true}}]}`: {},
	} {
		for _, none := range []bool{false, true} {
			e := &Edit{Edits: &Edits{NoStreamOptions: none}, Model: "m", Usage: true}
			applied(t, e, body)
			if e.IncludeUsage != want.IncludeUsage || e.Choices != want.Choices {
				t.Errorf("%s: usage %t, %d choices", body, e.IncludeUsage, e.Choices)
			}
		}
	}
}

// FuzzEdit edits any object: the result is an object with the same members, apart from the edits, and
// nothing panics on what is none.
func FuzzEdit(f *testing.F) {
	for _, seed := range []string{`{"model":"a","x":[1,{"y":"}\""}]}`, ` {"a" : null , "b":-1e5 }`, `{"a\"":"\\"}`, `{`, `[]`, `{"a"`, `{"a":`, `{"a":1`, `{"a" 1}`, `""`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		e := &Edit{Edits: &Edits{Rename: map[string]string{"model": "name"}}, Model: "m", Usage: true}
		pieces, _, err := e.Apply(body)
		want, wrong := jsonx.Members(body)
		if wrong != nil || !jsonx.Valid(body) || len(body) == 0 {
			return // Peek has refused it
		}
		got, err2 := jsonx.Members(bytes.Join(pieces, nil))
		if err != nil || err2 != nil {
			t.Fatalf("%s: %v, %v", body, err, err2)
		}
		for _, m := range want {
			switch m.Name {
			case "model", "name", "stream", "stream_options":
				continue
			}
			if v := jsonx.Find(got, m.Name); !bytes.Equal(bytes.TrimSpace(v), bytes.TrimSpace(m.Value)) {
				t.Fatalf("%s: %s became %s", body, m.Name, v)
			}
		}
	})
}

// FuzzChunkRelay compares what the one pass over a chunk finds with a decoder.
func FuzzChunkRelay(f *testing.F) {
	for _, seed := range []string{
		`{"id":"x","model":"a","choices":[{"index":0,"delta":{"content":"h\"i"},"finish_reason":null}],"usage":null}`,
		`{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}`,
		`{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"model\":\"x\"}"}}]},"finish_reason":"stop"}],"model" : "b"}`,
		`{"error":{"message":"x"}}`, `{"a":"\\"}`, `{"a":[}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !jsonx.Valid(data) || jsonx.Raw(data).Kind() != '{' {
			c := ChunkRelay{Model: "m"}
			_ = c.Next(&llm.RawEvent{}, data) // it must not panic
			return
		}
		c := ChunkRelay{Model: "m", IncludeUsage: true}
		var ev llm.RawEvent
		err := c.Next(&ev, data)
		members, _ := jsonx.Members(data) // it is valid
		if failed := jsonx.Find(members, "error"); has(failed) != (err != nil) {
			t.Fatalf("%s: the error is %v", data, err)
		}
		if err != nil {
			return
		}
		out, ok := bytes.CutPrefix(ev.Data, []byte("data: "))
		if !ok || !jsonx.Valid(bytes.TrimSuffix(out, []byte("\n\n"))) {
			t.Fatalf("%s became %s", data, ev.Data)
		}
		renamed, _ := jsonx.Members(bytes.TrimSuffix(out, []byte("\n\n"))) // it is valid
		if m := jsonx.Find(members, "model"); m != nil && m.Kind() == '"' && string(jsonx.Find(renamed, "model")) != `"m"` {
			t.Fatalf("%s became %s", data, ev.Data)
		}
	})
}
