package valkey_test

import (
	"errors"
	"net"
	"testing"

	"outcrop/internal/need"
	"outcrop/internal/valkey"
)

func answers(t *testing.T, s *valkey.Server) bool {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Address())
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

func TestAServerIsKilledRestartedAndStopped(t *testing.T) {
	s, err := valkey.Start(t.Context(), t.TempDir())
	if errors.Is(err, valkey.ErrNotInstalled) {
		need.Missing(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	if !answers(t, s) {
		t.Error("nothing answers")
	}
	if err := s.Kill(); err != nil || answers(t, s) {
		t.Errorf("after Kill: %v, or it still answers", err)
	}
	for range 2 { // one that was killed, and one that runs
		if err := s.Restart(t.Context()); err != nil || !answers(t, s) {
			t.Errorf("after Restart: %v, or it does not answer", err)
		}
	}
	if err := s.Stop(); err != nil || answers(t, s) {
		t.Errorf("after Stop: %v, or it still answers", err)
	}
}

func TestASettingThatTheServerRefusesIsAnError(t *testing.T) {
	s, err := valkey.Start(t.Context(), t.TempDir(), "--no-such-setting", "1")
	if errors.Is(err, valkey.ErrNotInstalled) {
		need.Missing(t, err.Error())
	}
	if err == nil {
		t.Errorf("it started: %v", s.Stop())
	}
}
