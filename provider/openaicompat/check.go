package openaicompat

import (
	"cmp"
	"context"
	"strings"
	"time"

	"outcrop/llm"
	"outcrop/provider"
)

// checkTimeout bounds each check by default.
const checkTimeout = 15 * time.Second

// Identity identifies the key and the address.
func (d *Deployment) Identity() (who string, places []string) {
	who, _ = d.end.Identity()
	return who, []string{d.host()}
}

// Check reads the vendor's list of models, which shows whether the address responds and the key is
// valid.
func (d *Deployment) Check(ctx context.Context, opt provider.CheckOptions, report func(provider.Finding)) {
	_, origin := d.end.Identity()
	f := provider.Finding{Check: provider.CheckIdentity, Subject: d.vendor.Title, Location: d.host(), State: provider.StateOK}
	f.Identity.Credential, f.Identity.Origin = provider.CredentialAPIKey, origin
	f.Detail = "API key from " + origin
	if missing := d.end.Missing(); missing != nil {
		f.State, f.Err = provider.StateFail, missing
		report(f)
		return
	}
	if d.end.URL(APIModels, "") == nil {
		f.Detail += "; the vendor has no list of models to check it with"
		report(f)
		return
	}
	limited, cancel := context.WithTimeout(ctx, cmp.Or(opt.Timeout, checkTimeout))
	defer cancel()
	start := time.Now()
	l := d.refresh(limited, opt.Since)
	if ctx.Err() != nil {
		return
	}
	f.Took = time.Since(start)
	list := provider.Finding{Check: provider.CheckLists, Subject: "models", Location: d.host(), State: provider.StateOK, Took: f.Took, Count: l.Models}
	if l.Err != nil {
		e := llm.AsError(l.Err)
		if e.Code.Persistent() {
			f.State, f.Err = provider.StateFail, e
		} else { // not every server has a list
			list.State, list.Err = provider.StateWarn, e
		}
	}
	report(f)
	if f.State == provider.StateOK {
		report(list)
	}
}

// Candidates are models for test calls: those that the vendor lists and the wildcard matches.
func (d *Deployment) Candidates(all bool) []string {
	before, after, wild := strings.Cut(d.params.Model, "*")
	if !wild {
		return nil
	}
	const few = 3
	var out []string
	for _, m := range d.Models() {
		if len(m.ID) >= len(before)+len(after) && strings.HasPrefix(m.ID, before) && strings.HasSuffix(m.ID, after) && m.Verb == llm.VerbChat {
			if out = append(out, m.ID); !all && len(out) == few {
				break
			}
		}
	}
	return out
}

// chats reports whether a model probably takes chats, by its name in lower case.
func chats(name string) bool {
	for _, other := range [...]string{"embed", "whisper", "tts", "dall-e", "image", "moderation", "rerank", "audio", "realtime", "transcribe", "babbage", "davinci", "guard", "sora"} {
		if strings.Contains(name, other) {
			return false
		}
	}
	return true
}

var _ provider.Checker = (*Deployment)(nil)
