package outcrop

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"outcrop/config"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/all"
	"outcrop/upstream"
)

// Model is a name that can be called.
type Model struct {
	// Name is the value of a Request's Model.
	Name string
	// Configured is whether the configuration has the name; otherwise the provider lists the model,
	// and a name with a * serves it.
	Configured bool
	// Aliases are further names of the model: a friendly one first, then those of inference
	// profiles.
	Aliases []string
	provider.Model
}

// Doubt is a setting that will probably fail.
type Doubt struct {
	config.Problem
	// Entry is the affected entry of model_list.
	Entry string
	// Mild is whether calls will probably still work for now.
	Mild bool
}

// Doubts returns the settings that will probably fail at the first call, as far as that is known
// without one, each with its position in the configuration: models that are unknown, retired or not
// chat models, and regions that do not exist.
func (c *Client) Doubts() []Doubt {
	var all []Doubt
	s := c.served()
	for i, d := range s.deployments {
		reviewer, ok := d.(provider.Reviewer)
		if !ok {
			continue
		}
		model := false // whether there is a doubt about the model already
		for _, doubt := range reviewer.Doubts() {
			model = model || doubt.Option == "model"
			if (doubt.Local || doubt.Absent) && (s.incomplete[i] || s.models[i].Incomplete) {
				continue // the settings that were left out may be the cause
			}
			all = append(all, s.doubt(i, &doubt))
		}
		if doubt := s.retirement(i, time.Now()); doubt != nil && !model {
			all = append(all, s.doubt(i, doubt))
		}
	}
	return all
}

// doubt is a provider's doubt about an entry, with its position.
func (s *served) doubt(i int, d *provider.Doubt) Doubt {
	if m := s.models[i]; d.Absent && m.Bare {
		own := *d
		own.Message += "; " + m.Model + " without a provider in front of it is a model of " + m.Provider + ", as in LiteLLM"
		for _, info := range all.Providers() {
			if info.Name != m.Provider && info.Has != nil && info.Has(m.Model) {
				own.Hint += "; to call it on " + info.Name + ", write " + info.Name + "/" + m.Model
			}
		}
		d = &own
	}
	p := s.models[i].Problem(&provider.OptionError{Option: d.Option, Reason: d.Message})
	if d.Option == "" {
		p = config.Problem{Message: d.Message}
	}
	p.Severity, p.Hint = config.Warning, d.Hint
	return Doubt{Problem: p, Entry: s.models[i].Path, Mild: d.Mild}
}

// notice is how long before its retirement a model is warned of.
const notice = 90 * 24 * time.Hour

// retirement is the doubt about the model of an entry that the catalogue says is retired or soon will be; nil
// if there is none. It is mild, because the days are those of public tables, and providers postpone them.
func (s *served) retirement(i int, now time.Time) *provider.Doubt {
	m := s.models[i]
	if s.facts[i] == nil || strings.Contains(m.Model, "*") {
		return nil
	}
	known := s.facts[i](m.Model)
	if known == nil || known.EndOfLife.IsZero() || known.EndOfLife.Sub(now) > notice {
		return nil
	}
	verb, hint := "retires", "Move to another model."
	if !now.Before(known.EndOfLife) {
		verb = "was to retire"
	}
	if known.Successor != "" {
		hint = "Move to " + known.Successor + "."
	}
	return &provider.Doubt{
		Option: "model", Mild: true, Hint: hint,
		Message: known.ID + " " + verb + " on " + known.EndOfLife.Format(time.DateOnly) + ", according to " + known.Source("endOfLife").Name,
	}
}

// Review reports all problems of a configuration that can be found without network calls: the
// settings for which New would refuse it, and what Doubts returns, also for entries that have such
// settings. opt.Config may come from config.Inspect. An error is not about the configuration.
func Review(opt Options) (wrong []config.Problem, doubts []Doubt, err error) {
	opt = opt.withDefaults()
	c := &Client{upstream: upstream.New(), log: opt.Logger, opt: opt, providers: opt.Providers, cancel: func() {}}
	c.current.Store(&served{cfg: opt.Config})
	if err = c.openCatalogue(opt); err == nil {
		err = c.openAll()
	}
	if refused, ok := errors.AsType[*ConfigError](err); ok {
		wrong, err = refused.Problems, nil
	}
	if err == nil {
		doubts = c.Doubts()
	}
	return wrong, doubts, errors.Join(err, c.Close())
}

// verb is what calls of a model string of a deployment are for, as far as is known; chat unless a
// model is known to be for something else.
func (s *served) verb(i int, model string) llm.Verb {
	if reviewer, ok := s.deployments[i].(provider.Reviewer); ok {
		if verb := reviewer.Describe(model).Verb; verb != 0 {
			return verb
		}
	}
	return llm.VerbChat
}

// Speaks reports whether any deployment speaks a dialect, so that bodies in it can pass through.
func (c *Client) Speaks(dialect string) bool {
	return slices.ContainsFunc(c.served().deployments, func(d provider.Deployment) bool {
		speaker, ok := d.(provider.Speaker)
		return ok && slices.Contains(speaker.Dialects(), dialect)
	})
}

// Models lists the configured names, once for each model and region that they serve, and for a name
// with * the models that can be called through it, as far as known. It never blocks.
func (c *Client) Models() []Model {
	var models []Model
	seen, s := map[string]bool{}, c.served()
	add := func(m Model) {
		key := m.Name
		if m.Configured { // entries of one name may serve several models, or one in several regions
			key = m.Name + "\x00" + m.ID + "\x00" + m.Target.Region
			seen[m.Name] = true
		}
		if !seen[key] {
			seen[key] = true
			models = append(models, m)
		}
	}
	for i := range s.models {
		m := s.models[i]
		if strings.Contains(m.Name, "*") {
			continue
		}
		add(Model{Name: m.Name, Configured: true, Model: s.about(i)})
	}
	for _, i := range s.listed() {
		lister, ok := s.deployments[i].(provider.Lister)
		if !ok {
			continue
		}
		entry := s.models[i]
		for _, m := range lister.Models() {
			name, ok := named(entry.Name, entry.Model, m.ID)
			if !ok {
				continue
			}
			s.describe(i, m.ID, &m)
			model := Model{Name: name, Model: m}
			for _, other := range slices.Concat(m.Names[:min(1, len(m.Names))], m.Profiles) {
				if alias, ok := named(entry.Name, entry.Model, other); ok {
					model.Aliases = append(model.Aliases, alias)
				}
			}
			add(model)
		}
	}
	c.alias(models)
	return models
}

// alias adds the configuration's other names of models that are not hidden, and the names of groups of models, to their first.
func (c *Client) alias(models []Model) {
	groups, aliases := c.Config().Routing.Groups, c.Config().Routing.Aliases
	named := func(name string) int {
		return slices.IndexFunc(models, func(m Model) bool { return m.Name == name })
	}
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		at := slices.IndexFunc(groups[name], func(member string) bool { return named(member) >= 0 })
		if _, taken := aliases[name]; at >= 0 && !taken && named(name) < 0 {
			first := named(groups[name][at])
			models[first].Aliases = append(models[first].Aliases, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(aliases)) {
		a := aliases[name]
		at := named(a.Name)
		if at >= 0 && !a.Hidden {
			models[at].Aliases = append(models[at].Aliases, name)
		}
	}
}

// about returns what is known of the model of entry i; of one with a *, its id alone.
func (s *served) about(i int) provider.Model {
	m := s.models[i]
	known := provider.Model{ID: m.Model}
	if !strings.Contains(m.Model, "*") {
		if reviewer, ok := s.deployments[i].(provider.Reviewer); ok {
			known = reviewer.Describe(m.Model)
		}
		s.describe(i, m.Model, &known)
	}
	known.Owner = m.Provider
	return known
}

// describe adds what the catalogue and the configuration know of a deployment's model to what its provider
// says.
func (s *served) describe(i int, id string, m *provider.Model) {
	if p := s.models[i].Price; p != nil {
		rates, _ := p.For("", 0)
		m.Input, m.Output = rates.Input, rates.Output
	}
	if s.facts[i] == nil {
		return
	}
	known := s.facts[i](id)
	if known == nil {
		return
	}
	m.Title = cmp.Or(m.Title, known.Name)
	m.Context, m.MaxOutput = cmp.Or(m.Context, known.Context, known.MaxInput), cmp.Or(m.MaxOutput, known.MaxOutput)
	m.Verb = cmp.Or(known.Verb(), m.Verb)
	m.Facts = known
	if known.Prices != nil && s.models[i].Price == nil {
		rates, _ := known.Prices.For("", 0)
		m.Input, m.Output = rates.Input, rates.Output
	}
	if known.EndOfLife.IsZero() {
		return
	}
	ended := !time.Now().Before(known.EndOfLife)
	if ended && m.Active { // the provider still lists it
		return
	}
	m.Known, m.Legacy, m.EndOfLife, m.Successor = true, true, known.EndOfLife, known.Successor
	m.Active, m.Ended = false, ended
}

// named returns the name by which a wildcard entry serves an id: what the * of the model string
// must match replaces the * of the name.
func named(name, model, id string) (string, bool) {
	before, after, ok := strings.Cut(model, "*")
	if !ok || strings.Contains(after, "*") || strings.Count(name, "*") != 1 { // every name serves the same model, or nobody knows which parts of the id are meant
		return "", false
	}
	before = before[strings.LastIndexByte(before, '/')+1:] // a route or a region is not part of an id
	rest, isBefore := strings.CutPrefix(id, before)
	rest, isAfter := strings.CutSuffix(rest, after)
	if !isBefore || !isAfter || rest == "" {
		return "", false
	}
	return strings.Replace(name, "*", rest, 1), true
}

// listed are the wildcard entries to query: of several that serve the same models, the one with the
// shortest name.
func (s *served) listed() []int {
	var out []int
	for i := range s.models {
		m := s.models[i]
		if !strings.Contains(m.Name, "*") {
			continue
		}
		same := slices.IndexFunc(out, func(j int) bool {
			o := s.models[j]
			return o.Provider == m.Provider && o.Model == m.Model && o.Values["aws_region_name"] == m.Values["aws_region_name"]
		})
		switch {
		case same < 0:
			out = append(out, i)
		case len(m.Name) < len(s.models[out[same]].Name):
			out[same] = i
		}
	}
	return out
}

// refreshers bounds how many deployments' lists are read at once.
const refreshers = 8

// Refresh reads the providers' lists of models again, except those read less than age ago, and
// returns their state.
func (c *Client) Refresh(ctx context.Context, age time.Duration) []provider.List {
	var mu sync.Mutex
	var lists []provider.List
	var wait sync.WaitGroup
	slots := make(chan struct{}, refreshers)
	after := time.Now().Add(-age)
	for _, d := range c.served().deployments {
		lister, ok := d.(provider.Lister)
		if !ok || ctx.Err() != nil {
			continue
		}
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			found := lister.Refresh(ctx, after) // a refresh by someone else since then is recent enough
			mu.Lock()
			defer mu.Unlock()
			for _, l := range found {
				if !slices.ContainsFunc(lists, func(o provider.List) bool {
					return o.Location == l.Location && o.Account == l.Account && o.At.Equal(l.At) && (o.Err == nil) == (l.Err == nil)
				}) {
					lists = append(lists, l)
				}
			}
		})
	}
	wait.Wait()
	slices.SortFunc(lists, func(a, b provider.List) int {
		if c := strings.Compare(a.Account, b.Account); c != 0 {
			return c
		}
		return strings.Compare(a.Location, b.Location)
	})
	return lists
}

// RawLists returns the providers' lists of models unmodified, each with a name. If there is an
// error, some may be missing.
func (c *Client) RawLists(ctx context.Context) (map[string][]byte, error) {
	all := map[string][]byte{}
	var errs []error
	for _, d := range c.served().deployments {
		if lister, ok := d.(provider.RawLister); ok {
			found, err := lister.RawLists(ctx)
			maps.Copy(all, found)
			errs = append(errs, err)
		}
	}
	return all, errors.Join(errs...)
}

// refreshAgain is how soon to retry lists that could not be read for a reason other than missing
// permissions.
const refreshAgain = time.Minute

// KeepFresh refreshes the providers' lists of models in the background until Close: immediately,
// and then periodically, at an interval that varies by a tenth so that replicas do not refresh
// together. Without it they are read when a call is refused that they could help.
func (c *Client) KeepFresh(every time.Duration) {
	c.running.Go(func() { c.keepFresh(every) })
}

func (c *Client) keepFresh(every time.Duration) {
	for {
		pause := every
		for _, l := range c.Refresh(c.ctx, every/2) {
			if e, ok := errors.AsType[*llm.Error](l.Err); ok && !e.Code.Denied() {
				pause = min(pause, refreshAgain)
			}
		}
		pause += rand.N(pause/5+1) - pause/10 //nolint:gosec // it need not be secret
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-c.ctx.Done():
			timer.Stop()
			return
		}
	}
}
