package app

import (
	"context"
	"strconv"

	"outcrop/config"
	"outcrop/export"
	"outcrop/store"
)

// storedContent is the name of the callback that keeps what calls have asked and were answered in the database.
const storedContent = "store_prompts_in_spend_logs"

// storedTexts is how many characters of each text are kept; 0 if nothing is.
func (c *callbacks) storedTexts(cfg *config.Config) int {
	if !cfg.Callbacks.Stored || cfg.Callbacks.NoContent {
		return 0
	}
	if n, err := strconv.Atoi(cfg.Getenv(c.environ)("MAX_STRING_LENGTH_PROMPT_IN_DB")); err == nil && n > 0 {
		return n
	}
	return 2048 // LiteLLM's
}

// keep writes what calls have asked and were answered to the database.
func (c *callbacks) keep(ctx context.Context, all []export.Kept) error {
	p, err := c.tenants.get(ctx)
	if err != nil {
		return err
	}
	contents := make([]store.Content, len(all))
	for i, k := range all {
		contents[i] = store.Content{RequestID: k.ID, Start: k.Started, Request: k.Request, Response: k.Response}
	}
	return p.store.KeepContents(ctx, contents)
}
