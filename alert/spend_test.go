package alert

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/store"
)

// spending is a store in which calls have cost something, and a Slack that hears of it.
type spending struct {
	t     *testing.T
	store *store.Store
	now   time.Time
	slack chan string
	rows  int64
}

func beginSpending(t *testing.T) *spending {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &spending{t: t, store: s, now: time.Date(2026, 6, 10, 12, 0, 0, 0, time.UTC), slack: make(chan string, 100)}
}

// costs posts a call of some dollars, some days ago.
func (s *spending) costs(user, team, tag string, days int, dollars float64) {
	s.t.Helper()
	at := s.now.AddDate(0, 0, -days)
	s.rows++
	row := store.Row{RequestID: user + at.String() + team + tag, Start: at, End: at, User: user, Team: team, Cost: int64(dollars * 1e12), Status: 200}
	if tag != "" {
		row.Tags = []string{tag}
	}
	if err := s.store.Post(s.t.Context(), "r", s.rows, []store.Row{row}); err != nil {
		s.t.Fatal(err)
	}
}

// watch is a Spend whose goroutine does not run, with a sender to a receiver of HTTP. It returns what the receiver gets when the Spend checks.
func (s *spending) watch(opt SpendOptions, types ...Type) func() []string {
	s.t.Helper()
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var said struct {
			Text string `json:"text"`
		}
		if err := jsonx.Unmarshal(body, &said); err != nil {
			s.t.Error(err)
		}
		s.slack <- said.Text
	}))
	s.t.Cleanup(receiver.Close)
	opt.Sums, opt.Now, opt.Logger = s.store, func() time.Time { return s.now }, slog.New(slog.DiscardHandler)
	spend := &Spend{told: map[string]time.Time{}}
	return func() (all []string) {
		s.t.Helper()
		sender := New(s.t.Context(), Options{Types: types, Slack: true, SlackURL: Secret(receiver.URL), Logger: opt.Logger, Count: func(string, string) {}})
		opt.Sink, opt.Wants = sender, sender.Wants
		spend.opt = opt
		err := spend.check(s.t.Context())
		sender.Close(s.t.Context()) // sends what waits
		if err != nil {
			s.t.Fatal(err)
		}
		for len(s.slack) > 0 {
			all = append(all, <-s.slack)
		}
		return all
	}
}

// said checks messages: each must have all parts of one of want, and there must be no others.
func said(t *testing.T, got []string, want ...[]string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d alerts, want %d: %q", len(got), len(want), got)
	}
	for _, parts := range want {
		found := false
		for _, text := range got {
			all := true
			for _, part := range parts {
				without, no := strings.CutPrefix(part, "!")
				all = all && strings.Contains(text, without) != no
			}
			found = found || all
		}
		if !found {
			t.Errorf("no alert has %q: %q", parts, got)
		}
	}
}

func usd(d float64) llm.Opt[llm.Cost] { return llm.Some(llm.Cost(d * 1e12)) }

func TestAUserWhoSpendsMoreThanAnAmountIsToldOnceInItsTime(t *testing.T) {
	s := beginSpending(t)
	opt := SpendOptions{Daily: usd(5), Monthly: usd(20), Multiplier: 3, Days: 7, Least: 1e18, ReportDays: 7}
	check := s.watch(opt, UserThresholds, UserAnomalies)
	other := s.watch(opt, UserThresholds) // another replica
	s.costs("ann", "", "", 0, 4.99)
	s.costs("bob", "", "", 9, 19) // on the first of the month
	s.costs("bob", "", "", 10, 100)
	said(t, check())
	s.costs("ann", "t", "", 0, 0.01)
	said(t, check(), []string{"Alert type: `user_spend_thresholds`\nLevel: `High`", "User Daily Spend Threshold Crossed:\nUser: `ann`\nSpend Today: `$5.00`\nDaily Threshold: `$5.00`", "!bob"})
	said(t, check())
	said(t, other())
	s.costs("bob", "", "", 0, 1)
	said(t, check(), []string{"User Monthly Spend Threshold Crossed:\nUser: `bob`\nSpend This Month: `$20.00`\nMonthly Threshold: `$20.00`", "!ann"})
	s.now = s.now.AddDate(0, 0, 1)
	said(t, check())
	s.costs("ann", "", "", 0, 15)
	said(t, check(), []string{"User Daily Spend Threshold Crossed:\nUser: `ann`", "User Monthly Spend Threshold Crossed:\nUser: `ann`\nSpend This Month: `$20.00`", "!bob"})
	s.now = time.Date(2026, 7, 2, 0, 0, 0, 0, time.UTC)
	s.costs("bob", "", "", 1, 25)
	said(t, check(), []string{"User Monthly Spend Threshold Crossed:\nUser: `bob`\nSpend This Month: `$25.00`", "!Daily"})
}

func TestAUserWhoSpendsMoreThanUsualIsTold(t *testing.T) {
	s := beginSpending(t)
	check := s.watch(SpendOptions{Multiplier: 3, Days: 7, Least: 1e13, ReportDays: 7}, UserThresholds, UserAnomalies)
	for _, user := range []string{"steady", "more", "little"} {
		s.costs(user, "", "", 1, 10)
		s.costs(user, "", "", 7, 18)
		s.costs(user, "", "", 8, 1000) // too long ago
	}
	s.costs("steady", "", "", 0, 12) // three times 28/7
	s.costs("more", "", "", 0, 12.01)
	s.costs("little", "", "", 0, 9.99)
	s.costs("new", "", "", 0, 10)
	said(t, check(), []string{
		"Alert type: `user_spend_anomalies`", "User: `more`\nSpend Today: `$12.01`\nDaily Average (last 7 days): `$4.00`\nTrigger: spend above `3x` the daily average (minimum `$10.00`)",
		"User: `new`\nSpend Today: `$10.00`\nDaily Average (last 7 days): `$0.00`", "!steady", "!little",
	})
	said(t, check())
}

func TestWhatWasSpentIsReportedWhenTheDaysAreOver(t *testing.T) {
	s := beginSpending(t) // the seven days end with 10 June, as 20615 days after 1970 begin with the 11th
	s.now = time.Date(2026, 6, 11, 0, 0, 1, 0, time.UTC)
	if err := change(t, s.store, "t1", "geology"); err != nil {
		t.Fatal(err)
	}
	check := s.watch(SpendOptions{ReportDays: 7}, SpendReports)
	s.costs("ann", "t1", "ore", 1, 1.5)
	s.costs("ann", "t1", "", 7, 2)
	s.costs("ann", "gone", "", 2, 4)
	s.costs("ann", "t1", "", 0, 100) // today
	s.costs("ann", "t1", "", 8, 50)  // in the seven days before
	s.costs("ann", "t1", "coal", 20, 7)
	said(
		t, check(),
		[]string{"Level: `Low`", "*💸 Spend Report for `06-04-2026 - 06-10-2026` (7 days)*\n\n*Team Spend Report:*\nTeam: `gone` | Spend: `$4.0000`\nTeam: `geology` | Spend: `$3.5000`\n\n*Tag Spend Report:*\nTag: `ore` | Spend: `$1.5000`\n"},
		[]string{"*💸 Monthly Spend Report for `05-01-2026 - 05-31-2026` *\n\n*Team Spend Report:*\nTeam: `geology` | Spend: `$7.0000`\n\n*Tag Spend Report:*\nTag: `coal` | Spend: `$7.0000`"},
	)
	said(t, check())
	s.now = s.now.AddDate(0, 0, 6)
	said(t, check())
	s.now = s.now.AddDate(0, 0, 1)
	said(t, check(), []string{"06-11-2026 - 06-17-2026", "`$100.0000`"})
}

// change makes a team.
func change(t *testing.T, s *store.Store, id, alias string) error {
	t.Helper()
	_, err := s.Change(t.Context(), &store.Change{Put: []store.Entity{{Kind: store.KindTeam, ID: id, Alias: alias, Doc: []byte(`{"team_id":"` + id + `"}`)}}})
	return err
}

func TestSpendIsLookedAtAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		s := WatchSpend(t.Context(), SpendOptions{
			Wants: func(Type) bool { asked.Add(1); return false }, Every: time.Hour, ReportDays: 7, Logger: slog.New(slog.DiscardHandler),
		})
		synctest.Wait()
		first := asked.Load()
		time.Sleep(2*time.Hour + time.Minute)
		synctest.Wait()
		if all := asked.Load(); first == 0 || all != 3*first {
			t.Errorf("asked %d times at first and %d times in two hours", first, all)
		}
		s.Close()
	})
}
