package export_test

import (
	"strings"
	"testing"

	"outcrop/export"
	"outcrop/telemetry"
)

func TestMirroredCallsAreMarkedAsInLiteLLM(t *testing.T) {
	const mark = `"is_silent_experiment":true`
	if said := string(export.Form{HideKeys: true}.Append(nil, &export.Record{Call: telemetry.Call{ID: "b", MirrorOf: "a"}})); !strings.Contains(said, mark) {
		t.Errorf("a mirrored call is %s", said)
	}
	if said := string(export.Form{}.Append(nil, &export.Record{Call: telemetry.Call{ID: "a"}})); strings.Contains(said, "is_silent_experiment") {
		t.Errorf("a client's call is %s", said)
	}
}
