package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"outcrop/llm"
	"outcrop/telemetry"
)

func TestTheLogIsJSONWhereNobodyReadsAlong(t *testing.T) {
	var b bytes.Buffer
	newLogger(&b, false, styleOf(&b, logAuto)).Info("ready", "port", 4000)
	var line map[string]any
	if err := json.Unmarshal(b.Bytes(), &line); err != nil || line["msg"] != "ready" {
		t.Errorf("%v: %s", err, b.String())
	}
}

func TestACallIsAShortLineForPeople(t *testing.T) {
	var b bytes.Buffer
	r := telemetry.NewRecorder(newLogger(&b, false, styleOf(&b, logText)))
	c := &telemetry.Call{ID: "a61d", Door: "openai_chat", Model: "claude-sonnet-4-5", Status: 200, Duration: 1200 * time.Millisecond}
	c.Meta.Destination = llm.Destination{API: "converse", Region: "us-east-1", ID: "us.anthropic.claude-sonnet-4-5-20250929-v1:0"}
	c.Usage = llm.Usage{Input: 12, Output: 34}
	r.Record(t.Context(), c)
	failed := &telemetry.Call{Model: "granite\n\x1b[31m", Status: 404, Err: &llm.Error{Code: llm.CodeModelNotFound, Message: "the model is not configured here.", Err: errors.New("x")}}
	r.Record(t.Context(), failed)
	got := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(got) != 2 || len(got[0]) > 160 ||
		!strings.HasSuffix(got[0], " 200 claude-sonnet-4-5 -> us.anthropic.claude-sonnet-4-5-20250929-v1:0 in us-east-1, 1.2s, 12 + 34 tokens") ||
		!strings.HasSuffix(got[1], ": gateway.model_not_found: the model is not configured here.") || strings.Contains(b.String(), "\x1b") {
		t.Errorf("the log says\n%s", b.String())
	}
}

func TestOtherRecordsSayAll(t *testing.T) {
	var b bytes.Buffer
	newLogger(&b, true, styleOf(&b, logText)).With("a", 1).WithGroup("g").Warn("the data folder cannot be written to", "hint", "set --data-dir")
	if got := b.String(); !strings.Contains(got, ` WARN the data folder cannot be written to a=1 g.hint="set --data-dir"`+"\n") {
		t.Errorf("got %q", got)
	}
}
