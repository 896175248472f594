package admin

import (
	"bytes"
	"html/template"
	"net/http"
	"strconv"

	"outcrop/httpd/inbound"
)

// pageData is what a page of sign-in shows.
type pageData struct {
	Title, Text string
	// User is who has signed in, and Key the key, which works until Until.
	User, Key, Until string
	// Action is where the code goes, with Token; empty for no form.
	Action, Token string
	// Again is where a sign-in begins; empty if the page does not lead there.
	Again string
}

// signInPage is the one page of sign-in. It loads nothing.
const signInPage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}} - Outcrop</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:4rem auto;padding:0 1rem}code{word-break:break-all}input,button{font:inherit;padding:.4rem .6rem}</style>
<h1>{{.Title}}</h1>
{{if .User}}<p>You are signed in as <b>{{.User}}</b>.</p>{{end}}
{{if .Text}}<p>{{.Text}}</p>{{end}}
{{if .Key}}<p>This is your key. It is shown this once, and works until {{.Until}}:</p><p><code id="key">{{.Key}}</code></p>{{end}}
{{if .Action}}<p>Enter the code that your terminal shows. Do this only if you have begun this sign-in yourself, in your own terminal: whoever knows the code gets a key of yours.</p>
<form method="post" action="{{.Action}}"><input type="hidden" name="token" value="{{.Token}}"><input name="user_code" autocomplete="off" autofocus required aria-label="Code"> <button>Continue</button></form>{{end}}
{{if .Again}}<p><a href="{{.Again}}">Sign in</a></p>{{end}}
</html>
`

// private are headers of answers that nobody else may keep, show within another page, or learn the address of.
func private(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
}

// writePage writes a page.
func writePage(w http.ResponseWriter, status int, data pageData) {
	var out bytes.Buffer
	if err := template.Must(template.New("").Parse(signInPage)).Execute(&out, data); err != nil {
		status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(out.Len()))
	w.WriteHeader(status)
	inbound.WriteWhole(w, out.Bytes())
}
