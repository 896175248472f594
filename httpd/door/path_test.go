package door_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"outcrop/httpd/door"
)

func TestAPathsModelMayHaveSlashes(t *testing.T) {
	for path, want := range map[string]string{
		"/v1/audio/speech":                                  "",
		"/openai/deployments/gpt/audio/speech":              "gpt",
		"/openai/deployments/bedrock/a%2Fb/audio/speech":    "bedrock/a/b",
		"/engines/a:b/audio/speech":                         "a:b",
		"/openai/deployments/chat/completions/audio/speech": "chat/completions",
	} {
		r := httptest.NewRequest(http.MethodPost, path, nil)
		if got := door.PathModel(r, "/audio/speech"); got != want || door.PathOwned(r.URL.Path, "/audio/speech") != true {
			t.Errorf("%s: %q", path, got)
		}
	}
	for _, path := range []string{"/audio", "/v1/audio/speech/x", "/v2/audio/speech", "/openai/deployments//audio", "/openai/deployments/audio/speech"} {
		if door.PathOwned(path, "/audio/speech") {
			t.Errorf("%s is one", path)
		}
	}
}
