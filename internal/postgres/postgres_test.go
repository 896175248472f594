package postgres_test

import (
	"errors"
	"net"
	"net/url"
	"os"
	"testing"

	"outcrop/internal/need"
	"outcrop/internal/postgres"
)

// answers says whether something listens at a URL.
func answers(t *testing.T, address string) bool {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", u.Host)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

func TestAServerIsKilledRestartedAndStopped(t *testing.T) {
	s, err := postgres.Start(t.Context(), "")
	if errors.Is(err, postgres.ErrNotInstalled) {
		need.Missing(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	address := s.URL()
	if !answers(t, address) {
		t.Errorf("nothing answers at %s", address)
	}
	if err := s.Kill(); err != nil || answers(t, address) {
		t.Errorf("after Kill: %v, or it still answers", err)
	}
	for range 2 { // one that was killed, and one that runs
		if err := s.Restart(t.Context()); err != nil || !answers(t, address) || s.URL() != address {
			t.Errorf("after Restart: %v, or it does not answer at the same address", err)
		}
	}
	if err := s.Stop(); err != nil || answers(t, address) {
		t.Errorf("after Stop: %v, or it still answers", err)
	}
}

func TestAFolderThatExistsIsAnError(t *testing.T) {
	_, err := postgres.Start(t.Context(), t.TempDir())
	if errors.Is(err, postgres.ErrNotInstalled) {
		need.Missing(t, err.Error())
	}
	if !errors.Is(err, os.ErrExist) {
		t.Errorf("got %v", err)
	}
}
