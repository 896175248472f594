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
	"outcrop/store"
)

// doors makes the frontends beside that for chat completions, and what they keep. api is all of them together.
func (a *App) doors(shared door.Options, api func() http.Handler) ([]door.Frontend, error) {
	gateway, cfg := a.client.Pipeline(), a.client.Config()
	a.keeper = store.NewKeeper(store.KeeperOptions{Options: store.Options{Dir: a.opt.DataDir}, Logger: a.opt.Logger})
	a.responses = responses.New(gateway, responses.Options{Options: shared, Keeper: a.keeper, Retention: cfg.Responses.Retention, Logger: a.opt.Logger})
	people := a.signIn()
	var err error
	if a.pages, err = a.newPages(api, people); err != nil {
		return nil, err
	}
	if people != nil {
		people.Enter = a.pages.Enter
	}
	management := a.admin(gateway, people)
	messages, generate := anthropic.New(gateway, anthropicDoor(&cfg.Anthropic, shared)), gemini.New(gateway, shared)
	all := []door.Frontend{
		openaichat.New(gateway, shared),
		completions.New(gateway, shared),
		aws.New(gateway, aws.Options{
			MaxBody:    shared.MaxBody,
			AccessKeys: accessKeys(cfg),
			Instance:   llm.Label{Name: provider.InstanceHeader, Value: a.client.Instance()},
			Default:    firstBedrock(cfg),
			Callable:   a.callable,
		}),
		messages,
		generate,
		embeddings.New(gateway, shared),
		rerank.New(gateway, shared),
		media.Images(gateway, shared),
		media.Audio(gateway, shared),
		media.Moderations(gateway, shared),
		a.responses,
		management,
		management.SCIM(),
		management.SSO(),
		a.pages,
	}
	all = append(all, files.New(gateway, files.Options{Options: shared, Keeper: a.keeper})...)
	if cfg.NoPassThrough {
		return all, nil
	}
	return append(all, passthrough.New(gateway, passthrough.Options{ // the last: paths of the others keep their meaning
		MaxBody: shared.MaxBody,
		Errors:  map[string]func(http.ResponseWriter, *llm.Error){"anthropic": messages.WriteError, "gemini": generate.WriteError},
	})), nil
}

// closeDoors ends what the frontends do in the background, and what they keep.
func (a *App) closeDoors() {
	a.responses.Close()
	a.pages.Close()
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
