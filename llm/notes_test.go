package llm_test

import (
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// shouted are names of a client that writes everything in capitals.
type shouted struct{}

func (shouted) FieldName(f llm.Field) string {
	switch f.Kind {
	case llm.FieldUnmapped, llm.FieldMetadata:
		return strings.ToUpper(f.Name)
	case llm.FieldUser:
		return "USER"
	default:
		return "OTHER"
	}
}
func (shouted) Members() []string { return nil }

func TestNotesHaveTheClientsNamesOnce(t *testing.T) {
	req := &llm.Request{
		Call: llm.Call{Names: shouted{}, DropParams: true, User: "u", Metadata: []llm.Label{{Name: "team", Value: "rocks"}}}, ServiceTier: "default",
		Unmapped: []jsonx.Member{
			{Name: "seed", Value: jsonx.Raw("7")},
			{Name: "store", Value: jsonx.Raw("true")},
			{Name: "verbosity", Value: jsonx.Raw(`"medium"`)},
			{Name: "logprobs", Value: jsonx.Raw("true")},
			{Name: "logit_bias", Value: jsonx.Raw("{}")},
		},
		ModelFields: []jsonx.Member{{Name: "mirostat", Value: jsonx.Raw("1")}},
	}
	n := llm.NewNotes(req, []llm.Warning{{Code: llm.WarnDropped, Field: "first"}})
	written := ""
	for range 2 {
		n.LeaveOut(llm.Lacks{User: "no users", Metadata: "no labels"})
		if err := n.Unmapped(func(m *jsonx.Member) { written += m.Name + "," }, func(name string) error { return n.Refuse(name, "%s is not supported", name) }); err != nil {
			t.Fatal(err)
		}
	}
	var fields []string
	for _, w := range n.Warnings {
		fields = append(fields, w.Field)
	}
	if got := strings.Join(fields, " "); got != "first USER TEAM STORE LOGPROBS" || written != "seed,seed," {
		t.Errorf("%q about %q", written, got)
	}
	if !n.Given("mirostat") || n.Given("seed") {
		t.Error("what the request sets itself")
	}
	req.DropParams = false
	if err := n.Unmapped(func(*jsonx.Member) {}, func(name string) error { return n.Refuse(name, "%s is not supported", name) }); err == nil || llm.AsError(err).Param != "LOGPROBS" {
		t.Errorf("the refusal is %v", err)
	}
}
