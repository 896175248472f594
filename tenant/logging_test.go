package tenant

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/telemetry"
)

func TestCallbacksOfMetadata(t *testing.T) {
	for text, want := range map[string][]telemetry.Callback{
		`[{"callback_name":"langfuse","callback_type":"success","callback_vars":{"langfuse_host":"h","n":1,"b":true}}]`: {{Name: "langfuse", Success: true, Vars: map[string]string{"langfuse_host": "h", "n": "1", "b": "true"}}},
		`[{"callback_name":"a","callback_type":"failure"},{"callback_name":"b","callback_type":null},{"callback_name":"c","callback_type":"success_and_failure"}]`: {
			{Name: "a", Failure: true, Vars: map[string]string{}}, {Name: "b", Success: true, Failure: true, Vars: map[string]string{}}, {Name: "c", Success: true, Failure: true, Vars: map[string]string{}},
		},
		`[{"callback_name":"a","callback_type":"sometimes"},{"callback_name":""},7,null,{"callback_name":1}]`: nil,
		`"text"`: nil, `{"a":1}`: nil, `null`: nil, `[]`: nil,
	} {
		var doc document
		if err := jsonx.Unmarshal([]byte(`{"metadata":{"logging":`+text+`}}`), &doc); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var got []telemetry.Callback
		if l := doc.logging(); l != nil {
			got = l.Callbacks
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
	key, team := &telemetry.Logging{}, &telemetry.Logging{}
	if loggingOf(key, team) != key || loggingOf(nil, team) != team || loggingOf(nil, nil) != nil {
		t.Error("a key's callbacks come before its team's")
	}
}
