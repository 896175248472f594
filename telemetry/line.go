package telemetry

import (
	"log/slog"
	"time"

	"outcrop/llm"
)

// Lines is a slog.Handler that writes records without attributes of its own from the parts of a slog.Record.
type Lines interface {
	// WriteLine writes a record. It does not keep attrs.
	WriteLine(t time.Time, level slog.Level, msg string, attrs []slog.Attr) error
}

// usualAttributes is how many attributes the line of a call has at most, unless it is unusual.
const usualAttributes = 40

// writeLine writes the line of a call without a slog.Record, which would copy its attributes twice.
func (r *Recorder) writeLine(h Lines, level slog.Level, c *Call) {
	list, _ := r.attributes.Get().(*[]slog.Attr)
	if list == nil {
		list = &[]slog.Attr{}
	}
	*list = attributes((*list)[:0], c)
	_ = h.WriteLine(time.Now(), level, "call", *list) // as slog.Logger, which has nobody to tell
	clear(*list)
	r.attributes.Put(list)
}

// maxText bounds each text in the log, in bytes: names come from clients.
const maxText = 1 << 10

// Words is what may be told of a failure: its message, without what the provider repeats of the request.
func Words(e *llm.Error) string { return wordsOf(e).message }

func attributes(a []slog.Attr, c *Call) []slog.Attr {
	text := func(key, value string) {
		if value != "" {
			a = append(a, slog.String(key, llm.Clip(value, maxText)))
		}
	}
	a = append(a, slog.String("id", c.ID), slog.String("door", c.Door))
	text("model", c.Model)
	text("fallback", c.Meta.Fallback)
	text("deployment", c.Meta.Deployment)
	text("target", c.Meta.Destination.String())
	text("reason", c.Meta.Destination.Reason)
	text("upstream_id", c.Meta.UpstreamID)
	text("mirror_of", c.MirrorOf)
	text("client_call_id", c.ClientCall)
	if c.ClientAttempt > 0 {
		a = append(a, slog.Int("client_attempt", c.ClientAttempt))
	}
	if c.ClientAttempts > 0 {
		a = append(a, slog.Int("client_attempts_max", c.ClientAttempts))
	}
	a = append(a, slog.Bool("stream", c.Stream), slog.Int("status", c.Status))
	if c.Cached {
		a = append(a, slog.Bool("cached", true))
	}
	if c.Meta.Retries > 0 {
		a = append(a, slog.Int("retries", c.Meta.Retries))
	}
	if c.FirstToken > 0 {
		a = append(a, slog.Float64("first_token_ms", milliseconds(c.FirstToken)))
	}
	a = append(a, slog.Float64("duration_ms", milliseconds(c.Duration)))
	if c.Usage.Output > 0 || c.Usage.Prompt() > 0 {
		a = append(a, slog.Int64("prompt_tokens", c.Usage.Prompt()), slog.Int64("completion_tokens", c.Usage.Output))
		if n := c.Usage.Reasoning.Value; n > 0 {
			a = append(a, slog.Int64("reasoning_tokens", n))
		}
		if n := c.Usage.CacheRead.Value; n > 0 {
			a = append(a, slog.Int64("cache_read_tokens", n))
		}
		if n := c.Usage.CacheWrite.Value; n > 0 {
			a = append(a, slog.Int64("cache_write_tokens", n))
		}
		if c.Estimated {
			a = append(a, slog.Bool("tokens_estimated", true))
		}
		if c.Foreign {
			a = append(a, slog.Bool("tokens_not_counted", true))
		}
	}
	text("usage_unknown", c.UsageUnknown)
	if c.Usage.SearchUnits > 0 {
		a = append(a, slog.Int64("search_units", c.Usage.SearchUnits))
	}
	if c.Usage.Images > 0 {
		a = append(a, slog.Int64("images", c.Usage.Images))
	}
	if c.Usage.Seconds > 0 {
		a = append(a, slog.Float64("audio_seconds", c.Usage.Seconds))
	}
	if c.Usage.Characters > 0 {
		a = append(a, slog.Int64("characters", c.Usage.Characters))
	}
	text("cost_unknown", c.CostUnknown)
	a = costs(a, c)
	text("stop", c.Stop)
	if n := len(c.Meta.Warnings); n > 0 {
		a = append(a, slog.Int("warnings", n))
	}
	if e := c.Err; e != nil {
		text("code", string(e.Code))
		text("actor", string(e.Responsible()))
		text("retry", string(e.CanRetry()))
		words := wordsOf(e)
		text("error", words.message)
		text("param", words.param)
		text("type", e.Type)
		if c.Meta.Destination == (llm.Destination{}) {
			text("target", e.Destination.String())
			text("reason", e.Destination.Reason)
		}
		if c.Meta.UpstreamID == "" {
			text("upstream_id", e.RequestID)
		}
		if e.UpstreamStatus > 0 {
			a = append(a, slog.Int("upstream_status", e.UpstreamStatus))
		}
		text("why", e.Cause)
		text("fix", e.Fix)
		text("cause", words.cause)
	}
	return a
}

// costs appends what a call has cost, and the batch that it has looked at.
func costs(a []slog.Attr, c *Call) []slog.Attr {
	if c.Usage.Cost.Set {
		a = append(a, slog.Float64("cost_usd", c.Usage.Cost.Value.USD()))
		if c.CostStated {
			a = append(a, slog.String("cost_source", "provider"))
		}
	}
	if c.BatchCost.Set {
		a = append(a, slog.Float64("batch_cost_usd", c.BatchCost.Value.USD()))
		if c.BatchEstimated {
			a = append(a, slog.Bool("batch_cost_estimated", true))
		}
	}
	return a
}

// milliseconds rounds to microseconds.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
