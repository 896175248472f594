package responses

import "outcrop/internal/jsonx"

// Append appends the whole response.
func (a *Answer) Append(dst []byte) []byte {
	w := &jsonx.Writer{Buf: dst}
	a.write(w, a.status(), true)
	return w.Buf
}

// write writes the response in one of its statuses, with or without its output.
func (a *Answer) write(w *jsonx.Writer, status string, whole bool) {
	b := &a.Request.body
	w.Object()
	w.Key("background")
	w.Bool(false)
	if !a.Open {
		w.Key("billing")
		w.Raw(jsonx.Raw(`{"payer":"developer"}`))
		w.Key("completed_at")
		if status == completed {
			w.Int(a.Completed)
		} else {
			w.Null()
		}
	}
	w.Key("created_at")
	w.Int(a.Created)
	w.Key("error")
	w.Null()
	if !a.Open {
		w.Key("frequency_penalty")
		w.Raw(jsonx.Raw("0.0"))
	}
	w.Key("id")
	w.String(a.id())
	w.Key("incomplete_details")
	if status == incomplete {
		w.Raw(jsonx.Raw(`{"reason":"max_output_tokens"}`))
	} else {
		w.Null()
	}
	w.Key("instructions")
	text(w, b.Instructions)
	if !a.Open {
		w.Key("max_output_tokens")
		number(w, b.MaxOutput)
		w.Key("max_tool_calls")
		number(w, b.MaxToolCalls)
	}
	w.Key("metadata")
	orRaw(w, b.Metadata, "{}")
	w.Key("model")
	w.String(a.Request.Model)
	if !a.Open {
		w.Key("moderation")
		w.Null()
	}
	w.Key("object")
	w.Word("response")
	w.Key("output")
	w.Array()
	if whole {
		for i := range a.Blocks {
			a.item(w, i, a.statusOf(i), true)
		}
	}
	w.EndArray()
	w.Key("parallel_tool_calls")
	w.Bool(b.ParallelCalls == nil || *b.ParallelCalls)
	if !a.Open {
		a.settings(w)
	}
	w.Key("service_tier")
	w.Word("default")
	w.Key("status")
	w.Word(status)
	if !a.Open {
		w.Key("store")
		w.Bool(b.Store == nil || *b.Store)
	}
	w.Key("temperature")
	if b.Temperature == nil {
		w.Raw(jsonx.Raw("1.0"))
	} else {
		w.Float(*b.Temperature)
	}
	w.Key("text")
	a.text(w)
	w.Key("tool_choice")
	orRaw(w, b.ToolChoice, `"auto"`)
	w.Key("tools")
	orRaw(w, b.Tools, "[]")
	if !a.Open {
		w.Key("top_logprobs")
		if b.TopLogprobs == nil {
			w.Int(0)
		} else {
			w.Int(*b.TopLogprobs)
		}
	}
	w.Key("top_p")
	switch {
	case b.TopP != nil:
		w.Float(*b.TopP)
	case a.Open:
		w.Raw(jsonx.Raw("1.0"))
	default:
		w.Raw(jsonx.Raw("0.98"))
	}
	w.Key("truncation")
	if b.Truncation == nil {
		w.Word("disabled")
	} else {
		w.String(*b.Truncation)
	}
	w.Key("usage")
	if whole {
		a.usage(w)
	} else {
		w.Null()
	}
	if !a.Open {
		w.Key("user")
		text(w, b.User)
	}
	w.EndObject()
}

// settings writes the members that open models' responses do not have.
func (a *Answer) settings(w *jsonx.Writer) {
	b := &a.Request.body
	w.Key("presence_penalty")
	w.Raw(jsonx.Raw("0.0"))
	w.Key("previous_response_id")
	w.Null()
	w.Key("prompt_cache_key")
	text(w, b.CacheKey)
	w.Key("prompt_cache_retention")
	if b.CacheRetention == nil {
		w.Word("in_memory")
	} else {
		w.String(*b.CacheRetention)
	}
	w.Key("reasoning")
	w.Object()
	effort, summary := "medium", (*string)(nil)
	if r := b.Reasoning; r != nil {
		if r.Effort != nil {
			effort = *r.Effort
		}
		summary = r.Summary
		if r.Context != nil {
			w.Key("context")
			w.String(*r.Context)
		}
	}
	w.Key("effort")
	w.String(effort)
	w.Key("summary")
	text(w, summary)
	w.EndObject()
	w.Key("safety_identifier")
	text(w, b.SafetyID)
}

func (a *Answer) text(w *jsonx.Writer) {
	t := a.Request.body.Text
	w.Object()
	w.Key("format")
	if t == nil || !given(t.Format) {
		w.Raw(jsonx.Raw(`{"type":"text"}`))
	} else {
		w.Raw(t.Format)
	}
	w.Key("verbosity")
	if t == nil || t.Verbosity == nil {
		w.Word("medium")
	} else {
		w.String(*t.Verbosity)
	}
	w.EndObject()
}

func (a *Answer) usage(w *jsonx.Writer) {
	u := &a.Usage
	w.Object()
	w.Key("input_tokens")
	w.Int(u.Prompt())
	w.Key("input_tokens_details")
	w.Object()
	if !a.Open {
		w.Key("cache_write_tokens")
		w.Int(u.CacheWrite.Value)
	}
	w.Key("cached_tokens")
	w.Int(u.CacheRead.Value)
	w.EndObject()
	w.Key("output_tokens")
	w.Int(u.Output)
	w.Key("output_tokens_details")
	w.Object()
	w.Key("reasoning_tokens")
	w.Int(min(a.reasoningTokens(), u.Output))
	w.EndObject()
	w.Key("total_tokens")
	w.Int(u.Prompt() + u.Output)
	w.EndObject()
}

func text(w *jsonx.Writer, s *string) {
	if s == nil {
		w.Null()
	} else {
		w.String(*s)
	}
}

func number(w *jsonx.Writer, n *int64) {
	if n == nil {
		w.Null()
	} else {
		w.Int(*n)
	}
}

func orRaw(w *jsonx.Writer, v jsonx.Raw, absent string) {
	if given(v) {
		w.Raw(v)
	} else {
		w.Raw(jsonx.Raw(absent))
	}
}
