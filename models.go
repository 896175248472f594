package outcrop

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"outcrop/provider"
)

// Model is a name that can be called.
type Model struct {
	// Name is what a Request's Model says.
	Name string
	provider.Model
}

// How long a provider's list is kept, how long one is waited for, and how long a
// failure to get it is remembered.
const (
	listFresh    = 5 * time.Minute
	listPatience = 5 * time.Second
	listRetry    = 15 * time.Second
)

// lists keeps what the providers of wildcard names say that they have.
type lists struct {
	mu      sync.Mutex
	expires time.Time
	models  []Model
	failed  error
}

// Models lists the configured names and, for a name with *, what the provider
// lists now. The error is about such a list; the models that are known stand
// beside it.
func (c *Client) Models(ctx context.Context) ([]Model, error) {
	var models []Model
	seen := map[string]bool{}
	for i := range c.cfg.Models {
		m := &c.cfg.Models[i]
		if !strings.Contains(m.Name, "*") && !seen[m.Name] {
			seen[m.Name] = true
			models = append(models, Model{Name: m.Name, Model: provider.Model{ID: m.Model, Owner: m.Provider}})
		}
	}
	listed, err := c.wildcards(ctx)
	for _, m := range listed {
		if !seen[m.Name] {
			seen[m.Name] = true
			models = append(models, m)
		}
	}
	return models, err
}

// wildcards asks the providers behind wildcard names, one caller at a time; the
// others wait for its answer.
func (c *Client) wildcards(ctx context.Context) ([]Model, error) {
	l := &c.lists
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Now().Before(l.expires) {
		return l.models, l.failed
	}
	ctx, cancel := context.WithTimeout(ctx, listPatience)
	defer cancel()
	var models []Model
	l.failed = nil
	for _, i := range c.listed() {
		lister, ok := c.deployments[i].(provider.Lister)
		if !ok {
			continue
		}
		all, err := lister.Models(ctx)
		if err != nil {
			c.log.Warn("models cannot be listed", slog.String("model_name", c.cfg.Models[i].Name), slog.String("error", err.Error()))
			l.failed = err
			continue
		}
		prefix, suffix, _ := strings.Cut(c.cfg.Models[i].Name, "*")
		for _, m := range all {
			models = append(models, Model{Name: prefix + m.ID + suffix, Model: m})
		}
	}
	l.expires = time.Now().Add(listFresh)
	if l.failed != nil {
		l.expires = time.Now().Add(listRetry)
	}
	l.models = models
	return l.models, l.failed
}

// listed are the wildcard entries to ask: of several that lead to the same
// models the one with the shortest name.
func (c *Client) listed() []int {
	var out []int
	for i := range c.cfg.Models {
		m := &c.cfg.Models[i]
		if !strings.Contains(m.Name, "*") {
			continue
		}
		same := slices.IndexFunc(out, func(j int) bool {
			o := &c.cfg.Models[j]
			return o.Provider == m.Provider && o.Model == m.Model && o.Values["aws_region_name"] == m.Values["aws_region_name"]
		})
		switch {
		case same < 0:
			out = append(out, i)
		case len(m.Name) < len(c.cfg.Models[out[same]].Name):
			out[same] = i
		}
	}
	return out
}

// newID makes the id of a call.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails, by its documentation
	return hex.EncodeToString(b[:])
}
