package app_test

import (
	"strings"
	"testing"
	"time"

	"outcrop/app"
	"outcrop/store"
)

func TestOldRowsOfTheSpendLogAreDeletedAtTheStart(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(t.Context(), store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for i, days := range []int{1, 29, 31, 400} {
		at := now.AddDate(0, 0, -days)
		if err := s.Post(t.Context(), "a", int64(i+1), []store.Row{{RequestID: "days-" + at.Format(time.DateOnly), CallType: "acompletion", Start: at, First: at, End: at, Status: 200}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	a := start(t, app.Options{Config: load(t, "http://127.0.0.1:9", "general_settings: {master_key: sk-master, maximum_spend_logs_retention_period: 30d}\n"), DataDir: dir})
	left := func() string {
		status, body := asks(t, a, "sk-master", "GET", "/spend/logs", "")
		if status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		return body
	}
	for strings.Contains(left(), now.AddDate(0, 0, -31).Format(time.DateOnly)) { // until it has happened, or the test's time is over
	}
	for days, want := range map[int]bool{1: true, 29: true, 31: false, 400: false} {
		if id := "days-" + now.AddDate(0, 0, -days).Format(time.DateOnly); strings.Contains(left(), id) != want {
			t.Errorf("%s is there: %t", id, !want)
		}
	}
}
