package app

import (
	"cmp"
	"context"

	"outcrop/config"
	"outcrop/httpd"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
)

// models lists what can be called, under all its names. It omits models that the account has no
// access to according to the provider.
func (a *App) models() []httpd.Model {
	known := a.client.Models()
	out := make([]httpd.Model, 0, len(known))
	seen := map[string]bool{}
	for _, m := range known {
		if m.Entitlement == provider.EntitlementRefused && !m.Configured || seen[m.Name] {
			continue
		}
		seen[m.Name] = true
		row := httpd.Model{
			ID: m.Name, OwnedBy: cmp.Or(m.Owner, "unknown"), Title: m.Title, Context: m.Context, MaxOutput: m.MaxOutput,
			MaxInput: m.Context, Verb: m.Verb, Deprecated: m.Legacy || m.Ended,
		}
		if m.Facts != nil && m.Facts.MaxInput > 0 {
			row.MaxInput = m.Facts.MaxInput
		}
		out = append(out, row)
		for _, row.ID = range m.Aliases {
			out = append(out, row)
		}
	}
	return out
}

// entries lists the entries of the configuration, and those that were added, with what is known of their models, and those
// of either that are blocked.
func (a *App) entries() []httpd.Entry {
	entries, stored := a.client.Entries(), a.added.had()
	blocked := a.client.Config().Blocked
	out := make([]httpd.Entry, 0, len(entries)+len(stored.blocked)+len(blocked))
	for i := range entries {
		m, known := entries[i].Model, entries[i].Known
		e := httpd.Entry{
			Stored: entries[i].Added,

			Name: m.Name, ID: m.ID, Provider: m.Provider, Model: m.Model, Context: known.Context, MaxOutput: known.MaxOutput,
			Verb: known.Verb, Input: known.Input, Output: known.Output, Facts: known.Facts, Info: m.Info, Prices: m.Price, Limits: m.Limits,
			About: stored.about[m.ID], Team: m.Team, Public: m.Public, EndOfLife: known.EndOfLife, Successor: known.Successor,
		}
		if e.Prices == nil && known.Facts != nil {
			e.Prices = known.Facts.Prices
		}
		out = append(out, e)
	}
	unserved := func(m *config.Model, stored bool, about []jsonx.Member) {
		out = append(out, httpd.Entry{
			Stored: stored, Blocked: true, About: about, Team: m.Team, Public: m.Public,
			Name: m.Name, ID: m.ID, Provider: m.Provider, Model: m.Model, Info: m.Info, Prices: m.Price, Limits: m.Limits,
		})
	}
	for i := range stored.blocked {
		unserved(&stored.blocked[i], true, stored.about[stored.blocked[i].ID])
	}
	for i := range blocked {
		unserved(&blocked[i], false, nil)
	}
	return out
}

// sample is a name for a chat request: the first one in the configuration that has no * and is not for
// something else, or else a small model that a * matches. It is empty if there is none.
func (a *App) sample() string {
	for _, m := range a.client.Models() {
		if m.Configured && (m.Verb == 0 || m.Verb == llm.VerbChat) {
			return m.Name
		}
	}
	for _, name := range []string{"nova-lite", "bedrock/nova-lite"} {
		if a.client.Pipeline().Group(name) != "" {
			return name
		}
	}
	return ""
}

// refresh reads the lists of models again.
func (a *App) refresh(ctx context.Context) []httpd.List {
	read := a.client.Refresh(ctx, 0)
	out := make([]httpd.List, 0, len(read))
	for _, l := range read {
		row := httpd.List{Region: l.Location, Account: l.Account, At: l.At, Models: l.Models, Profiles: l.Profiles}
		if l.Err != nil {
			row.Err = llm.AsError(l.Err)
		}
		out = append(out, row)
	}
	return out
}

// callable lists the ids that the configured names lead to.
func (a *App) callable() (ids []string) {
	for _, m := range a.client.Models() {
		if m.Configured {
			ids = append(ids, m.ID, m.Target.ID)
			ids = append(ids, m.Profiles...)
		}
	}
	return ids
}
