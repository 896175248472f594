package httpd

import (
	"html"
	"net/http"
	"strings"

	"outcrop/internal/jsonx"
)

// index describes what is served at the root path: as a page for browsers, which request HTML, and
// as JSON for programs. It contains nothing secret, and needs no key.
func (s *server) index(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Vary", "Accept")
	if !strings.Contains(strings.Join(r.Header.Values("Accept"), ","), "text/html") {
		writeJSON(w, http.StatusOK, s.indexJSON())
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(s.indexHTML()) // a client that is gone needs no response
}

func (s *server) indexJSON() []byte {
	var out jsonx.Writer
	out.Object()
	out.Key("name")
	out.String("outcrop")
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
		out.EndObject()
	}
	out.EndArray()
	out.EndObject()
	return out.Buf
}

func (s *server) indexHTML() []byte {
	var b strings.Builder
	b.WriteString(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Outcrop</title>
<style>body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:48rem;padding:0 1rem}td{padding:.1rem 1.5rem .1rem 0;vertical-align:top}code{white-space:nowrap}</style>
<h1>Outcrop</h1>
<p>This is an LLM gateway. Point a client of OpenAI's API at this address with <code>/v1</code> behind it, or an AWS SDK at this address itself.</p>
<table>
`)
	for _, e := range s.endpoints() {
		method, _, _ := strings.Cut(e.pattern, " ")
		path := "<code>" + html.EscapeString(e.path) + "</code>"
		if method == http.MethodGet && !strings.Contains(e.path, "{") {
			path = `<a href="` + html.EscapeString(e.path) + `">` + path + "</a>"
		}
		b.WriteString("<tr><td><code>" + method + "</code><td>" + path + "<td>" + html.EscapeString(e.about) + "\n")
	}
	b.WriteString("</table>\n")
	if s.opt.Gateway.Locked() {
		b.WriteString("<p>Models and calls need the gateway's key, as <code>Authorization: Bearer &lt;key&gt;</code>.</p>\n")
	}
	b.WriteString("</html>\n")
	return []byte(b.String())
}

// health reports which of the listed models can be called, in LiteLLM's form. It calls no model,
// because each check would cost money. So all of them are healthy, or none.
func (s *server) health(w http.ResponseWriter, r *http.Request) {
	status, word, reason := s.state(r.Context())
	healthy, unhealthy, fault := s.models(), []Model(nil), ""
	if status != http.StatusOK {
		healthy, unhealthy, fault = nil, healthy, word
	}
	if reason != nil {
		fault = string(reason.Code) + ": " + reason.Message
	}
	var out jsonx.Writer
	out.Object()
	for _, half := range []struct {
		name   string
		models []Model
	}{{"healthy_endpoints", healthy}, {"unhealthy_endpoints", unhealthy}} {
		out.Key(half.name)
		out.Array()
		for _, m := range half.models {
			out.Object()
			out.Key("model")
			out.String(m.ID)
			if fault != "" {
				out.Key("error")
				out.String(fault)
			}
			out.EndObject()
		}
		out.EndArray()
	}
	out.Key("healthy_count")
	out.Int(int64(len(healthy)))
	out.Key("unhealthy_count")
	out.Int(int64(len(unhealthy)))
	out.EndObject()
	writeJSON(w, status, out.Buf)
}
