package gateway_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"outcrop/gateway"
	"outcrop/llm"
	"outcrop/telemetry"
	"outcrop/tenant"
)

// labelled keeps the labels of a call.
type labelled struct {
	router
	got, session []llm.Label
}

func (l *labelled) Complete(_ context.Context, req *llm.Request) (*llm.Response, error) {
	l.got, l.session = req.Attribution, req.Session
	return &llm.Response{}, nil
}

func TestCallsAreAttributed(t *testing.T) {
	r := &labelled{}
	_, _, d := directory(t, `{"key_alias":"ann","user_id":"u","team_id":"t"}`, tenant.Settings{})
	g := gateway.New(gateway.Options{
		Router: r, Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler)), MasterKey: "sk-master", Tenants: tenants{d},
		Attribution: []string{"key_alias", "user_id", "team_id", "organization_id", "end_user", "tags"},
		SessionTags: []string{"team_id", "organization_id", "key_alias"},
	})
	own := llm.NewClientSettings(map[string]string{"aws_region_name": "us-east-1"})
	for name, tt := range map[string]struct {
		settings *llm.ClientSettings
		want     string
		session  string
	}{
		"who calls":                  {want: "[{key_alias ann} {user_id u} {team_id t} {end_user customer} {tags body,header}]", session: "[{team_id t} {key_alias ann}]"},
		"an account of the client's": {settings: own, want: "[]", session: "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			call := admitted(t, g)
			call.Label([]string{"header"}, "", "", "")
			req := asking()
			req.User, req.Tags, req.ClientSettings = "customer", []string{"body"}, tt.settings
			req.Attribution, req.Session = []llm.Label{{Name: "forged"}}, []llm.Label{{Name: "forged"}}
			if _, err := call.Complete(t.Context(), req); err != nil {
				t.Fatal(err)
			}
			call.End(t.Context())
			if got, session := fmt.Sprint(r.got), fmt.Sprint(r.session); got != tt.want || session != tt.session {
				t.Errorf("got %s and %s", got, session)
			}
		})
	}
}
