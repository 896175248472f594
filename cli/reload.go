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
	mu    sync.Mutex
	files map[string]source // by name
	looks int
}

// source is a file as it was when it was read.
type source struct {
	sum  [sha256.Size]byte // of nothing for a file that could not be read
	info os.FileInfo       // before that; nil if there was none
	at   time.Time
}

const (
	// fresh is how old a file must have been when it was read, so that a later change is sure to have another time.
	fresh = 10 * time.Second
	// readEach is after how many looks the files are read although they seem to be the same, for those whose times are set back.
	readEach = 30
)

// begin forgets all files.
func (s *sources) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files = map[string]source{}
}

// read reads a file, and notes it.
func (s *sources) read(name string) ([]byte, error) {
	found := source{at: time.Now()}
	found.info, _ = os.Stat(name) // if it cannot be read, the caller hears of it
	data, err := os.ReadFile(name)
	found.sum = sha256.Sum256(data)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.files != nil {
		s.files[name] = found
	}
	return data, err
}

// changed reports whether any of the files has another content than when it was noted. A file of thousands of models is read only
// if something else of it has changed.
func (s *sources) changed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks++
	for name, was := range s.files {
		now := source{at: time.Now()}
		now.info, _ = os.Stat(name)
		if was.same(now.info) && s.looks%readEach != 0 {
			continue
		}
		if now.sum = sumOf(name); now.sum != was.sum {
			return true
		}
		s.files[name] = now
	}
	return false
}

// same reports whether a file that was noted seems not to have been written since.
func (s *source) same(now os.FileInfo) bool {
	return s.info != nil && now != nil && os.SameFile(s.info, now) && s.info.Size() == now.Size() &&
		s.info.ModTime().Equal(now.ModTime()) && s.at.Sub(now.ModTime()) > fresh
}

// sumOf is the sum of a file; that of nothing if it cannot be read.
func sumOf(name string) (sum [sha256.Size]byte) {
	h := sha256.New()
	f, err := os.Open(name)
	if err == nil {
		if _, err = io.Copy(h, f); err != nil {
			h.Reset()
		}
		_ = f.Close() // it was only read
	}
	h.Sum(sum[:0])
	return sum
}

// again reads the configuration again, for app.Options; nil without a file.
func (c *serveCommand) again(w io.Writer) func(ctx context.Context) (*config.Config, []config.Problem, error) {
	if c.ConfigFile == "" {
		return nil
	}
	return func(ctx context.Context) (*config.Config, []config.Problem, error) { return c.read(ctx, w) }
}

// watchEvery is how often the files of the configuration are looked at: Kubernetes replaces mounted
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
