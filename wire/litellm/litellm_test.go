package litellm_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/litellm"
)

// body is a dialect with one member of its own.
type body struct {
	Input litellm.Optional[string] `json:"input"`
	Rest  jsonx.Raw                `json:",embed"`
}

// read decodes a body, and its members in a line: the own one, the parameters, the warnings.
func read(doc string, opt litellm.Options) (llm.Call, string, error) {
	var b body
	var call llm.Call
	warnings, err := litellm.Decode([]byte(doc), &opt, &b)
	if err != nil {
		return call, "", err
	}
	fields, more, err := opt.Read(&call, b.Rest)
	var words []string
	if b.Input.Set {
		words = append(words, b.Input.Value)
	}
	for _, f := range fields {
		words = append(words, f.Name+"="+string(f.Value))
	}
	for _, w := range append(warnings, more...) {
		words = append(words, w.Code+" "+w.Field)
	}
	return call, strings.Join(words, ", "), err
}

func TestMembers(t *testing.T) {
	yes := func(string) bool { return true }
	parameters := func(model string) []jsonx.Member {
		return []jsonx.Member{{Name: "input", Value: jsonx.Raw(`"of the operator"`)}, {Name: "own", Value: jsonx.Raw(`"` + model + `"`)}, {Name: "drop_params", Value: jsonx.Raw("true")}}
	}
	guarded := func(string) []jsonx.Member {
		return []jsonx.Member{{Name: "guardrailConfig", Value: jsonx.Raw(`{"of":"the operator"}`)}, {Name: "max_tokens", Value: jsonx.Raw("7")}}
	}
	for _, test := range []struct {
		doc  string
		opt  litellm.Options
		want string
		call llm.Call
	}{
		{`{"model":"m","input":"a","x":[1],"y":null}`, litellm.Options{}, "a, x=[1]", llm.Call{}},
		{`{"model":"m","input":null,"extra_body":{"x":1,"user":"u"}}`, litellm.Options{}, "x=1", llm.Call{User: "u"}},
		{`{"model":"m","extra_body":null,"drop_params":true}`, litellm.Options{}, "", llm.Call{DropParams: true}},
		{`{"model":"m","drop_params":false,"mock_response":"x","guardrails":[]}`, litellm.Options{DropParams: yes}, "dropped mock_response", llm.Call{DropParams: true}},
		{`{"model":"m","user":"u","safety_identifier":"v"}`, litellm.Options{}, "dropped safety_identifier", llm.Call{User: "u"}},
		{`{"model":"m","safety_identifier":"u","user":"u"}`, litellm.Options{}, "", llm.Call{User: "u"}},
		{`{"model":"m","metadata":{"a":"b","c":1,"d":true,"e":null,"f":{}}}`, litellm.Options{}, "dropped metadata.f", llm.Call{Metadata: []llm.Label{{Name: "a", Value: "b"}, {Name: "c", Value: "1"}, {Name: "d", Value: "true"}}}},
		{`{"model":"m","tags":["a"],"metadata":{"tags":["b","c"],"d":"e"},"litellm_metadata":{"tags":["f"],"g":"h","i":""}}`, litellm.Options{}, "dropped litellm_metadata.g", llm.Call{Tags: []string{"a", "b", "c", "f"}, Metadata: []llm.Label{{Name: "d", Value: "e"}}}},
		{`{"model":"m","tags":[],"metadata":{"tags":"one"},"litellm_metadata":{"tags":null}}`, litellm.Options{}, "", llm.Call{Metadata: []llm.Label{{Name: "tags", Value: "one"}}}},
		{`{"model":"m","extra_headers":{"X-A":"b"}}`, litellm.Options{}, "", llm.Call{Headers: []llm.Label{{Name: "X-A", Value: "b"}}}},
		{`{"model":"m","timeout":3,"cache":false,"no-log":true}`, litellm.Options{}, "", llm.Call{NoLog: true, Routing: llm.Routing{Timeout: 3 * time.Second}}},
		{`{"model":"m","api_key":"","vertex_project":"","headers":{}, "azure_ad_token":[ ]}`, litellm.Options{}, "", llm.Call{}},
		{`{"model":"m","input":"a"}`, litellm.Options{Parameters: parameters}, "a, own=\"m\"", llm.Call{DropParams: true}},
		{`{"model":"m"}`, litellm.Options{Parameters: parameters, Model: "n"}, "of the operator, own=\"n\"", llm.Call{Model: "n", DropParams: true}},
		{`{"model":"m","input":"a","x":1,"y":2,"additional_drop_params":["x","input","model"]}`, litellm.Options{}, "y=2, dropped input, dropped x", llm.Call{}},
		{`{"model":"m","x":1,"additional_drop_params":null}`, litellm.Options{}, "x=1", llm.Call{}},
		{`{"model":"m","x":1,"additional_drop_params":[]}`, litellm.Options{}, "x=1", llm.Call{}},
		{`{"model":"m","safety_identifier":"v","user":"u"}`, litellm.Options{}, "dropped safety_identifier", llm.Call{User: "u"}},
		{`{"model":"m","extra_headers":{"anthropic-beta":"[\"a\"]","X-A":"b"}}`, litellm.Options{}, "", llm.Call{Headers: []llm.Label{{Name: "X-A", Value: "b"}, {Name: "anthropic-beta", Value: "a"}}}},
		{`{"model":"m","context_window_fallback_dict":{"a":"b"},"prompt_id":"p","drop_params":true}`, litellm.Options{}, "dropped prompt_id", llm.Call{DropParams: true}},
		{`{"model":"m","context_window_fallback_dict":{"m":"b"},"num_retries":0,"stream_timeout":0.5,"disable_fallbacks":true,"fallbacks":["c",{"model":"d"}]}`, litellm.Options{}, "", llm.Call{
			Routing: llm.Routing{Retries: llm.Some[int64](0), StreamTimeout: time.Second / 2, Fallbacks: []string{"c", "d"}, WindowFallbacks: []string{"b"}, NoFallbacks: true},
		}},
		{`{"model":"m","priority":0}`, litellm.Options{}, "", llm.Call{Routing: llm.Routing{Priority: llm.Some[int64](0)}}},
		{`{"model":"m","priority":"12"}`, litellm.Options{}, "", llm.Call{Routing: llm.Routing{Priority: llm.Some[int64](12)}}},
		{`{"model":"m","guardrailConfig":{"own":1},"max_completion_tokens":5}`, litellm.Options{Parameters: guarded}, `max_completion_tokens=5, guardrailConfig={"of":"the operator"}, dropped guardrailConfig`, llm.Call{}},
		{`{"model":"m","additional_drop_params":["guardrailConfig","x"],"x":1}`, litellm.Options{Parameters: guarded}, `guardrailConfig={"of":"the operator"}, max_tokens=7, dropped x`, llm.Call{}},
	} {
		call, got, err := read(test.doc, test.opt)
		if test.call.Model == "" {
			test.call.Model = "m"
		}
		if diff := cmp.Diff(test.call, call); err != nil || got != test.want || diff != "" {
			t.Errorf("%s: %s, %v; want %s; call:\n%s", test.doc, got, err, test.want, diff)
		}
	}
}

func TestClientSettingsAreReadWhereTheyAreAllowed(t *testing.T) {
	const doc = `{"model":"m","aws_region_name":"eu-west-1","api_key":"secret"}`
	call, _, err := read(doc, litellm.Options{AllowClientSettings: func(model string) bool { return model == "m" }})
	if err != nil || call.ClientSettings.Get("api_key") != "secret" || call.ClientSettings.Get("aws_region_name") != "eu-west-1" {
		t.Errorf("%v, %v", call.ClientSettings, err)
	}
	if _, _, err := read(doc, litellm.Options{}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	many := strings.Builder{}
	for i := range 1025 {
		fmt.Fprintf(&many, `,"f%d":1`, i)
	}
	allow := litellm.Options{AllowClientSettings: func(string) bool { return true }}
	for _, test := range []struct {
		doc         string
		opt         litellm.Options
		param, says string
	}{
		{`{`, litellm.Options{}, "", "the request body is not valid JSON"},
		{`{"model":"m","input":tru}`, litellm.Options{}, "input", "the request body is not valid JSON: "},
		{`7`, litellm.Options{}, "", "JSON object expected"},
		{`{"model":"m","input":7}`, litellm.Options{}, "input", "input must be a string, not a number"},
		{`{"model":"m","additional_drop_params":"x"}`, litellm.Options{}, "additional_drop_params", "must be an array of strings"},
		{`{"model":"m","additional_drop_params":["x"]} {}`, litellm.Options{}, "", "not valid JSON"},
		{`["additional_drop_params"]`, litellm.Options{}, "", "JSON object expected"},
		{`{}`, litellm.Options{}, "model", "model is required"},
		{`{"model":""}`, litellm.Options{}, "model", "model is required"},
		{`{"model":"` + strings.Repeat("m", 3000) + `"}`, litellm.Options{}, "model", "model must be at most 2176 bytes long, not 3000"},
		{`{"model":[]}`, litellm.Options{}, "model", "model must be a string, not an array"},
		{`{"model":"m","drop_params":"yes"}`, litellm.Options{}, "drop_params", "drop_params must be a boolean"},
		{`{"model":"m","user":7}`, litellm.Options{}, "user", "user must be a string"},
		{`{"model":"m","extra_body":7}`, litellm.Options{}, "extra_body", "extra_body must be an object"},
		{`{"model":"m","tags":"a"}`, litellm.Options{}, "tags", "tags must be an array of strings that are not empty"},
		{`{"model":"m","metadata":{"tags":[""]}}`, litellm.Options{}, "metadata.tags", "metadata.tags must be an array of strings"},
		{`{"model":"m","litellm_metadata":{"tags":[1]}}`, litellm.Options{}, "litellm_metadata.tags", "litellm_metadata.tags must be an array of strings"},
		{`{"model":"m","litellm_metadata":7}`, litellm.Options{}, "litellm_metadata", "litellm_metadata must be an object"},
		{`{"model":"m","metadata":7}`, litellm.Options{}, "metadata", "metadata must be an object"},
		{`{"model":"m","extra_headers":7}`, litellm.Options{}, "extra_headers", "extra_headers must be an object"},
		{`{"model":"m","extra_headers":{"a":7}}`, litellm.Options{}, "extra_headers.a", "must be a string"},
		{`{"model":"m","extra_headers":{"a b":"c"}}`, litellm.Options{}, "extra_headers", "invalid header name"},
		{`{"model":"m","extra_headers":{"a":"b\n"}}`, litellm.Options{}, "extra_headers.a", "not allowed in a header"},
		{`{"model":"m","extra_headers":{"Authorization":"b"}}`, litellm.Options{}, "extra_headers.Authorization", "cannot be set by clients"},
		{`{"model":"m","api_base":7}`, allow, "api_base", "api_base must be a string"},
		{`{"model":"m","api_version":"x"}`, allow, "api_version", "sets the connection to another provider"},
		{`{"model":"m","headers":{"a":"b"}}`, allow, "headers", "extra_headers sets headers"},
		{`{"model":"m","mock_response":"x"}`, litellm.Options{}, "mock_response", "mock_response is not supported by this model"},
		{`{"model":"m","x":1,"extra_body":{"x":2}}`, litellm.Options{}, "x", "x is set twice"},
		{`{"model":"m"` + many.String() + `}`, litellm.Options{}, "f1024", "too many model parameters (limit 1024)"},
		{`{"model":"m","x":[` + strings.Repeat("1,", 500_001) + `1]}`, litellm.Options{}, "", "too many values"},
	} {
		_, _, err := read(test.doc, test.opt)
		var e *llm.Error
		if !errors.As(err, &e) || e.Status != 400 || e.Param != test.param || !strings.Contains(e.Message, test.says) {
			t.Errorf("%.80s: %v\nwant %q: %s", test.doc, err, test.param, test.says)
		}
	}
}

func TestUnmarshalNamesTheField(t *testing.T) {
	var v struct {
		A []int64 `json:"a"`
	}
	if err := litellm.Unmarshal([]byte(`{"a":[1,"b"]}`), &v); err == nil || !strings.Contains(err.Error(), "a[1] must be an integer, not a string") {
		t.Errorf("%v", err)
	}
}

func TestThinkingBecomesTheEffortThatLiteLLMMakesOfIt(t *testing.T) {
	for doc, want := range map[string]string{
		`{"type":"disabled"}`: "", `{"type":"adaptive"}`: "medium", `{"type":"enabled"}`: "medium",
		`{"type":"enabled","budget_tokens":null}`: "medium", `{"type":"enabled","budget_tokens":1024}`: "low",
		`{"type":"enabled","budget_tokens":2047}`: "low", `{"type":"enabled","budget_tokens":2048}`: "medium",
		`{"type":"enabled","budget_tokens":4095}`: "medium", `{"type":"enabled","budget_tokens":4096}`: "high",
		`{"type":"enabled","budget_tokens":10000,"display":"summarized"}`: "high",
	} {
		if got, err := litellm.EffortOf("thinking", jsonx.Raw(doc)); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", doc, got, err, want)
		}
	}
	for doc, want := range map[string]string{
		`7`:                                      "thinking",
		`{"type":7}`:                             "thinking.type",
		`{"type":"enabled","budget_tokens":"x"}`: "thinking.budget_tokens",
	} {
		_, err := litellm.EffortOf("thinking", jsonx.Raw(doc))
		if e := llm.AsError(err); err == nil || e.Param != want || e.Status != 400 || !strings.HasPrefix(e.Message, want+" ") {
			t.Errorf("%s: %v; want an error of %s", doc, err, want)
		}
	}
}

func TestConnectionSettingsAreNoParametersOfTheModel(t *testing.T) {
	for name, says := range map[string]string{
		"api_key": "api_key is not a model parameter", "aws_secret_access_key": "is not a model parameter",
		"vertex_project": "another provider", "organization": "another provider", "top_k": "", "reasoning_effort": "",
	} {
		err := litellm.CheckField(name)
		if says == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if e := llm.AsError(err); err == nil || e.Param != name || !strings.Contains(e.Message, says) {
			t.Errorf("%s: %v; want %s", name, err, says)
		}
	}
}

func TestSettingsOfLiteLLMItselfAreKnown(t *testing.T) {
	for name, want := range map[string]bool{"priority": true, "max_retries": true, "guardrails": true, "timeout": true, "temperature": false, "": false} {
		if got := litellm.IsSetting(name); got != want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestAFaultOfAnElementNamesItsIndex(t *testing.T) {
	var e *jsonx.Error
	err := litellm.FaultAt(3, "must be %s", "a token")
	if !errors.As(err, &e) || e.Path != "[3]" || e.Reason != "must be a token" {
		t.Errorf("%v", err)
	}
}

func TestWhichMembersSetTheConnection(t *testing.T) {
	for name, want := range map[string]bool{"api_key": true, "aws_region_name": true, "vertex_project": true, "headers": true, "model": false, "extra_headers": false, "temperature": false} {
		if litellm.SetsConnection(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

func TestRoutingThatCannotBeMeantIsRefused(t *testing.T) {
	for doc, field := range map[string]string{
		`{"model":"m","num_retries":-1}`:                              "num_retries",
		`{"model":"m","num_retries":1.5}`:                             "num_retries",
		`{"model":"m","priority":"high"}`:                             "priority",
		`{"model":"m","priority":1.5}`:                                "priority",
		`{"model":"m","timeout":0}`:                                   "timeout",
		`{"model":"m","request_timeout":"soon"}`:                      "request_timeout",
		`{"model":"m","stream_timeout":1e9}`:                          "stream_timeout",
		`{"model":"m","disable_fallbacks":1}`:                         "disable_fallbacks",
		`{"model":"m","fallbacks":"b"}`:                               "fallbacks",
		`{"model":"m","fallbacks":[7]}`:                               "fallbacks[0]",
		`{"model":"m","fallbacks":["b",{"model":"c","messages":[]}]}`: "fallbacks[1].messages",
		`{"model":"m","fallbacks":[{"model":7}]}`:                     "fallbacks[0]",
		`{"model":"m","context_window_fallback_dict":["b"]}`:          "context_window_fallback_dict",
	} {
		_, _, err := read(doc, litellm.Options{})
		if e := llm.AsError(err); err == nil || e.Param != field || e.Status != 400 {
			t.Errorf("%s: %v, want an error about %s", doc, err, field)
		}
	}
}

func TestRoutingHeaders(t *testing.T) {
	for _, c := range []struct {
		name, value string
		want        llm.Routing
		refused     bool
	}{
		{"X-Litellm-Timeout", "2.5", llm.Routing{Timeout: 2500 * time.Millisecond}, false},
		{"X-Litellm-Stream-Timeout", "1", llm.Routing{StreamTimeout: time.Second}, false},
		{"X-Litellm-Num-Retries", "4", llm.Routing{Retries: llm.Some[int64](4)}, false},
		{"X-Litellm-Num-Retries", "four", llm.Routing{}, true},
		{"X-Litellm-Priority", "-2", llm.Routing{Priority: llm.Some[int64](-2)}, false},
		{"X-Litellm-Priority", "high", llm.Routing{}, true},
		{"X-Litellm-Timeout", "-1", llm.Routing{}, true},
		{"X-Litellm-Timeout", "NaN", llm.Routing{}, true},
		{"X-Other", "1", llm.Routing{}, false},
	} {
		got, set, err := litellm.RoutingHeaders(func(name string) string {
			if name == c.name {
				return c.value
			}
			return ""
		})
		if c.refused != (err != nil) || set != (c.name != "X-Other") {
			t.Errorf("%s: %s: %t, %v", c.name, c.value, set, err)
		}
		if diff := cmp.Diff(c.want, got); err == nil && diff != "" {
			t.Errorf("%s: %s:\n%s", c.name, c.value, diff)
		}
	}
}
