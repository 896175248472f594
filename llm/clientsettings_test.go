package llm

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
)

func TestWhatARequestBringsIsNotShown(t *testing.T) {
	settings := map[string]string{"api_key": "hidden-key", "aws_region_name": "hidden-region"}
	a := NewClientSettings(settings)
	settings["api_key"] = "changed"
	if a.Get("api_key") != "hidden-key" || a.Get("aws_role_name") != "" || len(a.Names()) != 2 {
		t.Errorf("brought %v", a.Names())
	}
	var shown bytes.Buffer
	for _, v := range []any{a, Request{Call: Call{Model: "m", ClientSettings: a}}, &Request{Call: Call{Model: "m", ClientSettings: a}}, []*ClientSettings{a}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&shown, verb, v)
		}
		slog.New(slog.NewJSONHandler(&shown, nil)).Info("x", "v", v)
		slog.New(slog.NewTextHandler(&shown, nil)).Info("x", "v", v)
		if text, err := jsonx.Marshal(v); err == nil {
			shown.Write(text)
		}
	}
	if text := shown.String(); strings.Contains(text, "hidden") || strings.Contains(text, "68696464656e") || !strings.Contains(text, "[api_key aws_region_name]") {
		t.Errorf("shown is %s", text)
	}
}

func TestWhoNamesAnEndpointChoosesWhoAnswers(t *testing.T) {
	for name, want := range map[string]bool{"api_base": true, "base_url": true, "aws_bedrock_runtime_endpoint": true, "api_key": false, "aws_sts_endpoint": false} {
		if got := NewClientSettings(map[string]string{name: "x"}).HasEndpoint(); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if (*ClientSettings)(nil).HasEndpoint() {
		t.Error("nil has one")
	}
}

func TestNilClientSettingsAreEmpty(t *testing.T) {
	a := NewClientSettings(nil)
	if a != nil || a.Get("api_key") != "" || a.Names() != nil || a.String() != "[]" {
		t.Errorf("got %v", a)
	}
}
