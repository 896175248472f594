package ui

import (
	"net/http"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// content is what a call has asked and was answered, as texts for people.
type content struct{ Request, Response string }

// longestShown is how much of a request or a response a page shows.
const longestShown = 64 << 10

// readContent adds what the call has asked and was answered, if that is kept and the person may see it. The page is shown
// without it otherwise.
func (x *exchange) readContent(d *callData) {
	if of(x.person.Role)&people == 0 || strings.Contains(d.Row.ID, "/") {
		return
	}
	var got struct {
		Request  jsonx.Raw `json:"proxy_server_request"`
		Response jsonx.Raw `json:"response"`
	}
	if x.call(http.MethodGet, "/spend/logs/ui/"+d.Row.ID, nil, nil, &got) != nil {
		return
	}
	if c := (content{readable(got.Request), readable(got.Response)}); c != (content{}) {
		d.Content = &c
	}
}

// readable is a value as people read it; empty for nothing.
func readable(v jsonx.Raw) string {
	switch v.Kind() {
	case '"':
		text := ""
		if jsonx.Unmarshal(v, &text) != nil {
			return ""
		}
		return llm.Clip(text, longestShown)
	case '{', '[':
		if jsonx.Empty(v) {
			return ""
		}
		shown, err := jsonx.Indent(v)
		if err != nil {
			return ""
		}
		return llm.Clip(string(shown), longestShown)
	default:
		return ""
	}
}
