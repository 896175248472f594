package cli

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"outcrop"
	"outcrop/llm"
	"outcrop/provider"
)

// sections are the tables of checks that cost nothing, each with its heading. It is
// never modified.
var sections = [...]struct {
	heading string
	checks  []provider.Check
}{
	{"identity", []provider.Check{provider.CheckIdentity}},
	{"lists", []provider.Check{provider.CheckLists}},
	{"clock", []provider.Check{provider.CheckClock}},
	{"endpoint", []provider.Check{provider.CheckEndpoint, provider.CheckNetwork}},
}

// print writes the findings as text.
func (d *diagnosis) print(w io.Writer) error {
	several := false
	for i := range d.findings {
		several = several || d.findings[i].CallerIndex > 1
	}
	for _, s := range sections {
		if err := d.printSection(w, s.heading, s.checks, several); err != nil {
			return err
		}
	}
	if err := d.printModels(w, several); err != nil {
		return err
	}
	d.printRefusals(w)
	fmt.Fprintln(w)
	d.printSum(w)
	return nil
}

// mark returns a state as shown in the first column.
func mark(s provider.State) string {
	if s == provider.StateFail {
		return "FAIL"
	}
	return string(s)
}

func (d *diagnosis) printSection(w io.Writer, heading string, checks []provider.Check, several bool) error {
	if !slices.ContainsFunc(d.findings, func(f outcrop.Finding) bool { return slices.Contains(checks, f.Check) }) {
		return nil
	}
	fmt.Fprintln(w, screenOf(w).paint(bold, heading))
	defer fmt.Fprintln(w)
	var rows [][]string // the last cell is text, which may wrap
	var widths [4]int
	for _, check := range checks {
		for i := range d.findings {
			f := &d.findings[i]
			if f.Check != check {
				continue
			}
			row := []string{mark(f.State)}
			if several {
				row = append(row, strconv.Itoa(f.CallerIndex))
			}
			switch check {
			case provider.CheckIdentity, provider.CheckClock:
			default:
				row = append(row, f.Location, f.Subject)
			}
			for i, cell := range row {
				widths[i] = max(widths[i], utf8.RuneCountInString(cell))
			}
			rows = append(rows, append(row, line(f)))
		}
	}
	for _, row := range rows {
		var prefix strings.Builder
		prefix.WriteString("  ")
		for i, cell := range row[:len(row)-1] {
			prefix.WriteString(cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)) + columnGap)
		}
		if _, err := fmt.Fprintln(w, screenOf(w).hang(prefix.String(), row[len(row)-1])); err != nil {
			return err
		}
	}
	return nil
}

// line returns a finding as text.
func line(f *outcrop.Finding) string {
	text := f.Detail
	if f.Err != nil {
		text = strings.TrimSuffix(string(f.Err.Code)+"; "+text, "; ")
	}
	switch {
	case f.Check == provider.CheckIdentity:
		text = who(f)
	case f.Check == provider.CheckEndpoint && f.Err == nil:
		text += "; responds in " + took(f.Took)
	}
	if f.Fix != "" {
		text += ". " + f.Fix
	}
	return text
}

// who returns the caller, its credentials and where they come from.
func who(f *outcrop.Finding) string {
	id := &f.Identity
	var parts []string
	if f.Subject != provider.SubjectCredentials {
		parts = append(parts, f.Subject)
	}
	if f.Err != nil {
		parts = append(parts, string(f.Err.Code))
	}
	switch {
	case f.Err == nil && id.Principal != "":
		parts = append(parts, id.Principal+" in account "+id.Account)
	case f.Detail != "":
		parts = append(parts, f.Detail)
	}
	switch id.Credential {
	case provider.CredentialKey:
		parts = append(parts, "access key "+id.Key+" from "+id.Origin)
	case provider.CredentialSession:
		key := "temporary access key " + id.Key + " from " + id.Origin
		if !id.Expires.IsZero() {
			key += ", valid until " + id.Expires.UTC().Format(time.RFC3339)
		}
		parts = append(parts, key)
	default:
		parts = append(parts, "from "+id.Origin)
	}
	return strings.Join(parts, "; ")
}

func (d *diagnosis) printModels(w io.Writer, several bool) error {
	calls := d.calls()
	if len(calls) == 0 && d.noCredentials() {
		return nil
	}
	fmt.Fprintln(w, screenOf(w).paint(bold, "models"))
	for i := range d.findings {
		if f := &d.findings[i]; f.Check == provider.CheckModel {
			fmt.Fprintln(w, screenOf(w).hang(fmt.Sprintf("  %-4s  ", mark(f.State)), nameOf(f)+": "+line(f)))
		}
	}
	if len(calls) == 0 {
		if d.made == 0 && d.planned == 0 {
			fmt.Fprintln(w, "  no model was called")
		}
		return nil
	}
	t := table{columns: []column{{head: "  "}, {head: "WHO", worth: 5}, {head: "MODEL"}, {head: "CALLS", worth: 3}, {head: "REGION", worth: 4}, {head: "ANSWER"}, {head: "STREAM"}, {head: "WHY", worth: 2}}}
	for _, c := range calls {
		f := c.any()
		name := nameOf(f)
		t.rows = append(t.rows, []string{"  " + mark(c.state()), strconv.Itoa(f.CallerIndex), name, dash(f.Target.ID), dash(f.Location), answered(c.whole), answered(c.stream), why(f)})
	}
	if !several {
		t.columns = slices.Delete(t.columns, 1, 2)
		for i := range t.rows {
			t.rows[i] = slices.Delete(t.rows[i], 1, 2)
		}
	}
	t.print(w, screenOf(w))
	return nil
}

// noCredentials reports whether there are no credentials at all, so that nothing else was
// checked.
func (d *diagnosis) noCredentials() bool {
	found := false
	for i := range d.findings {
		switch f := &d.findings[i]; {
		case f.Check != provider.CheckIdentity:
		case f.Err == nil || f.Err.Code != llm.CodeCredentialsMissing:
			return false
		default:
			found = true
		}
	}
	return found
}

// answered returns the result of one call.
func answered(f *outcrop.Finding) string {
	switch {
	case f == nil:
		return "-"
	case f.Err != nil:
		return string(f.Err.Code)
	default:
		return took(f.Took)
	}
}

func took(d time.Duration) string { return max(d.Round(time.Millisecond), time.Millisecond).String() }

// why returns the reason for the choice of the target.
func why(f *outcrop.Finding) string {
	if f.Target.Reason != "" && f.Detail == "" {
		return f.Target.Reason
	}
	return dash(f.Detail)
}

// printRefusals explains each distinct refusal: what it means, who can fix it, and how.
func (d *diagnosis) printRefusals(w io.Writer) {
	s := screenOf(w)
	const indent = "     "
	for i, r := range d.refusals() {
		if i == 0 {
			fmt.Fprintln(w, "\n"+s.paint(bold, "problems"))
		}
		head := s.hang(fmt.Sprintf("  %d. ", i+1), fmt.Sprintf("%s: %s", r.code, r.code.Info().Meaning))
		if r.state == provider.StateFail {
			head = s.paint(red, head)
		}
		fmt.Fprintln(w, head)
		entry := func(label string, texts []string) {
			for j, text := range texts {
				if j == maxTexts {
					text = fmt.Sprintf("and %d more like these; use --json to see all", len(texts)-maxTexts)
				}
				if j > maxTexts {
					break
				}
				fmt.Fprintln(w, s.hang(fmt.Sprintf("%s%-15s ", indent, label), text))
				label = ""
			}
		}
		entry("message:", r.messages)
		entry("cause:", slices.DeleteFunc(slices.Clone(r.causes), func(cause string) bool { // repeats the heading
			return strings.EqualFold(strings.TrimSuffix(cause, "."), r.code.Info().Meaning)
		}))
		entry("how to fix it:", r.fixes)
		entry("who can fix it:", []string{actor(r.actor)})
		entry("statement:", r.missing())
		entry("more:", r.docs)
		entry("affects:", []string{strings.Join(r.subjects, ", ")})
	}
}

// missing returns the missing statement, unless a fix already contains it. Several
// statements are left out: they are parts of the policy that the fix explains how to
// write.
func (r *refusal) missing() []string {
	var out []string
	if len(r.statements) > 1 {
		return nil
	}
	for _, s := range r.statements {
		if !strings.Contains(strings.Join(r.fixes, "\n"), s) {
			out = append(out, s)
		}
	}
	return out
}

// actor returns who can fix a problem.
func actor(a llm.Actor) string {
	switch a {
	case llm.ActorCaller:
		return "the sender of the request"
	case llm.ActorOperator:
		return "the operator of the gateway"
	case llm.ActorAWSAdmin:
		return "the administrator of the AWS account"
	case llm.ActorOrganizationAdmin:
		return "the administrator of the AWS organization"
	case llm.ActorAWS:
		return "AWS: wait, use another region, or open a support case"
	case llm.ActorProvider:
		return "the provider: wait, use another one, or ask its support"
	default:
		return string(a)
	}
}

// printSum writes a one-line summary.
func (d *diagnosis) printSum(w io.Writer) {
	var good, other, half, bad int
	for _, c := range d.calls() {
		switch {
		case c.any().Verb != llm.VerbChat && c.state() != provider.StateFail:
			other++
		case c.whole != nil && c.stream != nil && c.whole.State != provider.StateFail && c.stream.State != provider.StateFail:
			good++
		case c.state() == provider.StateFail && c.whole != nil && c.stream != nil && c.whole.State != c.stream.State:
			half++
		case c.state() == provider.StateFail:
			bad++
		}
	}
	switch {
	case d.interrupted:
		fmt.Fprintf(w, "interrupted after %d of at most %s", d.made, plural(d.planned, "probe"))
	case d.made > 0:
		fmt.Fprintf(w, "%s made", plural(d.made, "probe"))
	case d.healthy():
		fmt.Fprintln(w, "no problems found")
		return
	case d.noCredentials():
		fmt.Fprintln(w, "nothing else was checked, because every call needs credentials")
		return
	default:
		fmt.Fprintln(w, "some or all calls will fail")
		return
	}
	if cost := d.cost(); cost > 0 {
		fmt.Fprintf(w, " for $%s", cost)
	}
	switch {
	case other == 0:
		fmt.Fprintf(w, "; %s can be called both with and without streaming", plural(good, "model"))
	case good == 0:
		fmt.Fprintf(w, "; %s for embeddings or reranking can be called", plural(other, "model"))
	default:
		fmt.Fprintf(w, "; %s can be called both with and without streaming, and %d for embeddings or reranking", plural(good, "model"), other)
	}
	if half > 0 {
		fmt.Fprintf(w, ", %d only in one of the two ways", half)
	}
	if bad > 0 {
		fmt.Fprintf(w, ", %d not at all", bad)
	}
	fmt.Fprintln(w)
}
