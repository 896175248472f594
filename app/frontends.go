package app

import (
	"outcrop/config"
	"outcrop/httpd/anthropic"
	"outcrop/httpd/door"
)

// accessKeys are the secrets of the access keys for AWS's own API, by id.
func accessKeys(cfg *config.Config) map[string]string {
	keys := make(map[string]string, len(cfg.AccessKeys))
	for _, k := range cfg.AccessKeys {
		keys[k.ID] = k.Secret.Reveal()
	}
	return keys
}

// firstBedrock is the name of the first deployment of Bedrock; empty if there is none.
func firstBedrock(cfg *config.Config) string {
	for i := range cfg.Models {
		if cfg.Models[i].Provider == "bedrock" {
			return cfg.Models[i].Name
		}
	}
	return ""
}

// anthropicDoor returns the settings of the frontend for Anthropic's clients.
func anthropicDoor(c *config.AnthropicDoor, shared door.Options) anthropic.Options {
	opt := anthropic.Options{Options: shared, DefaultModel: c.DefaultModel, PassUnknownBetas: c.PassUnknownBetas}
	for _, a := range c.Aliases {
		opt.Aliases = append(opt.Aliases, anthropic.Alias(a))
	}
	return opt
}
