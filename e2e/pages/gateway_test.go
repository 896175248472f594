package pages

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"

	"outcrop/app"
	"outcrop/config"
	"outcrop/internal/need"
	"outcrop/internal/postgres"
	"outcrop/provider/all"
)

const master = "sk-the-master-key-of-the-pages"

// gateway is a gateway with the emulator.
type gateway struct {
	t    *testing.T
	url  string
	stop func()
	team string // with members, once there was traffic
}

// start starts a gateway on a database; empty for SQLite.
func start(t *testing.T, database string) *gateway {
	t.Helper()
	return startIn(t, t.TempDir(), database)
}

// startIn starts one with a data folder.
func startIn(t *testing.T, dir, database string) *gateway {
	t.Helper()
	text := "general_settings:\n  master_key: " + master + "\n  store_prompts_in_spend_logs: true\n"
	if database != "" {
		text += "  database_url: " + database + "\n"
	}
	text += `model_list:
  - {model_name: "*", litellm_params: {model: bedrock/*}}
  - {model_name: fast, litellm_params: {model: bedrock/nova-lite}}
`
	cfg, problems := config.Load(config.Source{Name: "config.yaml", Data: []byte(text), Providers: all.Providers(), LookupEnv: func(string) (string, bool) { return "", false }})
	if cfg == nil {
		t.Fatal(problems)
	}
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
	}
	a, err := app.New(t.Context(), app.Options{Config: cfg, Emulate: true, DataDir: dir, Logger: log, Environ: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	g := &gateway{t: t, url: a.URL(), stop: sync.OnceFunc(func() {
		if err := a.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})}
	t.Cleanup(g.stop)
	return g
}

// postgresOf returns the address of an empty database on PostgreSQL.
func postgresOf(t *testing.T) string {
	t.Helper()
	if machine == nil {
		need.Missing(t, postgres.ErrNotInstalled.Error())
	}
	name := fmt.Sprint("test", schemas.Add(1))
	db, err := sql.Open("pgx", machine.URL())
	if err == nil {
		_, err = db.ExecContext(t.Context(), "CREATE SCHEMA "+name)
		err = errors.Join(err, db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return machine.URL() + "&schema=" + name
}

// post posts a document with a key, and returns the status and the members of the answer.
func (g *gateway) post(key, path string, body any) (int, map[string]any) {
	g.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		g.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(g.t.Context(), http.MethodPost, g.url+path, bytes.NewReader(text))
	if err != nil {
		g.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	var members map[string]any
	_ = json.Unmarshal(answer, &members) // a stream is none
	return resp.StatusCode, members
}

// made posts a document that must be accepted, and returns a member of the answer.
func (g *gateway) made(path string, body any, member string) string {
	g.t.Helper()
	status, answer := g.post(master, path, body)
	text, _ := answer[member].(string)
	if status != http.StatusOK || text == "" {
		g.t.Fatalf("%s: %d %v", path, status, answer)
	}
	return text
}

// viewer makes a user who sees everything, and returns the user's key.
func (g *gateway) viewer() string {
	g.t.Helper()
	return g.made("/user/new", map[string]any{"user_id": "vera", "user_email": "vera@example.com", "user_role": "proxy_admin_viewer"}, "key")
}

// hello calls a model.
func (g *gateway) hello(key, model string, stream bool) int {
	g.t.Helper()
	status, _ := g.post(key, "/v1/chat/completions", map[string]any{"model": model, "stream": stream, "messages": []map[string]string{{"role": "user", "content": "Hello"}}})
	return status
}

// traffic makes things and calls of every kind.
func (g *gateway) traffic() {
	g.t.Helper()
	team := g.made("/team/new", map[string]any{"team_alias": "Search", "max_budget": 200, "budget_duration": "30d", "models": []string{"nova-lite", "claude-sonnet-5", "claude-haiku-4-5"}}, "team_id")
	g.made("/team/new", map[string]any{"team_alias": "Support", "rpm_limit": 600}, "team_id")
	search := g.made("/key/generate", map[string]any{"key_alias": "search-indexer", "team_id": team, "max_budget": 50}, "key")
	ann := g.made("/key/generate", map[string]any{"key_alias": "ann-laptop", "rpm_limit": 120, "duration": "90d"}, "key")
	ci := g.made("/key/generate", map[string]any{"key_alias": "ci-tests", "models": []string{"nova-micro"}}, "key")
	for _, member := range []map[string]any{{"user_email": "ann@example.com", "role": "admin"}, {"user_email": "bob@example.com", "role": "user"}} {
		g.made("/team/member_add", map[string]any{"team_id": team, "member": member, "max_budget_in_team": 25, "budget_duration": "30d"}, "team_id")
	}
	g.team = team
	g.post(master, "/customer/new", map[string]any{"user_id": "acme", "alias": "Acme Ltd", "max_budget": 75, "budget_duration": "30d"})
	g.post(master, "/customer/block", map[string]any{"user_ids": []string{"spammer"}})
	g.made("/key/generate", map[string]any{"key_alias": "nearly-used-up", "max_budget": 0.000001, "key": "sk-of-a-small-budget"}, "key")
	g.hello("sk-of-a-small-budget", "nova-lite", false)
	g.made("/budget/new", map[string]any{"budget_id": "interns", "max_budget": 20, "budget_duration": "7d", "rpm_limit": 30}, "budget_id")
	for i := range 6 {
		for _, c := range []struct{ key, model string }{{search, "nova-lite"}, {search, "claude-sonnet-5"}, {ann, "claude-haiku-4-5"}, {ann, "fast"}, {master, "nova-pro"}} {
			if status := g.hello(c.key, c.model, i%2 == 0); status != http.StatusOK {
				g.t.Fatalf("%s: %d", c.model, status)
			}
		}
	}
	g.hello(ci, "claude-sonnet-5", false)
	g.hello(master, "no-such-model", false)
	g.hello(master, "bedrock/anthropic.claude-v2", false)
	g.hello("sk-nobody", "nova-lite", false)
	g.post(ann, "/v1/chat/completions", map[string]any{"model": "nova-lite", "drop_params": true, "logit_bias": map[string]int{"5": 1}, "seed": 4, "messages": []map[string]string{{"role": "user", "content": "Hello"}}})
}

// write keeps a picture, if pictures are wanted.
func write(t *testing.T, name string, picture []byte) {
	t.Helper()
	if *shots == "" {
		return
	}
	if err := os.MkdirAll(*shots, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(*shots+"/"+name+".png", picture, 0o600); err != nil {
		t.Fatal(err)
	}
}
