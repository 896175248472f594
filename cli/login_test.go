package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"outcrop/cli"
)

// signedIn is a gateway that gives the answers, one for each poll.
func signedIn(t *testing.T, answers ...string) (runs func(args ...string) (code int, stdout, stderr string)) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /sso/cli/start", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("a key was sent")
		}
		_, _ = io.WriteString(w, `{"login_id":"cli-abc","poll_secret":"secret","user_code":"ABCD-2345\u001b[2J","expires_in":600}`)
	})
	mux.HandleFunc("GET /sso/cli/poll/{id}", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Litellm-Cli-Poll-Secret") != "secret" || r.PathValue("id") != "cli-abc" || len(answers) == 0 {
			t.Errorf("%s %v", r.URL, r.Header)
		}
		answer := answers[0]
		answers = answers[1:]
		if strings.Contains(answer, "error") {
			w.WriteHeader(http.StatusForbidden)
		}
		_, _ = io.WriteString(w, strings.ReplaceAll(answer, "TEAM", r.URL.Query().Get("team_id")))
	})
	mux.HandleFunc("GET /budget/list", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer sk-of-the-login" {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":{"message":"no","type":"auth_error"}}`)
			return
		}
		_, _ = io.WriteString(w, `[]`)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	home := t.TempDir()
	for name, value := range map[string]string{"HOME": home, "XDG_CONFIG_HOME": filepath.Join(home, "config"), "OUTCROP_URL": s.URL, "OUTCROP_API_KEY": "", "LITELLM_MASTER_KEY": ""} {
		t.Setenv(name, value)
	}
	return func(args ...string) (int, string, string) {
		var stdout, stderr bytes.Buffer
		code := cli.Main(args, &stdout, &stderr)
		return code, stdout.String(), stderr.String()
	}
}

func TestALoginKeepsItsKeyForTheOtherCommands(t *testing.T) {
	runs := signedIn(t, `{"status":"pending"}`, fmt.Sprintf(`{"status":"ready","key":"sk-of-the-login","user_id":"ann","expires":%q,"teams":["TEAM"]}`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339)))
	if code, _, stderr := runs("budgets"); code != 1 || !strings.Contains(stderr, "needs its master key") {
		t.Error(code, stderr)
	}
	if code, _, stderr := runs("login", "--show"); code != 1 || !strings.Contains(stderr, "nobody is logged in") {
		t.Error(code, stderr)
	}
	code, stdout, stderr := runs("login", "--interval=1ms", "--team=rocks")
	if code != 0 || !strings.Contains(stdout, "/sso/key/generate?source=litellm-cli&key=cli-abc") || !strings.Contains(stdout, "ABCD-2345") || !strings.Contains(stdout, "logged in as ann") || strings.Contains(stdout, "sk-of-the-login") || strings.Contains(stdout, "\x1b") {
		t.Error(code, stdout, stderr)
	}
	file := filepath.Join(os.Getenv("XDG_CONFIG_HOME"), "outcrop", "login.json")
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info, err)
	}
	if code, stdout, _ := runs("login", "--show"); code != 0 || stdout != "sk-of-the-login\n" {
		t.Error(code, stdout)
	}
	if code, _, stderr := runs("budgets"); code != 0 {
		t.Error(code, stderr)
	}
	if code, stdout, _ := runs("logout"); code != 0 || !strings.Contains(stdout, "forgotten") {
		t.Error(code, stdout)
	}
	if code, stdout, _ := runs("logout"); code != 0 || !strings.Contains(stdout, "Nobody is logged in") {
		t.Error(code, stdout)
	}
	text, err := os.ReadFile(file)
	if err != nil || strings.Contains(string(text), "sk-") || !json.Valid(text) {
		t.Error(string(text), err)
	}
}

func TestALoginThatFailsSaysWhy(t *testing.T) {
	for answer, want := range map[string]string{
		`{"status":"ready","user_id":"ann","teams":["rocks","sands"],"requires_team_selection":true}`: "you are in several teams: rocks, sands",
		`{"error":{"message":"User does not belong to team: x.","type":"auth_error"}}`:                "the gateway refuses the key: User does not belong to team: x",
		`{"status":"ready"}`: "is not an Outcrop gateway",
		`nonsense`:           "is not an Outcrop gateway",
	} {
		runs := signedIn(t, answer)
		if code, _, stderr := runs("login", "--interval=1ms"); code != 1 || !strings.Contains(stderr, want) || !strings.Contains(stderr, "hint:") {
			t.Errorf("%s: %d %s", answer, code, stderr)
		}
	}
	runs := signedIn(t, `{"status":"ready","key":"sk-of-the-login","user_id":"ann","expires":"2020-01-01T00:00:00.000Z"}`)
	if code, _, stderr := runs("login", "--interval=1ms"); code != 0 {
		t.Error(stderr)
	}
	if code, _, stderr := runs("login", "--show"); code != 1 || !strings.Contains(stderr, "the key has ended") {
		t.Error(code, stderr)
	}
}
