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

// Limits of the checks at startup: the time of each check, the time of all, and the
// lines printed.
const (
	startCheckTimeout  = 8 * time.Second
	startChecksTimeout = 10 * time.Second
	maxStartLines      = 5
)

// startChecks makes the checks that cost nothing while the gateway already serves, and
// prints a few lines of findings. It uses the lists that the app has read since a given
// time. announced is whether missing credentials have been printed already.
func startChecks(ctx context.Context, w io.Writer, a *app.App, since time.Time, announced bool) {
	limited, cancel := context.WithTimeout(ctx, startChecksTimeout)
	defer cancel()
	d := &diagnosis{}
	_ = a.Client().Check(limited, outcrop.CheckOptions{Free: true, Brief: true, Since: since, Timeout: startCheckTimeout}, d.add) // after an interrupt, the findings so far are printed
	if ctx.Err() != nil {
		return
	}
	d.sort()
	_, _ = io.WriteString(w, screenOf(w).wrap(strings.Join(d.startLines(a.Emulated(), announced), ""), "  ")) // in one write, because others write too
}

// startLines returns at most maxStartLines lines on the findings, problems last.
func (d *diagnosis) startLines(emulated, announced bool) []string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf("outcrop: "+format+"\n", args...)) }
	locations, addresses := map[int][]string{}, map[int][]string{}
	for i := range d.findings {
		if f := &d.findings[i]; f.Check == provider.CheckEndpoint {
			locations[f.CallerIndex] = appendUnique(locations[f.CallerIndex], f.Location)
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
			add("%s", strings.TrimSuffix(fmt.Sprintf("calling the emulator as %s in %s; %s", f.Identity.Principal, strings.Join(locations[f.CallerIndex], ", "), lists), "; "))
			return append(lines, d.warnings(announced, 1)...)
		case callers == 1:
			more++
		default:
			callers++
			endpoint := "AWS"
			if f.Subject != provider.SubjectCredentials {
				endpoint = f.Subject
			}
			if len(addresses[f.CallerIndex]) > 0 { // show a setting that may have been forgotten
				endpoint = strings.Join(addresses[f.CallerIndex], ", ")
			}
			text := fmt.Sprintf("calling %s as %s", endpoint, caller(f))
			if in := locations[f.CallerIndex]; len(in) > 0 && in[0] != "" {
				text += " in " + strings.Join(in, ", ")
			}
			add("%s", text)
		}
	}
	if more > 0 {
		lines[0] = strings.TrimSuffix(lines[0], "\n") + fmt.Sprintf(", and as %d more; run outcrop doctor to see all\n", more)
	}
	if lists != "" {
		add("%s", lists)
	}
	return append(lines, d.warnings(announced, maxStartLines-len(lines))...)
}

// caller returns the caller and where its credentials come from.
func caller(f *outcrop.Finding) string {
	if f.Identity.Principal != "" {
		return f.Identity.Principal + " (" + f.Identity.Origin + ")"
	}
	return f.Detail[:strings.IndexByte(f.Detail+";", ';')] + " (" + f.Identity.Origin + ")"
}

// listLine returns how many models and profiles were listed in each region; empty if none.
func (d *diagnosis) listLine() string {
	counts, regions := map[string][]string{}, []string(nil)
	for i := range d.findings {
		f := &d.findings[i]
		noun := map[string]string{"ListFoundationModels": "model", "ListInferenceProfiles": "inference profile"}[f.Subject]
		if f.Check != provider.CheckLists || f.State != provider.StateOK || noun == "" {
			continue
		}
		regions = appendUnique(regions, f.Location)
		if len(counts[f.Location]) < 2 { // two callers may list the same region
			counts[f.Location] = append(counts[f.Location], plural(f.Count, noun))
		}
	}
	var parts []string
	for i, region := range regions {
		if i == maxTexts {
			parts = append(parts, fmt.Sprintf("and more in %d other regions", len(regions)-maxTexts))
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

// warnings returns one line for each reason of a failure or warning, and no more than most
// lines.
func (d *diagnosis) warnings(announced bool, most int) []string {
	var lines []string
	for _, r := range d.refusals() {
		if r.code == llm.CodeUnknownRegion { // already reported with the position of the setting
			continue
		}
		if announced && (strings.HasPrefix(string(r.code), "credentials.") || slices.Equal(r.subjects, []string{"credentials"})) {
			continue
		}
		line := "outcrop: warning: " + strings.Join(r.subjects[:min(len(r.subjects), maxTexts)], ", ")
		if more := len(r.subjects) - maxTexts; more > 0 {
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
		lines = append(lines[:max(0, most-1)], fmt.Sprintf("outcrop: warning: and %d more; run outcrop doctor to see all\n", len(lines)-max(0, most-1)))
	}
	return lines
}

// sentence returns the first of several texts on one line, with a full stop.
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
