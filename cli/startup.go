package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"outcrop"
	"outcrop/app"
	"outcrop/llm"
	"outcrop/provider"
)

// Bounds of the look around at the start: of each check, of all, and of what is
// said of it.
const (
	lookTimeout = 8 * time.Second
	lookLimit   = 10 * time.Second
	lookLines   = 5
)

// lookAround makes the checks that cost nothing while the gateway serves already,
// and says in a few lines what they found. The lists are those that the app has
// read since a moment. told is whether it was said already that there are no
// credentials.
func lookAround(ctx context.Context, w io.Writer, a *app.App, since time.Time, announced bool) {
	limited, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	d := &diagnosis{}
	_ = a.Client().Check(limited, outcrop.CheckOptions{Free: true, Brief: true, Since: since, Timeout: lookTimeout}, d.add) // what was found by then is said
	if ctx.Err() != nil {
		return
	}
	d.sort()
	_, _ = io.WriteString(w, screenOf(w).wrap(strings.Join(d.startLines(a.Emulated(), announced), ""), "  ")) // in one piece, as others write too
}

// startLines says what was found, what is wrong last and at most lookLines in all.
func (d *diagnosis) startLines(emulated, announced bool) []string {
	var lines []string
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf("outcrop: "+format+"\n", args...)) }
	places, addresses := map[int][]string{}, map[int][]string{}
	for i := range d.findings {
		if f := &d.findings[i]; f.Check == provider.CheckEndpoint {
			places[f.CallerIndex] = appendUnique(places[f.CallerIndex], f.Location)
			if f.Address != "" {
				addresses[f.CallerIndex] = appendUnique(addresses[f.CallerIndex], f.Address+" ("+f.Setting+")")
			}
		}
	}
	lists := d.listLine()
	callers, more := 0, 0
	for i := range d.findings {
		f := &d.findings[i]
		switch {
		case f.Check != provider.CheckIdentity || f.State == provider.StateFail || f.Identity.Credential == provider.CredentialUnknown || f.Err != nil:
		case emulated:
			say("%s", strings.TrimSuffix(fmt.Sprintf("calls the emulator as %s in %s; %s", f.Identity.Principal, strings.Join(places[f.CallerIndex], ", "), lists), "; "))
			return append(lines, d.troubles(announced, 1)...)
		case callers == 1:
			more++
		default:
			callers++
			whom := "AWS"
			if len(addresses[f.CallerIndex]) > 0 { // whoever has forgotten such a setting is to see it
				whom = strings.Join(addresses[f.CallerIndex], ", ")
			}
			say("calls %s as %s in %s", whom, caller(f), strings.Join(places[f.CallerIndex], ", "))
		}
	}
	if more > 0 {
		lines[0] = strings.TrimSuffix(lines[0], "\n") + fmt.Sprintf(", and as %d more; outcrop doctor names them\n", more)
	}
	if lists != "" {
		say("%s", lists)
	}
	return append(lines, d.troubles(announced, lookLines-len(lines))...)
}

// caller says who calls, and where the credentials come from.
func caller(f *outcrop.Finding) string {
	if f.Identity.Principal != "" {
		return f.Identity.Principal + " (" + f.Identity.Origin + ")"
	}
	return f.Detail[:strings.IndexByte(f.Detail+";", ';')] + " (" + f.Identity.Origin + ")"
}

// listLine says how much is listed, in each region once; empty if nothing is.
func (d *diagnosis) listLine() string {
	counts, regions := map[string][]string{}, []string(nil)
	for i := range d.findings {
		f := &d.findings[i]
		noun := map[string]string{"ListFoundationModels": "model", "ListInferenceProfiles": "inference profile"}[f.Subject]
		if f.Check != provider.CheckLists || f.State != provider.StateOK || noun == "" {
			continue
		}
		regions = appendUnique(regions, f.Location)
		if len(counts[f.Location]) < 2 { // two who call may list the same region
			counts[f.Location] = append(counts[f.Location], plural(f.Count, noun))
		}
	}
	var parts []string
	for i, region := range regions {
		if i == maxSaid {
			parts = append(parts, fmt.Sprintf("and so on in %d more", len(regions)-maxSaid))
			break
		}
		part := "found " + strings.Join(counts[region], " and ")
		if len(regions) > 1 {
			part += " in " + region
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

// troubles says what is wrong, one line for each reason and at most so many.
func (d *diagnosis) troubles(announced bool, most int) []string {
	var lines []string
	for _, r := range d.refusals() {
		if r.code == llm.CodeUnknownRegion { // the settings that name it were told with their places
			continue
		}
		if announced && (strings.HasPrefix(string(r.code), "credentials.") || slices.Equal(r.subjects, []string{"credentials"})) {
			continue
		}
		line := "outcrop: warning: " + strings.Join(r.subjects[:min(len(r.subjects), maxSaid)], ", ")
		if more := len(r.subjects) - maxSaid; more > 0 {
			line += fmt.Sprintf(" and %d more", more)
		}
		line += ": " + sentence(r.messages)
		if fix := sentence(r.fixes); fix != "" {
			line += " " + fix
		}
		lines = append(lines, line+"\n")
	}
	for i := range d.findings {
		if f := &d.findings[i]; f.State == provider.StateWarn && f.Err == nil {
			lines = append(lines, strings.TrimSpace("outcrop: warning: "+f.Subject+": "+f.Detail+". "+f.Fix)+"\n")
		}
	}
	if len(lines) > most {
		lines = append(lines[:max(0, most-1)], fmt.Sprintf("outcrop: warning: and %d more; outcrop doctor says all\n", len(lines)-max(0, most-1)))
	}
	return lines
}

// sentence is the first of several texts on one line, with a full stop.
func sentence(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	text := llm.Clip(strings.Join(strings.Fields(texts[0]), " "), 600)
	if text != "" && !strings.HasSuffix(text, ".") && !strings.HasSuffix(text, "}") {
		text += "."
	}
	return text
}
