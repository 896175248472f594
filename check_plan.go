package outcrop

import (
	"fmt"
	"strings"

	"outcrop/llm"
	"outcrop/provider"
)

// job is a model to call, or several candidates of which one is to be called.
type job struct {
	subject    *subject
	deployment provider.Deployment
	number     int
	location   string // the location of its calls, unless they report another
	names      []string
	candidates []string // model strings
	verb       llm.Verb // what they are called for
}

// calls is the maximum number of calls of the job.
func (j *job) calls() int {
	if j.verb != llm.VerbChat { // there are no streams
		return len(j.candidates)
	}
	return len(j.candidates) + 1
}

// plan lists the models to call. It reports those that cannot be called.
type plan struct {
	x     *check
	jobs  []*job
	byKey map[string]*job // identifies equal calls
}

// make fills in the jobs.
func (p *plan) make() {
	for _, name := range p.x.Models {
		p.named(name)
	}
	for i := range p.x.s.deployments {
		if len(p.x.Models) == 0 && p.x.of[i] != nil {
			p.configured(i)
		}
		if p.x.All && p.x.of[i] != nil {
			p.all(i)
		}
	}
}

// add adds a job for a deployment, unless another job makes the same calls.
func (p *plan) add(i int, name string, candidates ...string) {
	m, s := p.x.s.models[i], p.x.of[i]
	key := fmt.Sprintf("%d %q %q %q %+v", s.number, p.x.locations[i], candidates, m.Values["model_id"], m.Policy)
	if known := p.byKey[key]; known != nil {
		known.names = union(known.names, name)
		return
	}
	j := &job{subject: s, deployment: p.x.s.deployments[i], number: len(p.jobs) + 1, names: []string{name}, candidates: candidates, verb: p.x.s.verb(i, candidates[0])}
	if locations := p.x.locations[i]; len(locations) > 0 {
		j.location = locations[0]
	}
	p.byKey[key] = j
	p.jobs = append(p.jobs, j)
}

// named adds the deployments that serve a name.
func (p *plan) named(name string) {
	group := p.x.c.router.Group(name)
	served := false
	for i := range p.x.s.models {
		m := p.x.s.models[i]
		if p.x.of[i] == nil || group == "" || m.Name != group && m.ID != group {
			continue
		}
		served = true
		model := m.Model
		if captured, ok := capture(m.Name, name); ok {
			model = strings.Replace(model, "*", captured, 1)
		}
		p.add(i, name, model)
	}
	if served {
		return
	}
	p.x.found(Finding{Names: []string{name}, Finding: provider.Finding{
		Check: provider.CheckModel, Subject: name, State: provider.StateFail,
		Err: &llm.Error{
			Code: llm.CodeModelNotFound, Status: 404, Param: "model", Message: "the model " + llm.Clip(name, 200) + " is not configured.",
			Fix: "outcrop models lists the configured names; without a configuration every Bedrock model id is a name.",
		},
	}})
}

// maxSamples is how many models are tried to find one behind a wildcard that can be called.
const maxSamples = 3

// configured adds the models of a configured entry.
func (p *plan) configured(i int) {
	m := p.x.s.models[i]
	samples := p.x.checker(i).Candidates(false)
	switch {
	case !strings.Contains(m.Model, "*"):
		p.add(i, m.Name, m.Model)
	case p.x.All: // its models are part of all
	case len(samples) > 0:
		p.add(i, m.Name, samples[:min(len(samples), maxSamples)]...)
	default:
		p.x.found(Finding{CallerIndex: p.x.of[i].number, Names: []string{m.Name}, Finding: provider.Finding{
			Check: provider.CheckModel, Subject: m.Name, State: provider.StateWarn,
			Detail: "no model behind this name is known to be callable, so none was called", Fix: "Choose one with --model.",
		}})
	}
}

// all adds every listed model.
func (p *plan) all(i int) {
	for _, model := range p.x.checker(i).Candidates(true) {
		p.add(i, model, model)
	}
}
