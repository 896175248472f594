package openai

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
)

// known is a model of the catalogue.
func known(t *testing.T, id string) *catalog.Model {
	t.Helper()
	all := catalog.Embedded()
	m, ok := all.Model(id)
	if !ok {
		t.Fatalf("there is no %s", id)
	}
	return m
}

func TestToolsThatAWSRefusesMoveToWhereItTakesThem(t *testing.T) {
	s := Mantle(known(t, "openai.gpt-5.5"))
	for _, tt := range []struct{ name, body, tools, input, warnings string }{
		{
			"tools in the input", `{"input":[{"type":"additional_tools","role":"developer","tools":[{"type":"function","name":"a"}]},{"role":"user","content":"Hi"}],"tools":[{"type":"custom","name":"b"}]}`,
			`[{"type":"custom","name":"b"},{"type":"function","name":"a"}]`, `[{"role":"user","content":"Hi"}]`, "",
		},
		{
			"tools in the input alone", `{"input":[{"type":"additional_tools","tools":[{"type":"namespace","name":"functions","tools":[{"type":"custom","name":"exec"}]},{"type":"namespace","name":"clock","tools":[]}]}]}`,
			`[{"type":"custom","name":"exec"},{"type":"namespace","name":"clock","tools":[]}]`, `[]`, "changed tools",
		},
		{
			"a setting of web search", `{"input":"Hi","tools":[{"type":"web_search","external_web_access":true,"search_content_types":["text","image"]}]}`,
			`[{"type":"web_search","external_web_access":true}]`, `"Hi"`, "dropped tools.search_content_types",
		},
		{
			"a namespace of AWS's own", `{"input":"Hi","tools":[{"type":"namespace","name":"web","tools":[{"type":"function","name":"run"}]}]}`,
			`[{"type":"function","name":"run"}]`, `"Hi"`, "changed tools",
		},
		{"words in a text", `{"input":"additional_tools search_content_types","tools":[{"type":"function","name":"a"}]}`, `[{"type":"function","name":"a"}]`, `"additional_tools search_content_types"`, ""},
	} {
		body, err := s.Body(jsonx.Raw(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		members, err := jsonx.Members(bytes.Join(body.Segments, nil))
		if err != nil {
			t.Fatal(err)
		}
		own := ""
		if tt.tools != "" && string(jsonx.Find(membersOf(jsonx.Raw(tt.body)), "tools")) != tt.tools {
			if own = string(jsonx.Find(membersOf(jsonx.Raw(tt.body)), "tools")); own == "" {
				own = "[]"
			}
		}
		if string(body.Tools) != own {
			t.Errorf("%s: the client gets %s back, not %s", tt.name, body.Tools, own)
		}
		said := ""
		for _, w := range body.Warnings {
			said += fmt.Sprintf("%s %s", w.Code, w.Field)
		}
		if tools, input := string(jsonx.Find(members, "tools")), string(jsonx.Find(members, "input")); tools != tt.tools || input != tt.input || said != tt.warnings {
			t.Errorf("%s:\n%s\n%s\n%q", tt.name, tools, input, said)
		}
	}
}

func TestTheRuntimeGetsNoWebSearch(t *testing.T) {
	s := Runtime(known(t, "openai.gpt-5.6-sol"), "us.openai.gpt-5.6-sol")
	body, err := s.Body(jsonx.Raw(`{"input":"Hi","tools":[{"type":"web_search"},{"type":"function","name":"a"}]}`))
	if got := string(bytes.Join(body.Segments, nil)); err != nil || !strings.Contains(got, `"tools":[{"type":"function","name":"a"}]`) || len(body.Warnings) != 1 || body.Warnings[0].Code != llm.WarnDropped {
		t.Errorf("%s, %v, %v", got, body.Warnings, err)
	}
}

func TestWhatASurfaceTakes(t *testing.T) {
	surfaces := map[string]*Surface{
		"runtime": Runtime(known(t, "openai.gpt-5.6-sol"), "us.openai.gpt-5.6-sol"),
		"mantle":  Mantle(known(t, "openai.gpt-5.5")),
		"open":    Mantle(known(t, "openai.gpt-oss-120b")),
	}
	const function, custom, search = `{"type":"function","name":"a"}`, `{"type":"custom","name":"a"}`, `{"type":"web_search"}`
	for body, want := range map[string]string{
		`{"input":"Hi"}`: "runtime mantle open",
		`{"input":"Hi","tools":[` + function + `]}`:                                         "runtime mantle open",
		`{"input":"Hi","tools":[` + custom + `]}`:                                           "runtime mantle",
		`{"input":"Hi","tools":[{"type":"namespace","name":"a","tools":[]}]}`:               "runtime mantle",
		`{"input":[{"type":"additional_tools","tools":[` + custom + `]}]}`:                  "runtime mantle",
		`{"input":[{"type":"additional_tools","tools":[{"type":"mcp"}]}]}`:                  "mantle",
		`{"input":"Hi","tools":[` + search + `]}`:                                           "mantle",
		`{"input":"Hi","tools":[` + search + `,` + function + `]}`:                          "runtime mantle",
		`{"input":"Hi","tools":[` + search + `,` + function + `],"tool_choice":"required"}`: "mantle",
		`{"input":"Hi","tools":[` + search + `,` + function + `],"tool_choice":"auto"}`:     "runtime mantle",
		`{"input":"Hi","tools":[{"type":"code_interpreter"},` + function + `]}`:             "mantle",
		`{"input":"the word \"tools\" and additional_tools","tools":[]}`:                    "runtime mantle open",
	} {
		var got []string
		for _, name := range []string{"runtime", "mantle", "open"} {
			if surfaces[name].Takes(jsonx.Raw(body)) {
				got = append(got, name)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", body, got, want)
		}
	}
}
