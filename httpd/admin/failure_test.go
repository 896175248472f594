package admin_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"outcrop/httpd/admin"
	"outcrop/store"
)

func TestAStoreThatFailsIsAnErrorWithoutDetails(t *testing.T) {
	w := newWorld(t)
	key := w.key(`{}`)
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	a := w.master("GET /key/info", info(key)).fails(500, "internal_server_error", "").hasNone("closed", "sql", key)
	if !strings.Contains(w.log.String(), "database is closed") || strings.Contains(w.log.String(), key) {
		t.Errorf("%s; the log has %s", a.body, w.log)
	}
}

func TestAStoreThatCannotBeOpenedIsUnavailable(t *testing.T) {
	w := newWorld(t)
	h := admin.New(admin.Options{
		Callers: w, Logger: slog.New(slog.DiscardHandler),
		Store: func(context.Context) (admin.Store, error) { return nil, errors.New("no route to the database's host") },
	})
	w.route(h)
	w.master("/key/generate", `{}`).fails(503, "no_db_connection", "").hasNone("host")
}

// route serves a handler's routes in place of the world's.
func (w *world) route(h *admin.Handler) {
	w.mux = http.NewServeMux()
	for _, r := range h.Routes() {
		w.mux.HandleFunc(r.Pattern, r.Handle)
	}
}

// contested is a store whose entities are always changed by somebody else.
type contested struct{ *store.Store }

func (contested) Change(context.Context, *store.Change) (int64, error) { return 0, store.ErrConflict }

func TestARequestThatAlwaysComesSecondEnds(t *testing.T) {
	w := newWorld(t)
	h := admin.New(admin.Options{
		Callers: w, Logger: slog.New(slog.DiscardHandler),
		Store: func(context.Context) (admin.Store, error) { return contested{w.store}, nil },
	})
	w.route(h)
	w.master("/key/generate", `{}`).fails(409, "bad_request_error", "")
}

// huge is a store with more rows of spend than are counted.
type huge struct{ *store.Store }

func (huge) Rows(_ context.Context, f store.RowFilter) ([]store.Row, int, error) {
	return make([]store.Row, f.Limit), store.MostCounted + 1, nil
}

func TestAPageOfMoreRowsThanAreCountedSaysSo(t *testing.T) {
	w := newWorld(t)
	w.route(admin.New(admin.Options{
		Callers: w, Logger: slog.New(slog.DiscardHandler),
		Store: func(context.Context) (admin.Store, error) { return huge{w.store}, nil },
	}))
	w.master("GET /spend/logs/v2", "start_date=2026-05-01&end_date=2026-05-07&page_size=100").is(200, "total", "100000", "total_pages", "1000", "total_is_capped", "true")
}

func TestALargeBodyIsRefused(t *testing.T) {
	w := newWorld(t)
	w.master("/key/generate", `{"metadata":{"x":"`+strings.Repeat("x", 1<<20)+`"}}`).is(413, "error.code", "413")
}
