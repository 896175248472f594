package e2e

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"outcrop/e2e/roughbedrock"
	"outcrop/internal/jsonx"
	"outcrop/wire/eventstream"
)

// arrived is a request that has come to Bedrock.
type arrived struct {
	path string
	body string
	// beside is what of the headers is compared: as whom and for which region the
	// request is signed, or its bearer token, and what callers add.
	beside map[string]string
}

// assumed is a request for a role's session that has come to STS.
type assumed struct {
	action, role, session, policy string
	key                           string // that it is signed with
}

// answering is a Bedrock that takes every request and answers as it is told. Beside
// it lie the files that requests give the addresses of, and an STS.
type answering struct {
	url string
	// hold, if it is not nil, is what STS waits for before it answers; held is told
	// of each wait.
	hold, held chan struct{}

	mu       sync.Mutex
	answer   string
	all      []arrived
	sessions []assumed
}

func startAnswering(t *testing.T) *answering {
	t.Helper()
	a := &answering{}
	s := httptest.NewServer(a)
	t.Cleanup(s.Close)
	a.url = s.URL
	return a
}

func (a *answering) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	escaped := strings.TrimPrefix(r.URL.EscapedPath(), "/elsewhere") // an address that requests name
	switch {
	case strings.HasPrefix(escaped, "/model/"):
		a.converse(w, r, escaped, string(body))
	case strings.HasPrefix(escaped, "/files/"):
		serveFile(w, path.Base(r.URL.Path))
	case escaped == "/":
		a.serveSession(w, r, string(body))
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (a *answering) converse(w http.ResponseWriter, r *http.Request, escaped, body string) {
	a.mu.Lock()
	a.all = append(a.all, arrived{r.URL.EscapedPath(), body, besideBody(r)})
	name, forced := a.answer, forcedTool(body)
	a.mu.Unlock()
	if name == "forced" && forced == "" { // there is no tool to call
		name = "json"
	}
	answer, tool := bedrockAnswers()[name], strings.NewReplacer("FORCED", forced)
	if strings.HasSuffix(escaped, "/converse-stream") {
		w.Header().Set("Content-Type", eventstream.MediaType)
		for _, e := range answer.events {
			kind, payload, _ := strings.Cut(e, " ")
			_, _ = w.Write(roughbedrock.Event(kind, tool.Replace(payload))) // a client that has gone needs no more
		}
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, tool.Replace(answer.whole)) // as above
}

// besideBody gives what of a request's headers is compared.
func besideBody(r *http.Request) map[string]string {
	beside := map[string]string{}
	authorization := r.Header.Get("Authorization")
	if token, ok := strings.CutPrefix(authorization, "Bearer "); ok {
		beside["(bearer)"] = token
	}
	if _, scope, ok := strings.Cut(authorization, "Credential="); ok {
		parts := strings.Split(scope+"////", "/")
		beside["(key)"], beside["(region)"] = parts[0], parts[2]
	}
	for _, name := range []string{"X-Amz-Security-Token", "Anthropic-Beta", "X-Quarry"} {
		if v := r.Header.Get(name); v != "" {
			beside["("+strings.ToLower(name)+")"] = v
		}
	}
	return beside
}

// forcedTool is the name of the tool that a request makes the model call, or else
// its last tool: the two gateways call the one for JSON differently.
func forcedTool(body string) string {
	var v struct {
		ToolConfig struct {
			Tools []struct {
				ToolSpec struct {
					Name string `json:"name"`
				} `json:"toolSpec"`
			} `json:"tools"`
			ToolChoice struct {
				Tool struct {
					Name string `json:"name"`
				} `json:"tool"`
			} `json:"toolChoice"`
		} `json:"toolConfig"`
	}
	if jsonx.Unmarshal([]byte(body), &v) != nil {
		return ""
	}
	name := v.ToolConfig.ToolChoice.Tool.Name
	if tools := v.ToolConfig.Tools; name == "" && len(tools) > 0 {
		name = tools[len(tools)-1].ToolSpec.Name
	}
	return name
}

// Files of requests, in base64: a pixel in every form, and a page without a text.
const (
	pixelPNG  = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
	pixelJPEG = "/9j/4AAQSkZJRgABAQEASABIAAD/2Q=="
	pixelGIF  = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
	pixelWebP = "UklGRiQAAABXRUJQVlA4IBgAAAAwAQCdASoBAAEAAgA0JaQAA3AA/vuUAAA="
	pagePDF   = "JVBERi0xLjQKMSAwIG9iago8PC9UeXBlL0NhdGFsb2c+PgplbmRvYmoKdHJhaWxlcgo8PC9Sb290IDEgMCBSPj4KJSVFT0YK"
)

// serveFile gives a file to whoever fetches it.
func serveFile(w http.ResponseWriter, name string) {
	var mediaType, text string
	switch name {
	case "granite.png":
		mediaType, text = "image/png", pixelPNG
	case "granite.jpeg":
		mediaType, text = "image/png", pixelJPEG // the server is wrong
	case "paper.pdf", "paper":
		mediaType, text = "application/pdf", pagePDF
	case "page.html":
		mediaType, text = "text/html; charset=utf-8", base64.StdEncoding.EncodeToString([]byte("<!doctype html><p>Granite.</p>"))
	default:
		w.WriteHeader(http.StatusNotFound)
		return
	}
	content, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		panic(err) // it is one of ours
	}
	w.Header().Set("Content-Type", mediaType)
	_, _ = w.Write(content) // whoever has gone needs no file
}

// serveSession is STS: the key of a role's session tells what it was assumed with.
func (a *answering) serveSession(w http.ResponseWriter, r *http.Request, form string) {
	values, err := url.ParseQuery(form)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	action := values.Get("Action")
	result := `<Arn>arn:aws:iam::111122223333:user/gateway</Arn><UserId>AIDA</UserId><Account>111122223333</Account>`
	if strings.HasPrefix(action, "AssumeRole") {
		a.mu.Lock()
		a.sessions = append(a.sessions, assumed{action, values.Get("RoleArn"), values.Get("RoleSessionName"), values.Get("Policy"), besideBody(r)["(key)"]})
		a.mu.Unlock()
		if a.hold != nil {
			a.held <- struct{}{}
			<-a.hold
		}
		result = fmt.Sprintf(`<Credentials><AccessKeyId>ASIA-%s-%s-%s</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser><Arn>arn:aws:sts::111122223333:assumed-role/x/y</Arn><AssumedRoleId>AROA:y</AssumedRoleId></AssumedRoleUser>`,
			path.Base(values.Get("RoleArn")), values.Get("RoleSessionName"), values.Get("ExternalId"))
	}
	w.Header().Set("Content-Type", "text/xml")
	_, _ = fmt.Fprintf(w, `<%sResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><%sResult>%s</%sResult></%sResponse>`, action, action, result, action, action) // whoever has gone needs no session
}

// expect sets the next answers and forgets what has come.
func (a *answering) expect(answer string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if answer == "" {
		answer = "text"
	}
	a.answer, a.all = answer, nil
}

func (a *answering) came() []arrived {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.all)
}

// assumed gives the sessions that STS was asked for.
func (a *answering) assumed() []assumed {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.sessions)
}
