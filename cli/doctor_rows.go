package cli

import (
	"maps"
	"slices"
	"strings"

	"outcrop"
	"outcrop/llm"
	"outcrop/provider"
)

// modelCall holds the findings on one model of one deployment.
type modelCall struct {
	whole, stream *outcrop.Finding // nil if that call was not made
}

// any returns the finding to show for both: a failure if there is one.
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

// state returns the worse state of the two.
func (c *modelCall) state() provider.State { return c.any().State }

// calls pairs the non-streaming and the streaming calls, in the order of the findings.
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

// cost returns the cost of the calls, as far as it is known.
func (d *diagnosis) cost() llm.Cost {
	var sum llm.Cost
	for i := range d.findings {
		sum += d.findings[i].Cost.Value
	}
	return sum
}

// refusal is one reason for refusals, with everything that was refused for it.
type refusal struct {
	code  llm.Code
	actor llm.Actor
	// state is fail if the reason keeps a requested model from being called.
	state    provider.State
	subjects []string
	errors   []*llm.Error
	// These have no duplicates. Texts about several ids are stored without the ids.
	messages, causes, fixes, statements, docs []string
}

// maxTexts is how many different texts of one kind are shown for a refusal.
const maxTexts = 3

// refusals groups refusals by code and by who can fix them, failures first. Missing
// permissions for lists and for calls are separate groups.
func (d *diagnosis) refusals() []*refusal {
	var all []*refusal
	byKey := map[string]*refusal{}
	for _, state := range []provider.State{provider.StateFail, provider.StateWarn} {
		for i := range d.findings {
			f := &d.findings[i]
			if f.Err == nil || f.State != state {
				continue
			}
			key := groupOf(f)
			if byKey[key] == nil {
				byKey[key] = &refusal{code: f.Err.Code, actor: f.Err.Responsible(), state: state}
				all = append(all, byKey[key])
			}
			byKey[key].add(f)
		}
	}
	slices.SortStableFunc(all, func(a, b *refusal) int { return cause(a.code) - cause(b.code) })
	for _, r := range all {
		r.collect()
		if len(r.statements) > 1 {
			r.fixes = r.policies(d.account())
		}
	}
	return all
}

// cause ranks codes that may be the cause of other failures first: a region that does
// not exist, then credentials.
func cause(code llm.Code) int {
	switch {
	case code == llm.CodeUnknownRegion:
		return 0
	case strings.HasPrefix(string(code), "credentials."):
		return 1
	default:
		return 2
	}
}

// account returns the calling account; empty if there are several, or none is known.
func (d *diagnosis) account() string {
	var all []string
	for i := range d.findings {
		all = appendUnique(all, d.findings[i].Identity.Account)
	}
	if len(all) != 1 {
		return ""
	}
	return all[0]
}

// policies returns commands that write one policy for all refused calls, one command
// for each region.
func (r *refusal) policies(account string) []string {
	models := map[string][]string{}
	for _, e := range r.errors {
		if e.Destination.ID != "" && e.Destination.Region != "" {
			models[e.Destination.Region] = appendUnique(models[e.Destination.Region], e.Destination.ID)
		}
	}
	var out []string
	for _, region := range slices.Sorted(maps.Keys(models)) {
		command := []string{"outcrop bedrock policy --region", region}
		if account != "" {
			command = append(command, "--account", account)
		}
		for _, id := range models[region] {
			command = append(command, "--model", id)
		}
		what := "To write the policy: "
		if len(models[region]) > 1 {
			what = "To write one policy for all of them: "
		}
		out = append(out, what+strings.Join(command, " "))
	}
	return out
}

func groupOf(f *outcrop.Finding) string {
	key := string(f.Err.Code) + " " + string(f.Err.Responsible())
	if f.Err.Code.Denied() && f.Check == provider.CheckLists {
		key += " lists"
	}
	return key
}

// add adds a finding.
func (r *refusal) add(f *outcrop.Finding) {
	r.errors = append(r.errors, f.Err)
	subject := subjectOf(f)
	if f.Check == provider.CheckStream && !slices.Contains(r.subjects, subject) {
		subject += " streaming"
	}
	if f.Check != provider.CheckStream || !slices.Contains(r.subjects, subjectOf(f)) {
		r.subjects = appendUnique(r.subjects, subject)
	}
}

// collect collects the texts of all errors, without duplicates.
func (r *refusal) collect() {
	ids := map[string]bool{}
	for _, e := range r.errors {
		ids[e.Destination.ID] = true
	}
	for _, e := range r.errors {
		words := func(text string) string { return text }
		if len(ids) > 1 && e.Code != llm.CodeModelUnknown && e.Code != llm.CodeModelNotInRegion { // these are about the ids
			words = func(text string) string { return withoutID(text, e) }
		}
		r.messages = appendUnique(r.messages, words(e.Message))
		r.causes = appendUnique(r.causes, words(e.Cause))
		r.fixes = appendUnique(r.fixes, words(e.Fix))
		r.statements = appendUnique(r.statements, string(e.Statement))
		for _, more := range e.Statements {
			r.statements = appendUnique(r.statements, string(more))
		}
		r.docs = appendUnique(r.docs, e.Docs)
	}
}

// appendUnique appends s unless it is empty or already present.
func appendUnique(all []string, s string) []string {
	if s == "" || slices.Contains(all, s) {
		return all
	}
	return append(all, s)
}

// withoutID removes the called id from a text, so that texts that differ only in their
// ids become equal.
func withoutID(text string, e *llm.Error) string {
	if e.Destination.ID == "" || e.Destination.API == "control" {
		return text
	}
	text = unnamed(text, e.Destination.ID)
	if _, base, ok := strings.Cut(e.Destination.ID, "."); ok && strings.Contains(base, ".") { // the ARNs of a profile contain the model's id too
		text = unnamed(text, base)
	}
	return text
}

// unnamed replaces an id by "the model", or within ARNs by a wildcard.
func unnamed(text, id string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, id)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		switch n := len(before); {
		case n > 0 && isWord(before[n-1]) || after != "" && isWord(after[0]): // a part of another word, such as x in proxy
			b.WriteString(id)
		case n > 0 && strings.IndexByte("/:.", before[n-1]) >= 0:
			b.WriteByte('*')
		case strings.HasSuffix(before, "--model "):
			b.WriteString("MODEL")
		case strings.HasSuffix(before, "profile "), strings.HasSuffix(before, "model "):
			b.WriteString("in question")
		case strings.HasSuffix(before, "model '") && strings.HasPrefix(after, "'"):
			quoted := strings.TrimSuffix(b.String(), "'")
			b.Reset()
			b.WriteString(quoted + "in question")
			after = after[1:]
		default:
			b.WriteString("the model")
		}
		text = after
	}
}

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// subjectOf returns the name of what was refused.
func subjectOf(f *outcrop.Finding) string {
	switch f.Check {
	case provider.CheckWhole, provider.CheckStream, provider.CheckModel:
		return nameOf(f)
	default:
		if f.Location == "" {
			return f.Subject
		}
		return f.Subject + " in " + f.Location
	}
}

// nameOf returns the name that a model was requested by; for a wildcard also the model.
func nameOf(f *outcrop.Finding) string {
	names := strings.Join(f.Names, ", ")
	if strings.Contains(names, "*") && f.Model != "" {
		return names + " as " + f.Model
	}
	return names
}
