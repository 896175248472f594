package bedrock_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"outcrop/llm"
)

// A model that takes no tools while streaming is called as a whole, and its answer
// still comes as a stream, with the names that the caller gave its tools.
func TestToolsOfAModelThatDoesNotStreamThemComeAsAStream(t *testing.T) {
	a := newAWS(t)
	a.body = strings.Replace(answer, `{"text":"granite"}`, `{"text":"I look."},{"toolUse":{"input":{"q":1},"name":"look_up","toolUseId":"t1"}}`, 1)
	const model = "us.meta.llama3-3-70b-instruct-v1:0"
	d := a.open(t, model, map[string]string{"aws_region_name": "us-east-1"}, nil)
	req := ask(model)
	req.Stream, req.Tools = true, []llm.Tool{{Name: "look.up"}}
	s, err := d.Stream(t.Context(), model, req)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var fold llm.Fold
	for {
		var ev llm.Event
		if err := s.Next(&ev); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		fold.Add(&ev)
	}
	got := fold.Answer()
	if path := a.last().path; !strings.HasSuffix(path, "/converse") {
		t.Errorf("called %s", path)
	}
	if len(got.Blocks) != 2 || got.Blocks[0].Text != "I look." || got.Blocks[1].ToolUse.Name != "look.up" || string(got.Blocks[1].ToolUse.Input) != `{"q":1}` {
		t.Errorf("answered %+v", got.Blocks)
	}
	if m := s.Meta(); m.UpstreamID != "aws-1" || len(m.Warnings) != 1 || m.Warnings[0].Field != "stream" {
		t.Errorf("meta %+v", m)
	}
}

func TestHeadersOfTheCallerReachAWS(t *testing.T) {
	var got http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		_, _ = io.WriteString(w, answer)
	}))
	defer server.Close()
	const model = "us.amazon.nova-lite-v1:0"
	d := newAWS(t).open(t, model, map[string]string{"aws_region_name": "us-east-1", "aws_bedrock_runtime_endpoint": server.URL}, nil)
	req := ask(model)
	req.Headers = []llm.Label{{Name: "X-Team", Value: "rocks"}, {Name: "Authorization", Value: "mine"}}
	if _, err := d.Complete(t.Context(), model, req); err != nil {
		t.Fatal(err)
	}
	if got.Get("X-Team") != "rocks" || !strings.HasPrefix(got.Get("Authorization"), "AWS4-HMAC-SHA256 ") {
		t.Errorf("sent %v", got)
	}
}
