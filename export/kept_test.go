package export_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"outcrop/export"
	"outcrop/telemetry"
)

// keep sends records to a keeper, and returns what it has kept.
func keep(t *testing.T, longest int, records ...*export.Record) (all []export.Kept) {
	t.Helper()
	s := export.NewKeeper(export.Keeper{Longest: longest, Keep: func(_ context.Context, kept []export.Kept) error {
		all = append(all, kept...)
		return nil
	}})
	defer s.Close()
	if rest, err := s.Send(t.Context(), records); err != nil || len(rest) > 0 {
		t.Fatalf("%d records are left, %v", len(rest), err)
	}
	return all
}

func TestWhatIsKeptHasNoCredentialsAndIsBounded(t *testing.T) {
	long := strings.Repeat("ä", 500) + strings.Repeat("b", 500)
	body := `{"api_key":"sk-1","extra_headers":{"Authorization":"sk-2","x":"kept"},"max_tokens":5,"messages":[{"role":"user","content":"` + long + `","token":"a word"}],"nested":[{"aws_secret_access_key":"sk-3"}]}`
	all := keep(t, 100,
		&export.Record{Call: telemetry.Call{ID: "a", Content: &telemetry.Content{Request: []byte(body), Response: []byte(`{"text":"yes"}`), Type: "application/json"}}},
		&export.Record{Call: telemetry.Call{ID: "nothing may be kept"}},
		&export.Record{Call: telemetry.Call{ID: "cut", Content: &telemetry.Content{Request: []byte(`{"messages":[`), RequestCut: true}}},
	)
	if len(all) != 2 || all[0].ID != "a" || string(all[0].Response) != `{"text":"yes"}` || all[1].Response != nil || string(all[1].Request) != `"{\"messages\":["` {
		t.Fatalf("%s", all)
	}
	text := string(all[0].Request)
	for _, secret := range []string{"sk-1", "sk-2", "sk-3"} {
		if strings.Contains(text, secret) {
			t.Errorf("%s is kept: %s", secret, text)
		}
	}
	for _, part := range []string{`"max_tokens":5`, `"x":"kept"`, `"token":"a word"`, "äää", "bbb", "900 characters are not kept"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not kept: %s", part, text)
		}
	}
	if !json.Valid(all[0].Request) {
		t.Errorf("%s", text)
	}
	many := `{"messages":[` + strings.TrimSuffix(strings.Repeat(`"a text of the request",`, 30_000), ",") + `]}`
	if got := keep(t, 100, &export.Record{Call: telemetry.Call{ID: "b", Content: &telemetry.Content{Request: []byte(many)}}}); len(got[0].Request) > 300_000 || !json.Valid(got[0].Request) {
		t.Errorf("%d bytes are kept of %d", len(got[0].Request), len(many))
	}
}

func TestWhatCannotBeKeptComesBack(t *testing.T) {
	away := errors.New("the database is away")
	s := export.NewKeeper(export.Keeper{Longest: 1, Keep: func(context.Context, []export.Kept) error { return away }})
	batch := []*export.Record{{Call: telemetry.Call{ID: "a", Content: &telemetry.Content{Request: []byte(`{}`)}}}}
	if rest, err := s.Send(t.Context(), batch); !errors.Is(err, away) || len(rest) != 1 {
		t.Errorf("%d records are left, %v", len(rest), err)
	}
}
