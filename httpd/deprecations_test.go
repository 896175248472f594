package httpd

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"outcrop/gateway"
	"outcrop/internal/jsonx"
	"outcrop/telemetry"
)

func TestModelsAreListedByTheirEndOfLife(t *testing.T) {
	today := time.Now().UTC().Truncate(24 * time.Hour)
	in := func(days int) time.Time { return today.AddDate(0, 0, days) }
	info := func(format string, args ...any) jsonx.Raw { return jsonx.Raw(fmt.Sprintf(format, args...)) }
	h := New(Options{
		Gateway: gateway.New(gateway.Options{Router: &router{}, Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler))}),
		Entries: func() []Entry {
			return []Entry{
				{Name: "late", ID: "a", Provider: "openai", Model: "x", EndOfLife: in(31)},
				{Name: "soon", ID: "b", Provider: "bedrock", Model: "y", EndOfLife: in(30), Successor: "z"},
				{Name: "soon", ID: "c", Provider: "bedrock", Model: "y2", EndOfLife: in(30), Info: info(`{"successor_model":"late"}`)},
				{Name: "moved", ID: "d", Provider: "openai", Model: "x", EndOfLife: in(-1), Info: info(`{"deprecation_date":%q}`, in(0).Format(time.DateOnly))},
				{Name: "gone", ID: "e", Provider: "openai", Model: "w", Info: info(`{"deprecation_date":%q}`, in(-2).Format(time.DateOnly))},
				{Name: "blocked", ID: "f", Provider: "openai", Model: "w", EndOfLife: in(1), Blocked: true},
				{Name: "lasting", ID: "g", Provider: "openai", Model: "v", Info: info(`{"deprecation_date":"some day"}`)},
			}
		},
		Logger: slog.New(slog.DiscardHandler),
	})
	type row struct {
		Name      string `json:"model_name"`
		Model     string `json:"litellm_model"`
		Date      string `json:"deprecation_date"`
		Days      int    `json:"days_until_deprecation"`
		Status    string `json:"status"`
		Successor string `json:"successor_model"`
		Source    string `json:"successor_model_source"`
	}
	type lists struct {
		Deprecated, Imminent, Upcoming []row
		Within                         int    `json:"warn_within_days"`
		At                             string `json:"checked_at"`
	}
	get := func(path string) (l lists) {
		t.Helper()
		w := send(h, "GET", path, "")
		if err := json.Unmarshal(w.Body.Bytes(), &l); err != nil || w.Code != 200 {
			t.Fatalf("%d %s, %v", w.Code, w.Body, err)
		}
		return l
	}
	day := func(days int) string { return in(days).Format(time.DateOnly) }
	gone := row{"gone", "openai/w", day(-2), -2, "deprecated", "", ""}
	moved := row{"moved", "openai/x", day(0), 0, "imminent", "", ""}
	soon := row{"soon", "bedrock/y", day(30), 30, "imminent", "late", "deployment_config"}
	late := row{"late", "openai/x", day(31), 31, "upcoming", "", ""}
	for _, path := range []string{"/model/deprecations", "/v1/model/deprecations"} {
		got := get(path)
		if !slices.Equal(got.Deprecated, []row{gone}) || !slices.Equal(got.Imminent, []row{moved, soon}) || !slices.Equal(got.Upcoming, []row{late}) || got.Within != 30 {
			t.Errorf("%s: %+v", path, got)
		}
		if at, err := time.Parse(time.RFC3339, got.At); err != nil || at.Before(today) {
			t.Errorf("checked at %s, %v", got.At, err)
		}
	}
	soon.Status = "upcoming"
	if got := get("/model/deprecations?warn_within_days=0"); !slices.Equal(got.Imminent, []row{moved}) || !slices.Equal(got.Upcoming, []row{soon, late}) {
		t.Errorf("%+v", got)
	}
	if w := send(h, "GET", "/model/deprecations?warn_within_days=soon", ""); w.Code != 422 || !strings.Contains(w.Body.String(), `"param":"warn_within_days"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
