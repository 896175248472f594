package all_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"outcrop/secrets"
	"outcrop/secrets/all"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func settings(system secrets.System, environ map[string]string) *secrets.Settings {
	return &secrets.Settings{System: system, AWS: map[string]string{}, Environ: func(name string) string { return environ[name] }}
}

func TestOpen(t *testing.T) {
	for system, want := range map[secrets.System]string{secrets.AWS: "AWS Secrets Manager in eu-west-1", secrets.Vault: "Vault at http://127.0.0.1:8200"} {
		m, err := all.Open(settings(system, map[string]string{"AWS_REGION": "eu-west-1", "HCP_VAULT_TOKEN": "t"}))
		if err != nil {
			t.Fatal(err)
		}
		if m.Name() != want {
			t.Errorf("%s, want %s", m.Name(), want)
		}
		m.Close()
	}
	for _, s := range []*secrets.Settings{settings("none", nil), settings(secrets.Vault, nil), settings(secrets.AWS, map[string]string{"AWS_REGION": "Ireland"})} {
		m, err := all.Open(s)
		if e, ok := errors.AsType[*secrets.Error](err); !ok || !e.Whole || m != nil {
			t.Errorf("%s: %v, %v", s.System, m, err)
		}
	}
}

func TestReader(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/KEY") {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = io.WriteString(w, `{"data":{"data":{"key":"k"}}}`)
	}))
	defer s.Close()
	vault := settings(secrets.Vault, map[string]string{"HCP_VAULT_ADDR": s.URL, "HCP_VAULT_TOKEN": "t"})
	got, err := all.Reader(t.Context())(vault, []string{"KEY", "NONE"})
	if err != nil || got["KEY"].Reveal() != "k" || got["NONE"].Found {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := all.Reader(t.Context())(settings("none", nil), []string{"KEY"}); err == nil {
		t.Error("there is no such manager")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	if _, err := all.Reader(ctx)(vault, []string{"KEY"}); err == nil || !strings.Contains(err.Error(), "has not given all 1 secrets within") {
		t.Errorf("%v", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := all.Reader(ended)(vault, []string{"KEY"}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
