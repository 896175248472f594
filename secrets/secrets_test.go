package secrets_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"outcrop/secrets"
)

// fake is a manager in memory.
type fake struct {
	secrets.Manager

	values  map[string]string
	members map[string]map[string]string
	fail    map[string]error
	reads   atomic.Int32
}

func (f *fake) Name() string { return "the fake" }

func (f *fake) Read(_ context.Context, name string) (string, bool, error) {
	f.reads.Add(1)
	value, ok := f.values[name]
	return value, ok, f.fail[name]
}

func (f *fake) Members(_ context.Context, name string) (map[string]string, bool, error) {
	f.reads.Add(1)
	members, ok := f.members[name]
	return members, ok, f.fail[name]
}

func TestFetchReadsEachName(t *testing.T) {
	denied := &secrets.Error{Message: "denied", Fix: "allow it"}
	f := &fake{values: map[string]string{"A": "a", "B": ""}, fail: map[string]error{"D": denied}}
	got, err := secrets.Fetch(t.Context(), f, "", []string{"A", "B", "C", "D", "../E", "F\n", ""})
	if err != nil {
		t.Fatal(err)
	}
	if r := got["A"]; !r.Found || r.Reveal() != "a" || r.Err != nil {
		t.Errorf("A: %v", r)
	}
	if r := got["B"]; !r.Found || r.Reveal() != "" {
		t.Error("an empty secret is not found")
	}
	if r := got["C"]; r.Found || r.Err != nil {
		t.Error("C does not exist")
	}
	if r := got["D"]; r.Found || r.Err != denied {
		t.Errorf("D: %v", r.Err)
	}
	for _, name := range []string{"../E", "F\n", ""} {
		if r := got[name]; r.Found || r.Err == nil || !strings.Contains(r.Err.Message, "is not the name of a secret") {
			t.Errorf("%q: %v", name, r.Err)
		}
	}
	if n := f.reads.Load(); n != 4 {
		t.Errorf("%d reads, want 4: names that are none are not asked for", n)
	}
}

func TestFetchFailsAsAWhole(t *testing.T) {
	away := &secrets.Error{Message: "away", Whole: true}
	for _, want := range []error{away, context.DeadlineExceeded} {
		f := &fake{values: map[string]string{"A": "a"}, fail: map[string]error{"B": want}}
		if got, err := secrets.Fetch(t.Context(), f, "", []string{"A", "B"}); !errors.Is(err, want) || got != nil {
			t.Errorf("%v, %v, want %v", got, err, want)
		}
	}
}

func TestFetchReadsMembersOfThePrimarySecret(t *testing.T) {
	f := &fake{members: map[string]map[string]string{"all": {"A": "a"}}, fail: map[string]error{"broken": errors.New("broken")}}
	got, err := secrets.Fetch(t.Context(), f, "all", []string{"A", "B"})
	if err != nil || !got["A"].Found || got["A"].Reveal() != "a" || got["B"].Found || f.reads.Load() != 1 {
		t.Errorf("%v, %v, %d reads", got, err, f.reads.Load())
	}
	for primary, want := range map[string]string{"none": `the primary secret "none" does not exist in the fake`, "broken": "broken", "a/../b": "is not the name of a secret"} {
		if _, err := secrets.Fetch(t.Context(), f, primary, []string{"A"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", primary, err, want)
		}
	}
}

func TestReadMembers(t *testing.T) {
	got, err := secrets.ReadMembers([]byte(`{"a":"text \u00e4","b":12,"c":true,"d":null,"e":{"f":"g"}}`))
	if want := "map[a:text ä b:12 c:true e:{\"f\":\"g\"}]"; err != nil || fmt.Sprint(got) != want {
		t.Errorf("%v, %v, want %s", got, err, want)
	}
	for _, text := range []string{"", "sk-secret", `"sk-secret"`, `["sk-secret"]`, `{"a":"sk-secret","a":"x"}`, `{"sk-secret`} {
		if _, err := secrets.ReadMembers([]byte(text)); err == nil || strings.Contains(err.Error(), "sk-secret") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestNothingPrintsSecrets(t *testing.T) {
	f := &fake{values: map[string]string{"A": "hush"}}
	got, err := secrets.Fetch(t.Context(), f, "", []string{"A"})
	if err != nil {
		t.Fatal(err)
	}
	s := &secrets.Settings{System: secrets.AWS, AWS: map[string]string{"aws_web_identity_token": "hush"}}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "settings", s, "result", got["A"])
	text := fmt.Sprintf("%v %+v %#v %s %q %v", got, got["A"], got["A"], s, s, s) + log.String()
	if strings.Contains(text, "hush") {
		t.Error(text)
	}
}
