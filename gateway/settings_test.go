package gateway

import (
	"log/slog"
	"testing"

	"outcrop/llm"
	"outcrop/route"
	"outcrop/telemetry"
)

// TestACallKeepsTheSettingsThatItHasBegunWith replaces the settings while a call is under way.
func TestACallKeepsTheSettingsThatItHasBegunWith(t *testing.T) {
	router := route.New(route.Plan{}, route.Options{})
	g := New(Options{Router: router, Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler)), MasterKey: "sk-first"})
	under := g.Begin("test", "1")
	under.modelSettings("stone")
	fresh := g.Begin("test", "2")
	together := false
	over := g.Set(Settings{MasterKey: "sk-second", Demands: Demands{User: true}}, func() { together = true })
	select {
	case <-over:
		t.Fatal("nobody has the settings any more, although calls are under way")
	default:
	}
	body := []byte(`{"model":"stone"}`)
	if err := under.Demand("application/json", body); err != nil || !together {
		t.Errorf("the call that was under way: %v, together %v", err, together)
	}
	fresh.modelSettings("stone")
	if err := fresh.Demand("application/json", body); err == nil || llm.AsError(err).Param != "user" {
		t.Errorf("a call that has just begun has the settings before: %v", err)
	}
	fresh.End(t.Context())
	under.End(t.Context())
	<-over
	for key, want := range map[string]bool{"sk-first": false, "sk-second": true} {
		if _, err := g.Authenticate(t.Context(), &Credentials{Keys: [5]string{key}}); (err == nil) != want {
			t.Errorf("%s: %v", key, err)
		}
	}
	g.Set(Settings{}, func() {})
	if _, err := g.Authenticate(t.Context(), &Credentials{}); err == nil || !g.Locked() {
		t.Error("a reload has opened the gateway to everybody")
	}
}
