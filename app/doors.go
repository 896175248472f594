package app

import (
	"log/slog"
	"net/http"

	"outcrop/config"
	"outcrop/httpd/anthropic"
	"outcrop/httpd/aws"
	"outcrop/httpd/completions"
	"outcrop/httpd/door"
	"outcrop/httpd/embeddings"
	"outcrop/httpd/files"
	"outcrop/httpd/gemini"
	"outcrop/httpd/media"
	"outcrop/httpd/openaichat"
	"outcrop/httpd/passthrough"
	"outcrop/httpd/rerank"
	"outcrop/httpd/responses"
	"outcrop/llm"
	"outcrop/provider"
)

// doors makes the frontends beside that for chat completions, and what they keep.
func (a *App) doors(cfg *config.Config, shared door.Options, s *serving) []door.Frontend {
	g := a.client.Pipeline()
	made := responses.Options{Options: shared, Keeper: a.keeper, Retention: cfg.Responses.Retention, Logger: a.opt.Logger}
	if a.responses == nil {
		a.responses = responses.New(g, made)
	}
	management := a.admin(cfg, s.signIn)
	messages, generate := anthropic.New(g, anthropicDoor(&cfg.Anthropic, shared)), gemini.New(g, shared)
	all := []door.Frontend{
		openaichat.New(g, shared),
		completions.New(g, shared),
		aws.New(g, aws.Options{
			MaxBody:    shared.MaxBody,
			AccessKeys: accessKeys(cfg),
			Instance:   llm.Label{Name: provider.InstanceHeader, Value: a.client.Instance()},
			Default:    firstBedrock(cfg),
			Callable:   a.callable,
		}),
		messages,
		generate,
		embeddings.New(g, shared),
		rerank.New(g, shared),
		media.Images(g, shared),
		media.Audio(g, shared),
		media.Moderations(g, shared),
		a.responses.With(made),
		management,
		management.SCIM(),
		management.SSO(),
	}
	if s.pages != nil {
		all = append(all, s.pages)
	}
	all = append(all, files.New(g, files.Options{Options: shared, Keeper: a.keeper})...)
	if len(cfg.PassThrough) > 0 || cfg.Accounting.StoreModels {
		all = append(all, passthrough.NewEndpoints(g, a.passThroughs(cfg), shared.MaxBody))
	}
	if cfg.NoPassThrough {
		return all
	}
	return append(all, passthrough.New(g, passthrough.Options{ // the last: paths of the others keep their meaning
		MaxBody: shared.MaxBody,
		Errors:  map[string]func(http.ResponseWriter, *llm.Error){"anthropic": messages.WriteError, "gemini": generate.WriteError},
	}))
}

// closeDoors ends what the frontends do in the background, and what they keep.
func (a *App) closeDoors() {
	a.responses.Close()
	for _, p := range a.pages {
		p.Close()
	}
	if err := a.keeper.Close(); err != nil {
		a.opt.Logger.Warn("closing the database", slog.String("error", err.Error()))
	}
}

// accessKeys are the access keys for AWS's own API, by id.
func accessKeys(cfg *config.Config) map[string]aws.AccessKey {
	keys := make(map[string]aws.AccessKey, len(cfg.AccessKeys))
	for _, k := range cfg.AccessKeys {
		keys[k.ID] = aws.AccessKey{Secret: k.Secret.Reveal(), Key: k.Key.Reveal()}
	}
	return keys
}

// firstBedrock is the name of the first deployment of Bedrock, if possible of bedrock-runtime; empty if there is
// none.
func firstBedrock(cfg *config.Config) string {
	name := ""
	for i := range cfg.Models {
		switch m := &cfg.Models[i]; {
		case m.Provider == "bedrock":
			return m.Name
		case name == "" && m.OnBedrock():
			name = m.Name
		}
	}
	return name
}

// anthropicDoor returns the settings of the frontend for Anthropic's clients.
func anthropicDoor(c *config.AnthropicDoor, shared door.Options) anthropic.Options {
	opt := anthropic.Options{Options: shared, DefaultModel: c.DefaultModel, PassUnknownBetas: c.PassUnknownBetas}
	for _, a := range c.Aliases {
		opt.Aliases = append(opt.Aliases, anthropic.Alias(a))
	}
	return opt
}
