package pages

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"outcrop/internal/need"
)

// tab is a page of the browser with cookies of its own.
type tab struct {
	t   *testing.T
	ctx context.Context
	g   *gateway

	mu    sync.Mutex
	wrong []string // what the console and the network have reported
}

// open opens a tab in which nobody has signed in.
func open(t *testing.T, g *gateway, width, height int64, dark bool) *tab {
	t.Helper()
	if browser == nil {
		need.Missing(t, "Chromium is not installed")
	}
	ctx, stop := context.WithTimeout(browser, 5*patience)
	t.Cleanup(stop)
	ctx, quit := chromedp.NewContext(ctx)
	t.Cleanup(quit)
	b := &tab{t: t, ctx: ctx, g: g}
	chromedp.ListenTarget(ctx, b.listen)
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	b.run(network.ClearBrowserCookies(), network.Enable(), log.Enable(), runtime.Enable(), page.Enable(), page.BringToFront(),
		emulation.SetDeviceMetricsOverride(width, height, 1, width < 500),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}))
	return b
}

// listen notes what the browser reports as wrong.
func (b *tab) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError || e.Type == runtime.APITypeWarning {
			b.wrong = append(b.wrong, fmt.Sprintf("console: %s", e.Args[0].Value))
		}
	case *runtime.EventExceptionThrown:
		b.wrong = append(b.wrong, "exception: "+e.ExceptionDetails.Error())
	case *log.EventEntryAdded:
		if e.Entry.Level == log.LevelError || e.Entry.Level == log.LevelWarning {
			b.wrong = append(b.wrong, "log: "+e.Entry.Text+" "+e.Entry.URL)
		}
	case *network.EventLoadingFailed:
		if !e.Canceled && e.Type != network.ResourceTypeEventSource {
			b.wrong = append(b.wrong, "request: "+e.ErrorText)
		}
	case *network.EventResponseReceived:
		if e.Response.Status >= 400 {
			b.wrong = append(b.wrong, fmt.Sprintf("%d %s", int(e.Response.Status), e.Response.URL))
		}
	case *page.EventJavascriptDialogOpening:
		b.wrong = append(b.wrong, "dialog: "+e.Message)
		go func() { _ = chromedp.Run(b.ctx, page.HandleJavaScriptDialog(true)) }() // the tab may be closed meanwhile
	case *target.EventTargetCrashed:
		b.wrong = append(b.wrong, "crashed")
	}
}

// forget returns what was wrong so far, and begins anew.
func (b *tab) forget() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	was := b.wrong
	b.wrong = nil
	return was
}

// run runs actions that must succeed.
func (b *tab) run(actions ...chromedp.Action) {
	b.t.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		b.t.Fatalf("%v; the browser says %q", err, b.forget())
	}
}

// eval evaluates an expression.
func eval[T any](b *tab, expression string) (v T) {
	b.t.Helper()
	b.run(chromedp.Evaluate(expression, &v, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	return v
}

// visit goes to a page.
func (b *tab) visit(path string) {
	b.t.Helper()
	b.run(chromedp.Navigate(b.g.url+path), chromedp.WaitReady("main", chromedp.ByQuery))
}

// until waits until an expression is true.
func (b *tab) until(expression string) {
	b.t.Helper()
	b.run(chromedp.Poll(expression, nil, chromedp.WithPollingTimeout(patience/2)))
}

// login signs in with a key.
func (b *tab) login(key string) {
	b.t.Helper()
	b.visit("/")
	b.run(chromedp.WaitReady("#key", chromedp.ByQuery), chromedp.SendKeys("#key", key, chromedp.ByQuery), chromedp.Submit("#key", chromedp.ByQuery), chromedp.WaitReady("nav", chromedp.ByQuery))
}

// links are the pages of the navigation.
func (b *tab) links() []string {
	b.t.Helper()
	return eval[[]string](b, `[...document.querySelectorAll("nav[aria-label=Pages] a")].map(a => a.getAttribute("href"))`)
}

// picture is the page as it looks.
func (b *tab) picture() []byte {
	b.t.Helper()
	var p []byte
	b.run(chromedp.CaptureScreenshot(&p))
	return p
}

// violations are what axe finds on the page.
func (b *tab) violations() []string {
	b.t.Helper()
	folder := need.Made(b.t, "../sdks/axe/node_modules", "what e2e/sdks/axe asks of Node")
	script, err := os.ReadFile(filepath.Join(folder, "axe-core", "axe.min.js"))
	if err != nil {
		b.t.Fatal(err)
	}
	b.run(chromedp.Evaluate(string(script)+";0", nil))
	return eval[[]string](b, `axe.run().then(r => r.violations.map(v => v.id + ": " + v.help + ": " + v.nodes.map(n => n.html.slice(0, 160) + " " + n.any.map(a => a.message).join(" ")).join(" | ")))`)
}

// healthy checks what every page must be: without errors, no wider than the screen, and without shifts of its layout.
func (b *tab) healthy(path string) {
	b.t.Helper()
	if wrong := b.forget(); len(wrong) > 0 {
		b.t.Errorf("%s: %s", path, strings.Join(wrong, "; "))
	}
	if title := eval[string](b, `(document.querySelector("h1") || {textContent: ""}).textContent.trim()`); title == "" {
		b.t.Errorf("%s has no heading", path)
	}
	if over := eval[int](b, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); over > 0 {
		wide := eval[[]string](b, `[...document.querySelectorAll("main *")].filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll")).slice(0, 4).map(e => e.outerHTML.slice(0, 120))`)
		b.t.Errorf("%s is %d pixels wider than the screen: %q", path, over, wide)
	}
	shifts := eval[struct {
		Sum   float64
		Nodes []string
	}](b, `new Promise(done => { const all = {Sum: 0, Nodes: []}; new PerformanceObserver(l => l.getEntries().forEach(e => { if (e.hadRecentInput) return; all.Sum += e.value; e.sources.forEach(s => all.Nodes.push(s.node && s.node.outerHTML ? s.node.outerHTML.slice(0, 80) : "" + s.node)); })).observe({type: "layout-shift", buffered: true}); setTimeout(() => done(all), 50); })`)
	if shifts.Sum > 0.01 { // a tenth of what the web takes for good
		b.t.Errorf("%s: its layout shifts by %v: %q", path, shifts.Sum, shifts.Nodes)
	}
	// The time depends on the machine, so it is only said: docs/benchmarks.md has those of a quiet one.
	if paint := eval[float64](b, `(performance.getEntriesByName("first-contentful-paint")[0] || {startTime: 0}).startTime`); paint > 0 {
		b.t.Logf("%s: the first content is painted after %.0f ms", path, paint)
	}
}

// has reports whether a list has a text.
func has(all []string, text string) bool { return slices.Contains(all, text) }
