package pages

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestCallsOfAnEarlierProcessAreFoundAndShownWhole looks at calls that are in the database alone.
func TestCallsOfAnEarlierProcessAreFoundAndShownWhole(t *testing.T) {
	for _, database := range []string{"SQLite", "PostgreSQL"} {
		t.Run(database, func(t *testing.T) {
			dir, address := t.TempDir(), ""
			if database == "PostgreSQL" {
				address = postgresOf(t)
			}
			g := startIn(t, dir, address)
			viewer := g.viewer()
			other := g.made("/user/new", map[string]any{"user_id": "oda", "user_role": "internal_user"}, "key")
			g.traffic()
			g.stop()
			g = startIn(t, dir, address)
			b := open(t, g, 1440, 900, false)
			b.login(viewer)
			b.visit("/ui/logs/earlier")
			rows := `document.querySelectorAll("#found [data-id]").length`
			all := eval[int](b, rows)
			if all < 30 {
				t.Fatalf("%d calls", all)
			}
			for _, filter := range [][2]string{{"model", "haiku"}, {"key", "search-ind"}, {"text", "haiku"}, {"warning", "logit_bias"}} {
				field, word := filter[0], filter[1]
				b.visit("/ui/logs/earlier")
				b.run(chromedp.SendKeys("[name="+field+"]", word, chromedp.ByQuery))
				b.until(fmt.Sprintf("%s < %d", rows, all))
				if n := eval[int](b, rows); n == 0 {
					t.Fatalf("%s=%s finds nothing", field, word)
				}
			}
			b.run(chromedp.Click("#found [data-id] a", chromedp.ByQuery), chromedp.WaitReady(".fall", chromedp.ByQuery))
			text := eval[string](b, `document.querySelector("main").textContent`)
			for _, part := range []string{"nova-lite", "us-east-1", "logit_bias", "Its way", "answered", "Timing", "Hello", "Request", "Answer", "$"} {
				if !strings.Contains(text, part) {
					t.Errorf("the call lacks %q: %s", part, text)
				}
			}
			b.healthy("an earlier call")
			at := eval[string](b, `location.pathname`)
			member := open(t, g, 390, 844, true)
			member.login(other)
			member.visit("/ui/logs/earlier")
			if n := eval[int](member, rows); n != 0 {
				t.Errorf("a member sees %d calls of others", n)
			}
			member.visit("/ui/usage")
			member.healthy("usage of a member")
			if member.visit(at); !strings.Contains(eval[string](member, `document.querySelector("main").textContent`), "There is no such call") {
				t.Error("a member sees a call of somebody else")
			}
			b = open(t, g, 1440, 900, false) // tabs share their cookies
			b.login(viewer)
			b.visit("/ui/usage?by=region")
			if text := eval[string](b, `document.querySelector("main").textContent`); !strings.Contains(text, "us-east-1") || !strings.Contains(text, "used up") || !strings.Contains(text, "claude-haiku") {
				t.Error(text)
			}
			for _, link := range eval[[]string](b, `[...document.querySelectorAll(".menu a")].map(a => a.href)`) {
				if rows := eval[int](b, `fetch("`+link+`").then(r => r.ok ? r.text() : "").then(t => t.trim().split("\n").length)`); rows < 1 || rows < 2 && !strings.Contains(link, "what=cache") && !strings.Contains(link, "what=errors") {
					t.Errorf("%s has %d lines", link, rows)
				}
			}
		})
	}
}

func TestMembersOfATeamAreAddedLimitedAndRemovedAndTheAuditLogSaysSo(t *testing.T) {
	g := start(t, "")
	team := g.made("/team/new", map[string]any{"team_alias": "Granite"}, "team_id")
	b := open(t, g, 1440, 900, false)
	b.login(master)
	b.visit("/ui/teams")
	b.run(chromedp.Click("tbody a", chromedp.ByQuery), chromedp.WaitReady("form[action$='/add']", chromedp.ByQuery))
	fill := func(form string, values map[string]string) {
		t.Helper()
		for name, value := range values {
			_ = eval[string](b, fmt.Sprintf(`document.querySelector(%q).elements[%q].value = %q`, form, name, value))
		}
		b.run(chromedp.Submit(form, chromedp.ByQuery))
	}
	fill("form[action$='/add']", map[string]string{"user": "ann@example.com", "role": "admin", "max_budget_in_team": "12.5", "budget_duration": "30d"})
	b.run(chromedp.WaitReady(`input[name=was_max_budget_in_team][value="12.5"]`, chromedp.ByQuery))
	if text := eval[string](b, `document.querySelector("tbody").textContent`); !strings.Contains(text, "admin") || !strings.Contains(text, "$12.50") {
		t.Error(text)
	}
	fill(`tr:has(input[value="12.5"]) form[action$='/edit']`, map[string]string{"role": "user", "max_budget_in_team": "", "rpm_limit": "7"})
	b.run(chromedp.WaitReady(`input[name=was_rpm_limit][value="7"]`, chromedp.ByQuery))
	if text := eval[string](b, `document.querySelector("tr:has(input[name=was_rpm_limit][value='7'])").innerText`); !strings.Contains(text, "user") || strings.Contains(text, "$12.50") {
		t.Error(text)
	}
	b.healthy("a team")
	fill("form[action$='/add']", map[string]string{"user": "ann@example.com", "role": "user"})
	b.run(chromedp.WaitReady(".notice.bad", chromedp.ByQuery))
	if value := eval[string](b, `document.querySelector("form[action$='/add'] [name=user]").value`); value != "ann@example.com" {
		t.Errorf("the form forgets %q", value)
	}
	b.forget() // the refusal
	b.visit("/ui/teams/" + team)
	b.run(chromedp.Click(`button[aria-label="Remove ann@example.com"]`, chromedp.ByQuery))
	b.run(chromedp.WaitNotPresent(`button[aria-label="Remove ann@example.com"]`, chromedp.ByQuery))
	b.forget() // the question
	count := func(query string) int {
		t.Helper()
		b.visit("/ui/audit?" + query)
		b.healthy("audit " + query)
		return eval[int](b, `document.querySelectorAll("tbody tr").length`)
	}
	all := count("")
	for query, want := range map[string]int{"table_name=teams": 1, "table_name=members&action=created": 2, "table_name=members&action=deleted": 1, "table_name=members": 4, "action=created&table_name=users": 1, "start_date=2001-01-01&end_date=2001-01-02": 0, "changed_by=nobody": 0, "start_date=2001-01-01": all} {
		if n := count(query); n != want {
			t.Errorf("%s: %d entries, want %d", query, n, want)
		}
	}
}

// TestAPageWeighsLittle checks what a browser loads for the heaviest page.
func TestAPageWeighsLittle(t *testing.T) {
	g := start(t, "")
	b := open(t, g, 1440, 900, false)
	b.login(master)
	for _, path := range append(b.links(), extra...) {
		b.visit(path)
		all := eval[[]string](b, `[location.href].concat(performance.getEntriesByType("resource").filter(e => !e.name.includes("/events")).map(e => e.name))`)
		total := 0
		for _, address := range all {
			total += eval[int](b, `fetch("`+address+`").then(r => r.arrayBuffer()).then(b => b.byteLength)`)
		}
		if total > 200_000 {
			t.Errorf("%s: %d bytes in %q", path, total, all)
		}
	}
}
