package cli

import (
	"context"
	"crypto/sha256"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"outcrop/app"
	"outcrop/config"
)

// sources are the files that a configuration was read from, with what was in them.
type sources struct {
	mu  sync.Mutex
	sum map[string][sha256.Size]byte // by name; of nothing for a file that could not be read
}

// begin forgets all files.
func (s *sources) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sum = map[string][sha256.Size]byte{}
}

// read reads a file, and notes it.
func (s *sources) read(name string) ([]byte, error) {
	data, err := os.ReadFile(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sum != nil {
		s.sum[name] = sha256.Sum256(data)
	}
	return data, err
}

// changed reports whether any of the files has another content than when it was noted.
func (s *sources) changed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, sum := range s.sum {
		data, _ := os.ReadFile(name) // a file that is gone has changed
		if sha256.Sum256(data) != sum {
			return true
		}
	}
	return false
}

// again reads the configuration again, for app.Options; nil without a file.
func (c *serveCommand) again(w io.Writer) func(ctx context.Context) (*config.Config, []config.Problem, error) {
	if c.ConfigFile == "" {
		return nil
	}
	return func(ctx context.Context) (*config.Config, []config.Problem, error) { return c.read(ctx, w) }
}

// watchEvery is how often the files of the configuration are looked at. They are compared by content: Kubernetes replaces mounted
// files by renaming a folder, of which notifications tell nothing.
const watchEvery = 2 * time.Second

// reloads takes over the configuration on SIGHUP and, if it is to be watched, when one of its files has changed, until the
// context ends.
func (c *serveCommand) reloads(ctx context.Context, a *app.App) {
	if c.ConfigFile == "" {
		return
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	var looks <-chan time.Time
	if c.Watch {
		ticker := time.NewTicker(watchEvery)
		defer ticker.Stop()
		looks = ticker.C
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
		case <-looks:
			if !c.files.changed() {
				continue
			}
		}
		_, _ = a.Reload(ctx) // it logs what has become of it
	}
}
