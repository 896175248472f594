package openaicompat

import (
	"context"
	"slices"
	"strings"

	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/transport"
	wire "outcrop/wire/openaichat"
)

// Dialects are OpenAI's chat completions and Responses, as far as the vendor has them. Vendors whose texts
// have reasoning between tags are served by the common language, which tells them apart.
func (d *Deployment) Dialects() []string {
	var all []string
	if _, responds := d.answersByResponses(d.params.Model, d.params.Facts(d.params.Model)); d.chats() && !responds {
		all = append(all, llm.DialectOpenAI)
	}
	if d.end.URL(APIResponses, d.params.Model) != nil {
		all = append(all, llm.DialectResponses)
	}
	return all
}

// chats reports whether bodies of chat completions pass through.
func (d *Deployment) chats() bool {
	return d.vendor.APIs.Chat != "" && !d.vendor.Quirks.ThinkTags && d.vendor.dialect == nil
}

// Speaks reports whether the target takes bodies of a dialect.
func (t *target) Speaks(dialect string) bool {
	switch dialect {
	case llm.DialectOpenAI:
		return t.d.chats() && (!t.responds || t.withoutResponses())
	case llm.DialectResponses:
		return slices.Contains(t.d.Dialects(), dialect) && !t.withoutResponses()
	case llm.DialectText:
		return t.d.vendor.APIs.Completions != "" && t.d.vendor.completes(t.id)
	default:
		return isPassed(dialect) && t.d.vendor.Path(API(dialect)) != ""
	}
}

// completes reports whether a model has text completions, as far as is known.
func (v *Vendor) completes(model string) bool {
	return len(v.Quirks.TextModels) == 0 || slices.ContainsFunc(v.Quirks.TextModels, func(part string) bool { return strings.Contains(model, part) })
}

// Pass makes one call with a client's body, of which the vendor's edits are made, or one about what the
// vendor keeps.
func (t *target) Pass(ctx context.Context, raw *llm.Raw) (*llm.RawResponse, error) {
	switch {
	case raw.Dialect == llm.DialectResponses && raw.Service:
		return t.service(ctx, raw)
	case raw.Dialect == llm.DialectResponses:
		return t.respond(ctx, raw)
	case isPassed(raw.Dialect):
		return t.passWhole(ctx, raw)
	}
	x, _, err := t.pass(ctx, raw, false)
	if err != nil {
		return nil, err
	}
	body, err := x.body(ctx)
	if err != nil {
		return nil, err
	}
	out, tapped, err := wire.Relay(body, raw.Model)
	if err != nil {
		return nil, x.failed("response", err)
	}
	return &llm.RawResponse{
		Meta: x.meta, Body: out, Usage: tapped.Usage, RawStop: tapped.RawStop, Uncounted: !tapped.Counted, ServiceTier: tapped.ServiceTier,
	}, nil
}

// PassStream makes one call with a client's body, and relays the events of its stream.
func (t *target) PassStream(ctx context.Context, raw *llm.Raw) (llm.RawStream, error) {
	switch {
	case raw.Dialect == llm.DialectResponses:
		return t.respondStream(ctx, raw)
	case isPassed(raw.Dialect):
		return t.passOpen(ctx, raw)
	}
	x, edit, err := t.pass(ctx, raw, true)
	if err != nil {
		return nil, err
	}
	relay := wire.ChunkRelay{Model: raw.Model, IncludeUsage: edit.IncludeUsage, Choices: edit.Choices}
	if raw.Dialect == llm.DialectText {
		relay.Choices = 0 // each prompt has that many; a stream without an end mark may end after the first
	}
	return transport.NewRawStream(x, x.events(), &relay), nil
}

// pass sends a client's body, and returns its edit, which has read it.
func (t *target) pass(ctx context.Context, raw *llm.Raw, stream bool) (*exchange, wire.Edit, error) {
	api, u, edit := APIChat, t.address(stream), t.edit(raw.DropParams)
	if raw.Dialect == llm.DialectText {
		api, u, edit.Edits = APICompletions, t.d.end.URL(APICompletions, t.id), &t.d.vendor.textEdits
	}
	pieces, warnings, err := edit.Apply(raw.Body)
	if err != nil {
		return nil, edit, err
	}
	x, err := t.post(ctx, api, u, raw.Headers, pieces, warnings)
	if err != nil && api == APIChat {
		t.refusesTools(err) // which Takes reports from then on
	}
	return x, edit, err
}

var (
	_ provider.Passer  = (*target)(nil)
	_ provider.Chooser = (*target)(nil)
	_ provider.Speaker = (*Deployment)(nil)
)
