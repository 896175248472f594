package ui

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"outcrop/httpd/inbound"
	"outcrop/llm"
)

//go:embed static
var staticFiles embed.FS

//go:embed templates
var templateFiles embed.FS

// asset is a file that pages load.
type asset struct {
	kind string
	text []byte
	// version changes with the file, so that browsers can keep it for ever.
	version string
}

// assets reads the files that pages load, by name, once for the process.
var assets = sync.OnceValues(func() (map[string]asset, error) {
	all := map[string]asset{}
	entries, err := fs.ReadDir(staticFiles, "static")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		text, err := staticFiles.ReadFile("static/" + e.Name())
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(text)
		kind := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}[path.Ext(e.Name())]
		all[e.Name()] = asset{cmp.Or(kind, "text/plain; charset=utf-8"), text, hex.EncodeToString(sum[:6])}
	}
	return all, nil
})

// static serves a file that pages load. They have nothing of the gateway, so nobody needs to have signed in.
func (h *Handler) static(w http.ResponseWriter, r *http.Request) {
	all, err := assets()
	f, ok := all[r.PathValue("name")]
	if err != nil || !ok {
		http.NotFound(w, r)
		return
	}
	head := w.Header()
	head.Set("Cache-Control", "no-cache")
	if r.URL.Query().Get("v") == f.version {
		head.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	head.Set("Content-Type", f.kind)
	head.Set("Content-Length", strconv.Itoa(len(f.text)))
	w.WriteHeader(http.StatusOK)
	inbound.WriteWhole(w, f.text)
}

// assetURL is the address of a file that pages load.
func assetURL(name string) (string, error) {
	all, err := assets()
	return Path + "/static/" + name + "?v=" + all[name].version, err
}

// parse reads the templates: each page with the layout and the parts that several pages have.
func (h *Handler) parse() (map[string]*template.Template, error) {
	base, err := template.New("").Funcs(template.FuncMap{
		"asset": assetURL, "ago": h.ago, "took": took, "usd": usd, "usdof": dollars, "callrows": rowsHTML, "num": num, "clock": clock, "stamp": stamp, "join": strings.Join,
	}).ParseFS(templateFiles, "templates/layout.html", "templates/parts.html")
	if err != nil {
		return nil, err
	}
	files, err := fs.Glob(templateFiles, "templates/page-*.html")
	if err != nil {
		return nil, err
	}
	pages := map[string]*template.Template{}
	for _, file := range files {
		own, err := base.Clone()
		if err != nil {
			return nil, err
		}
		if own, err = own.ParseFS(templateFiles, file); err != nil {
			return nil, err
		}
		pages[strings.TrimSuffix(strings.TrimPrefix(path.Base(file), "page-"), ".html")] = own
	}
	return pages, nil
}

// shown is what the layout shows.
type shown struct {
	Title   string
	Section string
	Nav     []link
	Person  *Person
	CSRF    string
	// Open is whether nobody needs to sign in.
	Open              bool
	Version           string
	Emulated          bool
	Body              any
	Here, RequestedBy string
}

// link is an entry of the navigation.
type link struct {
	Path, Title string
	Here        bool
}

// nav are the pages that the person may see.
func (x *exchange) nav() []link {
	if x.person.Role == "" {
		return nil
	}
	var all []link
	titles := []link{
		{"", "First steps", false},
		{"/logs", "Logs", false},
		{"/models", "Models", false},
		{"/playground", "Playground", false},
		{"/usage", "Usage", false},
		{"/refusals", "Refusals", false},
		{"/keys", "Keys", false},
		{"/teams", "Teams", false},
		{"/users", "Users", false},
		{"/customers", "Customers", false},
		{"/budgets", "Budgets", false},
		{"/audit", "Audit", false},
	}
	for _, l := range titles {
		for _, r := range routes() {
			if r.pattern == "GET "+Path+l.Path && r.who&of(x.person.Role) != 0 {
				l.Path = Path + l.Path
				at := x.r.URL.Path
				l.Here = at == l.Path || l.Path != Path && strings.HasPrefix(at, l.Path+"/")
				all = append(all, l)
			}
		}
	}
	return all
}

// show writes a page.
func (x *exchange) show(status int, name, title string, body any) error {
	s := shown{Title: title, Section: name, Nav: x.nav(), Open: x.h.opt.Master == "", Version: x.h.opt.Version, Emulated: x.h.opt.Emulated, Body: body}
	if s.Nav != nil {
		s.Person, s.CSRF = &x.person, x.h.token(&x.session)
	}
	return x.execute(status, name, "layout", &s)
}

// part writes a part of a page.
func (x *exchange) part(page, name string, body any) error {
	return x.execute(http.StatusOK, page, name, body)
}

func (x *exchange) execute(status int, page, name string, body any) error {
	pages, err := x.h.pages()
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := pages[page].ExecuteTemplate(&out, name, body); err != nil {
		return err
	}
	h := x.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(out.Len()))
	x.w.WriteHeader(status)
	inbound.WriteWhole(x.w, out.Bytes())
	return nil
}

// fail writes an error: as a page, or in place of a part of one.
func (x *exchange) fail(err error) error {
	e := x.asError(err)
	if x.r != nil && x.r.Header.Get("Hx-Request") != "" {
		return x.execute(e.Status, "error", "notice", e)
	}
	if x.r == nil {
		return x.execute(e.Status, "error", "layout", &shown{Title: http.StatusText(e.Status), Section: "error", Version: x.h.opt.Version, Body: e})
	}
	return x.show(e.Status, "error", http.StatusText(e.Status), e)
}

// ago is how long a time is past.
func (h *Handler) ago(t time.Time) string {
	d := h.opt.Now().Sub(t)
	switch {
	case t.IsZero():
		return "never"
	case d < time.Minute:
		return strconv.Itoa(max(0, int(d.Seconds()))) + " s ago"
	case d < time.Hour:
		return strconv.Itoa(int(d.Minutes())) + " min ago"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d.Hours())) + " h ago"
	default:
		return t.UTC().Format(time.DateOnly)
	}
}

// clock is a time of day, and stamp a whole time, in UTC.
func clock(t time.Time) string { return t.UTC().Format("15:04:05") }

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000 MST") }

// took is a duration for people.
func took(d time.Duration) string {
	switch {
	case d <= 0:
		return "–"
	case d < 10*time.Millisecond:
		return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', 2, 64) + " ms"
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	case d < time.Minute:
		return strconv.FormatFloat(d.Seconds(), 'f', 2, 64) + " s"
	default:
		return d.Round(time.Second).String()
	}
}

// usd is an amount of money for people.
func usd(c llm.Opt[llm.Cost]) string {
	if !c.Set {
		return "–"
	}
	return dollars(c.Value.USD())
}

// dollars is an amount of US dollars with four significant digits below one dollar, and two decimals above.
func dollars(v float64) string {
	switch {
	case v == 0:
		return "$0"
	case v < 1 && v > -1:
		return "$" + strings.TrimRight(strconv.FormatFloat(v, 'f', 6, 64), "0")
	default:
		return "$" + grouped(strconv.FormatFloat(v, 'f', 2, 64))
	}
}

// num is a number with its thousands apart.
func num(n int64) string { return grouped(strconv.FormatInt(n, 10)) }

func grouped(text string) string {
	whole, rest, point := strings.Cut(text, ".")
	var b strings.Builder
	for i, c := range whole {
		if left := len(whole) - i; i > 0 && left%3 == 0 && whole[i-1] != '-' {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	if point {
		b.WriteString("." + rest)
	}
	return b.String()
}
