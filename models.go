package outcrop

import (
	"context"
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
	asking  chan struct{} // closed when the answers are there; nil if nobody asks
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

// wildcards gives what the providers behind wildcard names list. They are asked
// once for all who wait; who does not wait for the answer gets the list before.
func (c *Client) wildcards(ctx context.Context) ([]Model, error) {
	l := &c.lists
	l.mu.Lock()
	if time.Now().Before(l.expires) {
		defer l.mu.Unlock()
		return l.models, l.failed
	}
	if l.asking == nil {
		l.asking = make(chan struct{})
		c.running.Go(c.ask)
	}
	asking := l.asking
	l.mu.Unlock()
	select {
	case <-asking:
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed == nil {
		return l.models, ctx.Err()
	}
	return l.models, l.failed
}

// ask asks the providers for at most listPatience. What a provider has said stays
// when it cannot be asked again.
func (c *Client) ask() {
	ctx, cancel := context.WithTimeout(c.open, listPatience)
	defer cancel()
	var models []Model
	var failed error
	for _, i := range c.listed() {
		lister, ok := c.deployments[i].(provider.Lister)
		if !ok {
			continue
		}
		all, err := lister.Models(ctx)
		if err != nil {
			c.log.Warn("models cannot be listed", slog.String("model_name", c.cfg.Models[i].Name), slog.String("error", err.Error()))
			failed = err
		}
		prefix, suffix, _ := strings.Cut(c.cfg.Models[i].Name, "*")
		for _, m := range all {
			models = append(models, Model{Name: prefix + m.ID + suffix, Model: m})
		}
	}
	l := &c.lists
	l.mu.Lock()
	defer l.mu.Unlock()
	fresh := listFresh
	if failed != nil {
		fresh = listRetry
	}
	if failed == nil || len(models) > len(l.models) {
		l.models = models
	}
	l.failed, l.expires = failed, time.Now().Add(fresh)
	close(l.asking)
	l.asking = nil
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
