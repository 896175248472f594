package cli

import (
	"cmp"
	"slices"
	"strings"

	"outcrop"
	"outcrop/llm"
	"outcrop/provider"
)

// modelCall is what is known of one model by one deployment.
type modelCall struct {
	whole, stream *outcrop.Finding // nil if it was not called so
}

// any gives the finding to show for both: a failure if there is one.
func (c *modelCall) any() *outcrop.Finding {
	switch {
	case c.whole == nil:
		return c.stream
	case c.stream == nil, c.whole.State == provider.StateFail:
		return c.whole
	case c.stream.State == provider.StateFail:
		return c.stream
	default:
		return c.whole
	}
}

// state is that of the worse of the two.
func (c *modelCall) state() provider.State { return c.any().State }

// calls puts the whole and the streamed calls together, in the order of the
// findings.
func (d *diagnosis) calls() []*modelCall {
	type key struct {
		call  int
		model string
	}
	var all []*modelCall
	byKey := map[key]*modelCall{}
	for i := range d.findings {
		f := &d.findings[i]
		if f.Check != provider.CheckWhole && f.Check != provider.CheckStream {
			continue
		}
		k := key{f.Call, f.Model}
		c := byKey[k]
		if c == nil {
			c = &modelCall{}
			byKey[k] = c
			all = append(all, c)
		}
		if f.Check == provider.CheckWhole {
			c.whole = f
		} else {
			c.stream = f
		}
	}
	return all
}

// cost is what the calls cost as far as that is known.
func (d *diagnosis) cost() llm.Cost {
	var sum llm.Cost
	for i := range d.findings {
		sum += d.findings[i].Cost.Value
	}
	return sum
}

// refusal is one reason for which something was refused, with all that was.
type refusal struct {
	code  llm.Code
	actor llm.Actor
	// state is fail if something that was asked for cannot be called for it.
	state    provider.State
	subjects []string
	// What follows has each thing that was said once; ids are taken out of what was
	// said of several.
	messages, causes, fixes, statements, docs []string
}

// maxSaid is how many different words of one kind are shown of a refusal.
const maxSaid = 3

// refusals groups what was refused by code and by whose move it is.
func (d *diagnosis) refusals() []*refusal {
	var all []*refusal
	byKey := map[string]*refusal{}
	for i := range d.findings {
		f := &d.findings[i]
		if f.Err == nil {
			continue
		}
		key := string(f.Err.Code) + " " + string(f.Err.Whose())
		r := byKey[key]
		if r == nil {
			r = &refusal{code: f.Err.Code, actor: f.Err.Whose(), state: f.State}
			byKey[key] = r
			all = append(all, r)
		}
		if f.State == provider.StateFail {
			r.state = f.State
		}
		e := f.Err
		r.subjects = said(r.subjects, subjectOf(f))
		r.messages = said(r.messages, withoutID(e.Message, e))
		r.causes = said(r.causes, withoutID(e.Cause, e))
		r.fixes = said(r.fixes, withoutID(e.Fix, e))
		r.statements = said(r.statements, string(e.Statement))
		r.docs = said(r.docs, e.Docs)
	}
	slices.SortStableFunc(all, func(a, b *refusal) int { return cmp.Compare(severity(a.state), severity(b.state)) })
	for _, r := range all {
		if len(r.subjects) == 1 {
			r.verbatim(d)
		}
	}
	return all
}

// verbatim puts the ids back into what was said of one subject alone.
func (r *refusal) verbatim(d *diagnosis) {
	for i := range d.findings {
		f := &d.findings[i]
		if f.Err != nil && f.Err.Code == r.code && f.Err.Whose() == r.actor {
			r.messages, r.causes, r.fixes = said(nil, f.Err.Message), said(nil, f.Err.Cause), said(nil, f.Err.Fix)
			return
		}
	}
}

func severity(s provider.State) int {
	return slices.Index([]provider.State{provider.StateFail, provider.StateWarn, provider.StateOK, provider.StateSkipped}, s)
}

// said appends what has not been said.
func said(all []string, s string) []string {
	if s == "" || slices.Contains(all, s) {
		return all
	}
	return append(all, s)
}

// withoutID takes the id that was called out of a text, so that the same words
// about many ids are the same.
func withoutID(text string, e *llm.Error) string {
	if e.Target.ID == "" || e.Target.API == "control" {
		return text
	}
	text = strings.ReplaceAll(text, e.Target.ID, "ID")
	if _, base, ok := strings.Cut(e.Target.ID, "."); ok && strings.Contains(base, ".") { // a profile's, in whose ARNs the model's own stands too
		text = strings.ReplaceAll(text, base, "ID")
	}
	return text
}

// subjectOf names what was refused.
func subjectOf(f *outcrop.Finding) string {
	switch f.Check {
	case provider.CheckWhole, provider.CheckStream, provider.CheckModel:
		return nameOf(f)
	default:
		if f.Place == "" {
			return f.Subject
		}
		return f.Subject + " in " + f.Place
	}
}

// nameOf names a model as it was asked for; behind a wildcard as it was called.
func nameOf(f *outcrop.Finding) string {
	names := strings.Join(f.Names, ", ")
	if strings.Contains(names, "*") && f.Model != "" {
		return names + " as " + f.Model
	}
	return names
}
