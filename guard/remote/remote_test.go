package remote_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"outcrop/guard"
	"outcrop/guard/remote"
	"outcrop/upstream"
)

// TestARedirectionIsNotFollowed: texts and keys go to the address that the operator has set, and to no other.
func TestARedirectionIsNotFollowed(t *testing.T) {
	reached := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer other.Close()
	first := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	}))
	defer first.Close()
	client := upstream.New()
	defer client.CloseIdle()
	s, err := remote.New("the service", client, first.URL, http.Header{"X-Api-Key": {"secret"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := remote.Ask[struct{}](t.Context(), s, []byte(`{}`)); err == nil || reached || errors.Is(err, guard.ErrUnreachable) {
		t.Errorf("%v, the other was reached: %t", err, reached)
	}
}

func TestErrorsDoNotShowWhatWasSentOrAnswered(t *testing.T) {
	answer := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if answer == "" {
			w.WriteHeader(http.StatusForbidden)
		}
		_, _ = io.WriteString(w, "SECRET"+answer)
	}))
	defer server.Close()
	client := upstream.New()
	defer client.CloseIdle()
	s, err := remote.New("the service", client, server.URL+"/?key=SECRET", http.Header{"X-Api-Key": {"SECRET"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, answer = range []string{"", "{"} {
		if _, err := remote.Ask[struct{}](t.Context(), s, []byte(`{"text":"SECRET"}`)); err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("got %v", err)
		}
	}
	if got := remote.Below("http://a/b/", "/c") + " " + remote.Below("http://a/c", "/c"); got != "http://a/b/c http://a/c" {
		t.Errorf("got %s", got)
	}
}
