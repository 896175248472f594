package httpd

import (
	"html"
	"net/http"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
)

// index describes what is served at the root path: as a page for browsers, which request HTML, and
// as JSON for programs. It contains nothing secret, and needs no key. If there are pages for people, browsers are led there,
// and find the index page by /?paths.
func (s *server) index(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Vary", "Accept")
	if !strings.Contains(strings.Join(r.Header.Values("Accept"), ","), "text/html") {
		writeJSON(w, http.StatusOK, s.indexJSON())
		return
	}
	if s.opt.Pages != "" && r.URL.RawQuery != "paths" {
		http.Redirect(w, r, s.opt.Pages, http.StatusSeeOther)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(s.indexHTML(addressOf(r))) // a client that is gone needs no response
}

func (s *server) indexJSON() []byte {
	var out jsonx.Writer
	out.Object()
	out.Key("name")
	out.String("outcrop")
	if s.opt.Version != "" {
		out.Key("version")
		out.String(s.opt.Version)
	}
	out.Key("endpoints")
	out.Array()
	for _, e := range s.endpoints() {
		method, _, _ := strings.Cut(e.pattern, " ")
		out.Object()
		out.Key("method")
		out.String(method)
		out.Key("path")
		out.String(e.path)
		out.Key("about")
		out.String(e.about)
		out.Key("needs_key")
		out.Bool(e.keyed && s.opt.Gateway.Locked())
		out.EndObject()
	}
	out.EndArray()
	out.EndObject()
	return out.Buf
}

// addressOf returns the URL of the host that a request was sent to, for a command line to copy into
// a shell. It ignores a Host header with any character that a host and port do not have.
func addressOf(r *http.Request) string {
	host := r.Host
	if host == "" || strings.Trim(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]") != "" {
		host = "127.0.0.1:4000"
	}
	if r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		return "https://" + host
	}
	return "http://" + host
}

// indexStyle keeps the page from scrolling sideways: on a narrow screen, the rows of the table become
// blocks.
const indexStyle = `body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:56rem;padding:0 1rem}` +
	`td,th{padding:.1rem 1rem .1rem 0;vertical-align:top;text-align:left}code,pre{overflow-wrap:anywhere}` +
	`pre{white-space:pre-wrap;background:#8882;padding:.75rem;border-radius:.3rem}` +
	`@media(max-width:40rem){thead{display:none}tr{display:block;padding:.4rem 0}td{display:inline;padding-right:.5rem}td:nth-child(3){display:block}}`

// quoted returns a text as a JSON string within a shell's single quotes.
func quoted(text string) string {
	var w jsonx.Writer
	w.String(text)
	return strings.ReplaceAll(string(w.Buf), "'", `'\''`)
}

func (s *server) indexHTML(address string) []byte {
	locked := s.opt.Gateway.Locked()
	auth := ""
	if locked {
		auth = ` -H "Authorization: Bearer $LITELLM_MASTER_KEY"`
	}
	sample, copied := "MODEL", "copy this line and replace MODEL with a name"
	if s.opt.Sample != "" && !locked { // names are for those with the key
		sample, copied = s.opt.Sample, "copy this line, in which "+s.opt.Sample+" can be any name"
	}
	curl := "curl " + address + "/v1/chat/completions -H 'Content-Type: application/json'" + auth + ` -d '{"model":` + quoted(sample) + `,"messages":[{"role":"user","content":"Hello"}]}'`
	var b strings.Builder
	b.WriteString(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Outcrop</title>
<style>` + indexStyle + `</style>
<h1>Outcrop ` + html.EscapeString(s.opt.Version) + `</h1>
<p>This is an LLM gateway. Set the base URL of an OpenAI client to <code>` + html.EscapeString(address) + `/v1</code>, that of a client of Anthropic, of Gemini or of AWS to <code>` + html.EscapeString(address) + `</code>, or ` + html.EscapeString(copied) + ` that <a href="/v1/models"><code>/v1/models</code></a> lists:</p>
<pre>` + html.EscapeString(curl) + `</pre>
`)
	if locked {
		b.WriteString("<p>Paths marked with “key” need the gateway's key, as <code>Authorization: Bearer &lt;key&gt;</code>.</p>\n")
	} else {
		b.WriteString("<p>No path needs a key.</p>\n")
	}
	groups := []string{""}
	in := map[string][]endpoint{}
	for _, e := range s.endpoints() {
		if in[e.group] == nil && e.group != "" {
			groups = append(groups, e.group)
		}
		in[e.group] = append(in[e.group], e)
	}
	for _, group := range groups {
		if group == "" {
			writeTable(&b, in[group], locked)
			continue
		}
		b.WriteString("<details><summary>" + html.EscapeString(group) + ": " + strconv.Itoa(len(in[group])) + " paths</summary>\n")
		writeTable(&b, in[group], locked)
		b.WriteString("</details>\n")
	}
	b.WriteString("</html>\n")
	return []byte(b.String())
}

// writeTable writes the table of some endpoints.
func writeTable(b *strings.Builder, endpoints []endpoint, locked bool) {
	b.WriteString("<table>\n<thead><tr><th>Method<th>Path<th>What it does<th></thead>\n")
	for _, e := range endpoints {
		method, _, _ := strings.Cut(e.pattern, " ")
		path := "<code>" + html.EscapeString(e.path) + "</code>"
		if method == http.MethodGet && !strings.Contains(e.path, "{") {
			path = `<a href="` + html.EscapeString(e.path) + `">` + path + "</a>"
		}
		key := ""
		if locked && e.keyed {
			key = "key"
		}
		b.WriteString("<tr><td><code>" + method + "</code><td>" + path + "<td>" + html.EscapeString(e.about) + "<td>" + key + "\n")
	}
	b.WriteString("</table>\n")
}
