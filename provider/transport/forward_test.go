package transport

import (
	"net/http"
	"net/url"
	"testing"

	"outcrop/llm"
)

func TestAPathStaysBelowItsRoot(t *testing.T) {
	for _, tt := range []struct{ root, path, query, want string }{
		{"https://h/v1", "/v1/models", "a=b", "https://h/v1/models?a=b"},
		{"https://h/v1", "/models/", "", "https://h/v1/models/"},
		{"https://h/openai/v1", "/openai/v1/models", "", "https://h/openai/v1/models"},
		{"https://h/openai/v1", "/v1/models", "", "https://h/openai/v1/models"},
		{"https://h", "//v1//a%2Fb", "", "https://h/v1/a%2Fb"},
		{"https://h/a?k=v", "/x", "y=1", "https://h/a/x?k=v&y=1"},
		{"https://h", "/@evil.example/x", "", "https://h/@evil.example/x"},
		{"https://h", "/models/gemini-2.5-pro:generateContent", "", "https://h/models/gemini-2.5-pro:generateContent"},
		{"https://h", "/a..b/...", "", "https://h/a..b/..."},
	} {
		root, err := url.Parse(tt.root)
		if err != nil {
			t.Fatal(err)
		}
		got, err := below(root, tt.path, tt.query, false)
		if err != nil || got.String() != tt.want {
			t.Errorf("%s below %s: %v %v", tt.path, tt.root, got, err)
		}
	}
	root := &url.URL{Scheme: "https", Host: "h", Path: "/team/v1"}
	for _, path := range []string{"/..", "/a/../b", "/.", "/%2e%2e/a", "/%2E./a", "/..%2fa", "/..%5Ca", "/a\\b", "/%252e%252e", "/%25252e%25252e", "/a%00", "/a%0Ab", "/a%3fb", "/a%23b", "/%zz"} {
		if got, err := below(root, path, "", false); err == nil || llm.AsError(err).Status != http.StatusBadRequest {
			t.Errorf("%s is %s", path, got)
		}
	}
	for _, query := range []string{"a b", "a#b", "a\r\nb", "ä"} {
		if got, err := below(root, "/x", query, false); err == nil {
			t.Errorf("%q is %s", query, got)
		}
	}
}

func TestHeadersOfTheConnectionAreNotTheClients(t *testing.T) {
	for name, want := range map[string]bool{
		"Content-Type": true, "Retry-After": true, "X-Ratelimit-Limit-Requests": true, "Request-Id": true, "Location": true,
		"Connection": false, "Transfer-Encoding": false, "Set-Cookie": false, "X-Hop": false, "Access-Control-Allow-Origin": false, "X-Outcrop-Target": false, "X-Request-Id": false, "Www-Authenticate": false,
	} {
		if forClient(name, []string{"close, x-hop"}) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}
