package anthropic_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"outcrop/llm"
	"outcrop/wire/anthropic"
)

func TestPeek(t *testing.T) {
	h, err := anthropic.Peek([]byte(agentBody(agentTurns[2].tools, agentTurns[2].messages)))
	if err != nil {
		t.Fatal(err)
	}
	if c := h.Call(); c.Model != "granite" || !c.Stream || !strings.Contains(c.User, "session_id") || h.MaxTokens != llm.Some[int64](128000) {
		t.Errorf("%+v", h)
	}
	if want := []string{"model", "messages", "system", "tools", "metadata", "max_tokens", "thinking", "context_management", "output_config", "stream"}; !slices.Equal(h.Members, want) {
		t.Errorf("%v", h.Members)
	}
	image := user(`{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + strings.Repeat("AAAA", 1<<18) + `"}}`)
	if h, err := anthropic.Peek([]byte(image)); err != nil || h.Model != "m" {
		t.Errorf("%v", err)
	}
	for _, c := range []struct{ body, param, words string }{
		{``, "", "not valid JSON"},
		{`null`, "", "JSON object expected"},
		{`[]`, "", "JSON object expected"},
		{`{"model":"m"} {}`, "", "not valid JSON"},
		{`{"model":"m",`, "", "not valid JSON"},
		{`{"model":"m","messages":[{"a":1,"a":2}]}`, "messages[0].a", "duplicate"},
		{`{"model":"m","model":"m"}`, "model", "duplicate"},
		{"{\"model\":\"m\",\"x\":\"\xff\"}", "", "UTF-8"},
		{`{"x":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`, "", "not valid JSON"},
		{`{"x":[` + strings.Repeat("1,", 500_001) + `1]}`, "", "too many values"},
		{`{}`, "model", "Field required"},
		{`{"model":7}`, "model", "must be a string"},
		{`{"model":"` + strings.Repeat("m", 3000) + `"}`, "model", "at most"},
		{`{"model":"m","stream":1}`, "stream", "must be a boolean"},
		{`{"model":"m","max_tokens":1.5}`, "max_tokens", "integer"},
		{`{"model":"m","metadata":7}`, "metadata", "must be an object"},
	} {
		_, err := anthropic.Peek([]byte(c.body))
		e, ok := errors.AsType[*llm.Error](err)
		if !ok || e.Status != 400 || !strings.HasPrefix(e.Param, c.param) || !strings.Contains(e.Message, c.words) {
			t.Errorf("%.80s: %v", c.body, err)
		}
	}
}

func TestModelsAndCount(t *testing.T) {
	models := []anthropic.Model{{ID: "claude-granite", DisplayName: "Granite", Created: 1700000000, MaxInput: 200000, MaxOutput: 64000}, {ID: "claude-basalt", Deprecated: true}}
	for name, c := range map[string]struct{ got, want string }{
		"list": {string(anthropic.AppendModels(nil, models, true)), `{"data":[` +
			`{"type":"model","id":"claude-granite","display_name":"Granite","created_at":"2023-11-14T22:13:20Z","lifecycle":"active","max_input_tokens":200000,"max_tokens":64000},` +
			`{"type":"model","id":"claude-basalt","display_name":"claude-basalt","created_at":"1970-01-01T00:00:00Z","lifecycle":"deprecated"}],"has_more":true,"first_id":"claude-granite","last_id":"claude-basalt"}`},
		"empty": {string(anthropic.AppendModels(nil, nil, false)), `{"data":[],"has_more":false,"first_id":null,"last_id":null}`},
		"one":   {string(anthropic.AppendModel(nil, &models[1])), `{"type":"model","id":"claude-basalt","display_name":"claude-basalt","created_at":"1970-01-01T00:00:00Z","lifecycle":"deprecated"}`},
		"count": {string(anthropic.AppendCount(nil, 42)), `{"input_tokens":42}`},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s", name, c.got)
		}
	}
}

func TestPage(t *testing.T) {
	models := []anthropic.Model{{ID: "a"}, {ID: "b"}, {ID: "c"}, {ID: "d"}}
	for _, c := range []struct {
		limit         int
		after, before string
		want          string
		more          bool
	}{
		{1000, "", "", "abcd", false},
		{4, "", "", "abcd", false},
		{2, "", "", "ab", true},
		{2, "b", "", "cd", false},
		{1, "b", "", "c", true},
		{2, "", "d", "bc", true},
		{9, "", "c", "ab", false},
		{2, "d", "", "", false},
		{2, "x", "", "", false},
		{2, "", "x", "", false},
	} {
		page, more := anthropic.Page(models, c.limit, c.after, c.before)
		got := ""
		for _, m := range page {
			got += m.ID
		}
		if got != c.want || more != c.more {
			t.Errorf("%+v: %s, %v", c, got, more)
		}
	}
}

// A long name that looks like base64 is a name all the same.
func TestPeekReadsLongTexts(t *testing.T) {
	long := strings.Repeat("m", 100_000)
	if _, err := anthropic.Peek([]byte(`{"model":"` + long + `"}`)); err == nil || !strings.Contains(err.Error(), "bytes long") {
		t.Errorf("got %v", err)
	}
	h, err := anthropic.Peek([]byte(`{"model":"m","metadata":{"user_id":"` + long + `"}}`))
	if err != nil || h.User != long {
		t.Errorf("got %v, a user of %d bytes", err, len(h.User))
	}
}
