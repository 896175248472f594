package gateway_test

import (
	"bytes"
	"log/slog"
	"mime/multipart"
	"testing"

	"outcrop/gateway"
	"outcrop/llm"
	"outcrop/telemetry"
)

func TestWhatBodiesMustHave(t *testing.T) {
	for _, tt := range []struct {
		demands gateway.Demands
		body    string
		status  int
		param   string
	}{
		{gateway.Demands{}, `{"metadata":{"tags":[]}}`, 0, ""},
		{gateway.Demands{User: true}, `{"user":"u"}`, 0, ""},
		{gateway.Demands{User: true}, `{"user":null}`, 0, ""}, // as in LiteLLM
		{gateway.Demands{User: true}, `{}`, 401, "user"},
		{gateway.Demands{User: true}, `{`, 0, ""}, // the dialect says what is wrong
		{gateway.Demands{Members: []string{"user", "metadata.generation_name"}}, `{"user":"u","metadata":{"generation_name":"g"}}`, 0, ""},
		{gateway.Demands{Members: []string{"user", "metadata.generation_name"}}, `{"user":"u"}`, 401, "metadata"},
		{gateway.Demands{Members: []string{"metadata.generation_name"}}, `{"metadata":{}}`, 401, "metadata.generation_name"},
		{gateway.Demands{Members: []string{"metadata.generation_name"}}, `{"metadata":"{\"generation_name\":1}"}`, 0, ""},
		{gateway.Demands{ServiceMembers: []string{"user"}}, `{}`, 0, ""}, // not with the master key
		{gateway.Demands{NoTags: true}, `{"metadata":{"tags":[]}}`, 400, "metadata.tags"},
		{gateway.Demands{NoTags: true}, `{"tags":[],"metadata":{}}`, 0, ""},
	} {
		err := gateway.New(gateway.Options{Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler)), Demands: tt.demands}).Begin("door", "id").Demand("application/json", []byte(tt.body))
		if (tt.status == 0) != (err == nil) {
			t.Errorf("%+v %s: %v", tt.demands, tt.body, err)
			continue
		}
		if err != nil {
			if e := llm.AsError(err); e.Status != tt.status || e.Param != tt.param {
				t.Errorf("%+v %s: %d %s %s", tt.demands, tt.body, e.Status, e.Param, e.Message)
			}
		}
	}
}

func TestFormsMustHaveFieldsToo(t *testing.T) {
	call := gateway.New(gateway.Options{Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler)), Demands: gateway.Demands{User: true, NoTags: true}}).Begin("door", "id")
	form := func(fields ...string) (string, []byte) {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		file, err := w.CreateFormFile("file", "a.png")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = file.Write([]byte("x"))
		for i := 0; i < len(fields); i += 2 {
			if err := w.WriteField(fields[i], fields[i+1]); err != nil {
				t.Fatal(err)
			}
		}
		_ = w.Close()
		return w.FormDataContentType(), b.Bytes()
	}
	if err := call.Demand(form("user", "u", "metadata", "{}")); err != nil {
		t.Error(err)
	}
	if err := call.Demand(form("model", "m")); err == nil {
		t.Error("a form without user passes")
	}
	if err := call.Demand(form("user", "u", "metadata", `{"tags":["a"]}`)); err == nil {
		t.Error("a form with tags passes")
	}
}
