package pages

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// extra are pages that the navigation does not have.
var extra = []string{"/ui/logs/earlier", "/ui/usage?by=key", "/ui/usage?by=region", "/ui/usage?by=team", "/ui/audit?action=created&table_name=keys", "/ui/keys?key_alias=ann-laptop"}

func TestEveryPageShowsWhatThereIs(t *testing.T) {
	for _, database := range []string{"SQLite", "PostgreSQL"} {
		for _, calls := range []string{"without calls", "with calls"} {
			t.Run(database+" "+calls, func(t *testing.T) {
				address := ""
				if database == "PostgreSQL" {
					address = postgresOf(t)
				}
				g := start(t, address)
				viewer := g.viewer()
				if calls == "with calls" {
					g.traffic()
				}
				for role, key := range map[string]string{"operator": master, "viewer": viewer} {
					b := open(t, g, 1440, 900, false)
					b.login(key)
					links := b.links()
					for _, page := range []string{"/ui", "/ui/logs", "/ui/models", "/ui/usage", "/ui/refusals", "/ui/keys", "/ui/teams", "/ui/users", "/ui/customers", "/ui/budgets", "/ui/audit"} {
						if !has(links, page) {
							t.Errorf("%s: the navigation lacks %s: %q", role, page, links)
						}
					}
					if has(links, "/ui/playground") != (role == "operator") {
						t.Errorf("%s: %q", role, links)
					}
					paths := append(links, extra...)
					if g.team != "" {
						paths = append(paths, "/ui/teams/"+g.team)
					}
					for _, path := range paths {
						b.visit(path)
						if path == "/ui" {
							b.until(`!document.querySelector("#doctor progress")`)
						}
						b.healthy(role + " " + path)
					}
				}
			})
		}
	}
}

// The browser lays a page out as far as it has come, so a table whose rows come later, or a machine that is busy, must not move what is there.
func TestAPageThatComesSlowlyDoesNotShift(t *testing.T) {
	g := start(t, "")
	g.traffic()
	b := open(t, g, 1440, 900, false)
	b.login(master)
	paths := append(b.links(), extra...)
	b.run(chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := network.EmulateNetworkConditionsByRule(false, []*network.Conditions{{DownloadThroughput: 10 << 10, UploadThroughput: -1}}).Do(ctx) // 10 KB a second
		return err
	}))
	for _, path := range append(paths, "/ui/teams/"+g.team) {
		b.visit(path)
		if path == "/ui" {
			b.until(`!document.querySelector("#doctor progress")`)
		}
		b.healthy(path)
	}
}

// Each page looks as it should on a screen and on a phone, in the light and in the dark, and axe finds nothing.
func TestThePagesAreForEverybodysEyes(t *testing.T) {
	g := start(t, "")
	g.traffic()
	for _, look := range []struct {
		name          string
		width, height int64
		dark, axe     bool // axe looks at each page once, and at colours once in the light and once in the dark
	}{{"wide-light", 1440, 900, false, true}, {"phone-dark", 390, 844, true, true}, {"wide-dark", 1440, 900, true, false}, {"phone-light", 390, 844, false, false}} {
		t.Run(look.name, func(t *testing.T) {
			b := open(t, g, look.width, look.height, look.dark)
			show := func(name string) {
				t.Helper()
				b.healthy(look.name + " " + name)
				write(t, look.name+"-"+name, b.picture())
				if look.axe {
					for _, v := range b.violations() {
						t.Errorf("%s: %s", name, v)
					}
				}
			}
			b.visit("/ui/login")
			show("login")
			b.login(master)
			for _, path := range b.links() {
				b.visit(path)
				if path == "/ui" {
					b.until(`!document.querySelector("#doctor progress")`)
				}
				if path == "/ui/logs" {
					b.until(`document.querySelector("[data-state]").textContent === "Live"`)
				}
				show(strings.ReplaceAll(strings.TrimPrefix(path, "/"), "/", "-"))
			}
			b.visit("/ui/teams/" + g.team)
			b.run(chromedp.Click(".pop summary", chromedp.ByQuery))
			show("team")
			b.visit("/ui/usage?by=region")
			show("usage-region")
			b.run(chromedp.ScrollIntoView("[aria-label=Budgets]", chromedp.ByQuery))
			show("usage-budgets")
			b.visit("/ui/logs/earlier")
			b.until(`document.querySelectorAll("#found [data-id]").length > 20`)
			show("earlier")
			b.visit("/ui/logs?key=search")
			b.run(chromedp.Click("[data-rows] a", chromedp.ByQuery), chromedp.WaitReady(".fall", chromedp.ByQuery))
			show("call")
			b.visit("/ui/logs?code=model.unknown")
			b.run(chromedp.Click("[data-rows] a", chromedp.ByQuery), chromedp.WaitReady(".problem", chromedp.ByQuery))
			show("failed")
			b.visit("/ui")
			b.until(`!document.querySelector("#doctor progress")`)
			b.run(chromedp.Click("#doctor button", chromedp.ByQuery))
			b.until(`!document.querySelector("#doctor progress") && document.querySelector("#doctor h2").textContent !== "Checking…" && document.querySelector("#doctor [aria-label='Models that were called']")`)
			show("doctor")
			b.visit("/ui/models")
			b.run(chromedp.SendKeys("form[action='/ui/models/way'] [name=id]", "claude-sonnet-5", chromedp.ByQuery), chromedp.Click("form[action='/ui/models/way'] button", chromedp.ByQuery), chromedp.WaitVisible(".steps", chromedp.ByQuery), chromedp.ScrollIntoView(".steps", chromedp.ByQuery))
			show("way")
			b.visit("/ui/playground")
			b.run(chromedp.SendKeys("#prompt", "What is granite?", chromedp.ByQuery), chromedp.Click("#ask .primary", chromedp.ByQuery))
			b.until(`document.querySelector(".figures").textContent.includes("tokens/s")`)
			show("chat")
		})
	}
}

func TestCallsAppearAsTheyEndAndFiltersHold(t *testing.T) {
	g := start(t, "")
	b := open(t, g, 1440, 900, false)
	b.login(master)
	b.visit("/ui/logs")
	b.until(`document.querySelector("[data-state]").textContent === "Live"`)
	g.hello(master, "nova-lite", true)
	b.until(`document.querySelectorAll("[data-rows] tr").length === 1`)
	g.hello(master, "no-such-model", false)
	b.until(`document.querySelectorAll("[data-rows] tr").length === 2`)
	b.run(chromedp.SendKeys("[name=model]", "nova", chromedp.ByQuery))
	b.until(`document.querySelectorAll("[data-rows] tr").length === 1`)
	b.until(`document.querySelector("[data-state]").textContent === "Live"`)
	g.hello(master, "no-such-model", false)
	g.hello(master, "nova-lite", false)
	b.until(`document.querySelectorAll("[data-rows] tr").length === 2`)
	if rows := eval[string](b, `document.querySelector("[data-rows]").textContent`); strings.Contains(rows, "no-such-model") {
		t.Error(rows)
	}
	b.run(chromedp.Click("[data-rows] a", chromedp.ByQuery), chromedp.WaitReady(".fall", chromedp.ByQuery))
	if text := eval[string](b, `document.querySelector("main").textContent`); !strings.Contains(text, "nova-lite") || !strings.Contains(text, "us-east-1") || !strings.Contains(text, "answered") {
		t.Error(text)
	}
	b.healthy("one call")
}

func TestAKeyIsMadeShownOnceLimitedBlockedAndRotated(t *testing.T) {
	g := start(t, "")
	b := open(t, g, 1440, 900, false)
	b.login(master)
	b.visit("/ui/keys")
	b.run(chromedp.Click("main > details > summary", chromedp.ByQuery), chromedp.SendKeys("main > details [name=key_alias]", "ann", chromedp.ByQuery), chromedp.Submit("main > details [name=key_alias]", chromedp.ByQuery), chromedp.WaitReady(".once code", chromedp.ByQuery))
	key := eval[string](b, `document.querySelector(".once code").textContent`)
	if status := g.hello(key, "nova-lite", false); status != http.StatusOK {
		t.Fatal(status)
	}
	b.visit("/ui/keys")
	if page := eval[string](b, `document.documentElement.outerHTML`); strings.Contains(page, key) || !strings.Contains(page, "ann") {
		t.Error("the key is shown again, or its name is not")
	}
	act := func(name string) {
		t.Helper()
		b.run(chromedp.Click(`form[action="/ui/keys/`+name+`"] button`, chromedp.ByQuery))
	}
	act("block")
	b.run(chromedp.WaitReady("form[action='/ui/keys/unblock']", chromedp.ByQuery))
	if status := g.hello(key, "nova-lite", false); status == http.StatusOK {
		t.Error("a blocked key works")
	}
	act("unblock")
	b.run(chromedp.WaitReady("form[action='/ui/keys/block']", chromedp.ByQuery))
	b.run(chromedp.Click(".pop summary", chromedp.ByQuery), chromedp.SendKeys(".pop [name=models]", "nova-micro", chromedp.ByQuery), chromedp.Submit(".pop [name=models]", chromedp.ByQuery))
	b.run(chromedp.WaitReady("input[name=was_models][value=nova-micro]", chromedp.ByQuery))
	if status := g.hello(key, "nova-lite", false); status == http.StatusOK {
		t.Error("a key may call what it was not given")
	}
	if wrong := b.forget(); len(wrong) > 0 {
		t.Error(wrong)
	}
	act("rotate")
	b.run(chromedp.WaitReady(".once code", chromedp.ByQuery))
	if next := eval[string](b, `document.querySelector(".once code").textContent`); next == key || g.hello(key, "nova-micro", false) == http.StatusOK || g.hello(next, "nova-micro", false) != http.StatusOK {
		t.Error("the key was not rotated")
	}
	if wrong := b.forget(); len(wrong) != 1 || !strings.HasPrefix(wrong[0], "dialog: The old key ends") {
		t.Errorf("nobody was asked: %q", wrong)
	}
	b.visit("/ui/audit")
	if text := eval[string](b, `document.querySelector("main").textContent`); !strings.Contains(text, "/key/generate") || !strings.Contains(text, "/key/block") {
		t.Error(text)
	}
}
