// Package need is for tests that need what scripts/setup-tests installs. Where it is missing they are skipped, and fail where all
// tests are to run, so that none is left out unnoticed.
package need

import (
	"errors"
	"os"
	"path/filepath"
)

// ErrNotInstalled is part of the errors that say that a program is not installed.
var ErrNotInstalled = errors.New("not installed")

// TB is the part of testing.TB that is used here.
type TB interface {
	Helper()
	Cleanup(end func())
	Error(args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
}

// All reports whether all tests are to run, and have to fail without what they need.
func All() bool { return os.Getenv("OUTCROP_TEST_ALL") != "" }

// Missing ends a test that needs something that is missing. what says so, such as "LiteLLM's proxy is not installed".
func Missing(t TB, what string) {
	t.Helper()
	if All() {
		t.Fatalf("%s: run make setup", what)
	}
	t.Skipf("NOT TESTED: %s. Run make setup, or make test for all.", what)
}

// File returns the absolute path of a file or folder that is installed, or ends the test by Missing. what is its name in a sentence,
// such as "the program of e2e/sdks/fake_gcs".
func File(t TB, path, what string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		Missing(t, what+" is not installed")
	}
	return path
}

// Made is File for a folder that is complete only when it has the file .made, with which scripts/setup-tests ends an installation.
func Made(t TB, folder, what string) string {
	t.Helper()
	return filepath.Dir(File(t, filepath.Join(folder, ".made"), what))
}

// Server takes what the start of a server has returned. It ends the test unless the server has started, by Missing if it is not
// installed, and stops the server when the test ends.
func Server(t TB, s interface{ Stop() error }, err error) {
	t.Helper()
	if errors.Is(err, ErrNotInstalled) {
		Missing(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
}
