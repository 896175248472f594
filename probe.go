package outcrop

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"outcrop/config"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/route"
	"outcrop/wire/openaichat"
)

// Bounds of health checks, LiteLLM's where it has some.
const (
	healthCallTimeout = 60 * time.Second
	healthParallel    = 16
	healthTokens      = 16 // some models refuse fewer
)

// ProbeOptions say which entries are called.
type ProbeOptions struct {
	// Which selects entries; nil for all.
	Which func(m *config.Model) bool
	// Age is how old a result may be to be given again.
	Age time.Duration
}

// Probe calls the entries, each with the smallest request for what its model is for, and returns how they do in the order of
// Entries. Models for images and audio, and entries with a * behind which no model is known, are not called: they have the free
// checks of Health. The calls are not recorded. Results that ctx's end has cut off are left out.
func (c *Client) Probe(ctx context.Context, o ProbeOptions) []EntryHealth {
	s := c.served()
	found := make([]EntryHealth, len(s.models))
	free := sync.OnceValue(func() map[string]EntryHealth {
		byID := map[string]EntryHealth{}
		limited, cancel := context.WithTimeout(ctx, healthBound)
		defer cancel()
		for _, h := range c.checkHealth(limited, time.Now()) {
			byID[h.ID] = h
		}
		return byID
	})
	slots := make(chan struct{}, cmp.Or(s.cfg.General.Health.Parallel, healthParallel))
	var calls sync.WaitGroup
	for i := range s.models {
		m := s.models[i]
		if s.deployments[i] == nil || o.Which != nil && !o.Which(m) {
			continue
		}
		if last, ok := c.health.recent(m.ID, o.Age); ok {
			found[i] = last
			continue
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		calls.Go(func() {
			defer func() { <-slots }()
			h := s.probe(ctx, i, free)
			if ctx.Err() == nil {
				found[i] = h
				c.health.keep(h)
			}
		})
	}
	calls.Wait()
	return slices.DeleteFunc(found, func(h EntryHealth) bool { return h.At.IsZero() })
}

// probe calls an entry.
func (s *served) probe(ctx context.Context, i int, free func() map[string]EntryHealth) EntryHealth {
	m := s.models[i]
	start := time.Now()
	h := EntryHealth{Name: cmp.Or(m.Public, m.Name), Model: m.Provider + "/" + m.Model, ID: m.ID, Provider: m.Provider, Mode: m.Probe.Mode}
	candidates := s.probed(i)
	var err error
	for _, model := range candidates {
		verb := s.probeVerb(i, model)
		if verb == 0 {
			continue
		}
		h.Called = true
		if err = s.call(ctx, i, verb, model); err == nil || ctx.Err() != nil || everywhere(llm.AsError(err).Code) {
			break
		}
	}
	switch {
	case !h.Called:
		h.Fault = free()[m.ID].Fault
	case err != nil && !reached(llm.AsError(err)):
		h.Err = llm.AsError(err)
		h.Fault = faultOf(h.Err)
	}
	h.At = time.Now()
	h.Took = h.At.Sub(start)
	return h
}

// reached reports whether a failure shows that the model is there: it refuses this request, and might take another.
func reached(e *llm.Error) bool { return e.Upstream && strings.HasPrefix(string(e.Code), "request.") }

// probed are the model strings to call for an entry, of which one has to answer.
func (s *served) probed(i int) []string {
	m := s.models[i]
	switch {
	case m.Probe.Model != "":
		return []string{strings.TrimPrefix(m.Probe.Model, m.Provider+"/")}
	case !strings.Contains(m.Model, "*"):
		return []string{m.Model}
	}
	if checker, ok := s.deployments[i].(provider.Checker); ok {
		all := checker.Candidates(false)
		return all[:min(len(all), maxSamples)]
	}
	return nil
}

// probeVerb is what a model is called for; 0 if it is not called.
func (s *served) probeVerb(i int, model string) llm.Verb {
	switch s.models[i].Probe.Mode {
	case "chat", "completion", "responses":
		return llm.VerbChat
	case "embedding":
		return llm.VerbEmbed
	case "rerank":
		return llm.VerbRerank
	case "":
		switch verb := s.verb(i, model); verb {
		case llm.VerbChat, llm.VerbEmbed, llm.VerbRerank:
			return verb
		default:
			return 0
		}
	default:
		return 0
	}
}

// call makes the smallest call of a model for a verb.
func (s *served) call(ctx context.Context, i int, verb llm.Verb, model string) error {
	m := s.models[i]
	timeout := cmp.Or(m.Probe.Timeout, healthCallTimeout)
	r := route.New(route.Plan{Entries: []route.Entry{{Name: "*", Model: "*", Deployment: s.deployments[i], Timeout: timeout, StreamTimeout: timeout}}}, route.Options{})
	if verb != llm.VerbChat {
		_, _, _, err := complete(ctx, r, verb, model)
		return err
	}
	req, err := s.question(i, model)
	if err != nil {
		return err
	}
	_, err = r.Complete(ctx, req)
	return err
}

// question is the chat request of a health check, with the entry's defaults and what model_info says.
func (s *served) question(i int, model string) (*llm.Request, error) {
	m := s.models[i]
	own := slices.DeleteFunc(slices.Clone(m.Probe.Parameters), func(p jsonx.Member) bool {
		return p.Name == "model" || p.Name == "messages" || p.Name == "stream"
	})
	add := func(name string, value jsonx.Raw) {
		if jsonx.Find(own, name) == nil {
			own = append(own, jsonx.Member{Name: name, Value: value})
		}
	}
	if jsonx.Find(own, "max_completion_tokens") == nil && !m.Probe.Unbounded {
		var w jsonx.Writer
		w.Int(s.probeTokens(i, model))
		add("max_tokens", w.Buf)
	}
	if m.Probe.Effort != "" {
		add("reasoning_effort", jsonx.AppendString(nil, m.Probe.Effort))
	}
	add("messages", jsonx.Raw(`[{"role":"user","content":"Hi"}]`))
	var w jsonx.Writer
	w.Object()
	w.Members(own)
	w.EndObject()
	req, err := openaichat.Decode(w.Buf, openaichat.Options{
		Model: "probe", DropParams: func(string) bool { return true },
		Parameters: func(string) []jsonx.Member {
			return slices.DeleteFunc(slices.Clone(m.Parameters), func(p jsonx.Member) bool {
				return p.Name == "n" || m.Probe.Unbounded && (p.Name == "max_tokens" || p.Name == "max_completion_tokens")
			})
		},
	})
	if err != nil {
		return nil, err
	}
	req.LLM.Model = model
	return &req.LLM, nil
}

// probeTokens is the bound of the response.
func (s *served) probeTokens(i int, model string) int64 {
	p := s.models[i].Probe
	other := p.MaxOther
	if s.facts[i] != nil {
		if known := s.facts[i](model); known != nil && known.Reasoning.Value {
			other = p.MaxReasoning
		}
	}
	return cmp.Or(p.MaxTokens, other, healthTokens)
}

// ProbeAddition opens models that are served nowhere yet, as SetAdditions would, calls them as Probe does, and closes them.
// Of models for images and audio it says nothing: they are not called.
func (c *Client) ProbeAddition(ctx context.Context, models []config.Model) ([]EntryHealth, []config.Problem, error) {
	all, problems, err := c.openModels(models)
	defer closeAll(deployments(all))
	if err != nil || len(problems) > 0 {
		return nil, problems, err
	}
	s := &served{cfg: c.Config()}
	for _, o := range all {
		s.add(o)
	}
	var found []EntryHealth
	for i := range s.models {
		h := s.probe(ctx, i, func() map[string]EntryHealth { return nil })
		if h.Called {
			found = append(found, h)
		}
	}
	return found, nil, ctx.Err()
}
