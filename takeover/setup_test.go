package takeover_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"outcrop/internal/jsonx"
	"outcrop/internal/need"
	"outcrop/internal/postgres"
	"outcrop/llm"
	"outcrop/store"
	"outcrop/takeover"
)

// machine is the PostgreSQL of all tests; nil if it is not installed.
var machine *postgres.Server

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute) // a busy machine takes long to start PostgreSQL
	defer cancel()
	var err error
	if machine, err = postgres.Start(ctx, ""); err != nil && !errors.Is(err, postgres.ErrNotInstalled) {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if machine != nil {
		if err := machine.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// schema makes the template of LiteLLM's databases, once.
var schema = sync.OnceValue(func() error {
	ctx := context.Background()
	files, err := filepath.Glob("../.cache/litellm/lib/*/site-packages/litellm_proxy_extras/migrations/*/migration.sql")
	if err != nil || len(files) == 0 {
		return errors.Join(err, errNoLiteLLM)
	}
	slices.Sort(files) // by date, which is how Prisma makes them
	if err := execute(ctx, machine.URL(), `CREATE DATABASE litellm`); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, address("litellm"))
	if err != nil {
		return err
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return errors.Join(err, conn.Close(ctx))
		}
		if _, err := conn.PgConn().Exec(ctx, string(text)).ReadAll(); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", name, err), conn.Close(ctx))
		}
	}
	return conn.Close(ctx)
})

var errNoLiteLLM = errors.New("LiteLLM is not installed")

func address(database string) string {
	return strings.Replace(machine.URL(), "/outcrop?", "/"+database+"?", 1)
}

func execute(ctx context.Context, url, statement string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}

// litellm is a database of LiteLLM that a test fills.
type litellm struct {
	*testing.T
	url  string
	conn *pgx.Conn
}

// newLiteLLM makes a database with LiteLLM's own schema.
func newLiteLLM(t *testing.T) *litellm {
	t.Helper()
	if machine == nil {
		need.Missing(t, postgres.ErrNotInstalled.Error())
	}
	err := schema()
	if errors.Is(err, errNoLiteLLM) {
		need.Missing(t, "what makes LiteLLM's database is not installed")
	}
	if err != nil {
		t.Fatal(err)
	}
	name := database(t, ` TEMPLATE litellm`)
	l := &litellm{T: t, url: address(name)}
	if l.conn, err = pgx.Connect(t.Context(), l.url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.conn.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return l
}

// database makes a database for a test.
func database(t *testing.T, how string) (name string) {
	t.Helper()
	name = "db_" + strings.ToLower(strings.NewReplacer("/", "_", " ", "_").Replace(t.Name()))
	name = name[:min(len(name), 40)] + fmt.Sprint(time.Now().UnixNano())
	if err := execute(t.Context(), machine.URL(), `CREATE DATABASE `+name+how); err != nil {
		t.Fatal(err)
	}
	return name
}

// insert inserts a row with the members of a JSON object; other columns have their defaults.
func (l *litellm) insert(table, object string) {
	l.Helper()
	members, err := jsonx.Members([]byte(object))
	if err != nil {
		l.Fatal(err)
	}
	var columns []string
	for _, m := range members {
		columns = append(columns, pgx.Identifier{m.Name}.Sanitize())
	}
	name, list := pgx.Identifier{table}.Sanitize(), strings.Join(columns, ", ")
	l.exec(`INSERT INTO ` + name + ` (` + list + `) SELECT ` + list + ` FROM jsonb_populate_record(NULL::` + name + `, '` + strings.ReplaceAll(object, "'", "''") + `'::jsonb)`)
}

func (l *litellm) exec(statement string) {
	l.Helper()
	if _, err := l.conn.Exec(l.Context(), statement); err != nil {
		l.Fatalf("%s: %v", statement, err)
	}
}

// source opens the database as the take-over does.
func (l *litellm) source() *takeover.Source {
	l.Helper()
	s, err := takeover.Open(l.Context(), l.url)
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() {
		if err := s.Close(context.WithoutCancel(l.Context())); err != nil {
			l.Error(err)
		}
	})
	return s
}

// plan reads what can be taken over.
func (l *litellm) plan() *takeover.Plan {
	l.Helper()
	p, err := takeover.Read(l.Context(), l.source(), time.Now())
	if err != nil {
		l.Fatal(err)
	}
	return p
}

// take takes over.
func (l *litellm) take(to *store.Store) *takeover.Plan {
	l.Helper()
	p := l.plan()
	if err := p.Write(l.Context(), to); err != nil {
		l.Fatal(err)
	}
	return p
}

// eachStore runs a test with a database of LiteLLM and a store, of SQLite and of PostgreSQL.
func eachStore(t *testing.T, test func(l *litellm, s *store.Store)) {
	t.Helper()
	run := func(name string, options func(t *testing.T, l *litellm) store.Options) {
		t.Run(name, func(t *testing.T) {
			l := newLiteLLM(t)
			s, err := store.Open(t.Context(), options(t, l))
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}()
			test(l, s)
		})
	}
	run("SQLite", func(t *testing.T, _ *litellm) store.Options { return store.Options{Dir: t.TempDir()} })
	run("PostgreSQL", func(t *testing.T, _ *litellm) store.Options { return store.Options{URL: address(database(t, ""))} })
	run("LiteLLM's own database", func(_ *testing.T, l *litellm) store.Options { return store.Options{URL: l.url} })
}

// entity reads an entity.
func entity(t *testing.T, s *store.Store, kind store.Kind, id string) *store.Entity {
	t.Helper()
	e, err := s.Entity(t.Context(), kind, id)
	if err != nil {
		t.Fatalf("%s %s: %v", kind, id, err)
	}
	return e
}

// has checks members of an entity's document: pairs of a name and its JSON, which is empty for one that must not be there.
func has(t *testing.T, e *store.Entity, pairs ...string) {
	t.Helper()
	members, err := jsonx.Members(e.Doc)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(pairs); i += 2 {
		got := jsonx.Find(members, pairs[i])
		if compact, err := jsonx.Compact(got); err == nil {
			got = compact
		}
		if string(got) != pairs[i+1] {
			t.Errorf("%s of the %s %s is %s, want %s", pairs[i], e.Kind, e.ID, got, pairs[i+1])
		}
	}
}

// spent checks what entities have spent, in US dollars: triples are kind, id and amount.
func spent(t *testing.T, s *store.Store, kind store.Kind, id, want string) {
	t.Helper()
	counter := store.SpendCounter(kind, id)
	got, err := s.Spent(t.Context(), []string{counter})
	if err != nil {
		t.Fatal(err)
	}
	cost, ok := llm.ParseCost(want)
	if !ok || got[counter] != int64(cost) {
		t.Errorf("the %s %s has spent %s, want %s", kind, id, llm.Cost(got[counter]), want)
	}
}

// leaves checks that a plan says that something is left.
func leaves(t *testing.T, p *takeover.Plan, table, field, word string, weaker bool) {
	t.Helper()
	for _, l := range p.Left {
		if l.Table == table && l.Field == field && strings.Contains(l.Reason, word) {
			if l.Weaker != weaker {
				t.Errorf("%s.%s: weaker is %t", table, field, l.Weaker)
			}
			return
		}
	}
	t.Errorf("nothing is said of %s.%s with %q:\n%+v", table, field, word, p.Left)
}
