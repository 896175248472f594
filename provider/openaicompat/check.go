package openaicompat

import (
	"context"
	"strings"

	"outcrop/provider"
	"outcrop/provider/modellist"
)

// Identity identifies the key and the address.
func (d *Deployment) Identity() (who string, places []string) {
	who, _ = d.end.Identity()
	return who, []string{d.host()}
}

// Check reads the vendor's list of models, which shows whether the address responds and the key is
// valid.
func (d *Deployment) Check(ctx context.Context, opt provider.CheckOptions, report func(provider.Finding)) {
	_, origin := d.end.Identity()
	d.list().Check(ctx, modellist.Credentials{Kind: provider.CredentialAPIKey, Origin: origin, Missing: d.end.Missing()}, opt, report)
}

// Candidates are models for test calls: those that the vendor lists and the wildcard matches.
func (d *Deployment) Candidates(all bool) []string { return d.list().Candidates(d.params.Model, all) }

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
