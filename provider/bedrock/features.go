package bedrock

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"outcrop/internal/lazyregexp"
	"outcrop/llm"
	"outcrop/provider/bedrock/diagnose"
	"outcrop/provider/bedrock/inventory"
	"outcrop/provider/bedrock/invoke"
	"outcrop/provider/bedrock/modelid"
)

// Which models take a schema for their answer, and strict tools, is a table of package
// converse; Bedrock has gained and lost both for models since they came out, and differs
// by region. Where it refuses what the table allows, the call is made once more with a
// tool in place of the schema, or without strict, and calls of the next hour begin so. The same
// holds for the media that a model reads, and for members and betas of Claude's.

// formatRefused are Bedrock's words for a model that takes no schema for its answer, and
// strictRefused for one that takes no strict tools
// (https://github.com/anthropics/anthropic-sdk-python/issues/1759 of 2026-07-15,
// https://github.com/MattJColes/lgtmaybe/pull/536 of 2026-08-26,
// https://github.com/lobehub/lobehub/issues/19876 of 2026-09-23). What it says of a
// member of the schema, or of one tool's other members, has other words behind the name.
var (
	formatRefused = []string{
		"output_config.format: Extra inputs are not permitted", "output_format: Extra inputs are not permitted",
		"extraneous key [outputConfig]", "support the outputConfig",
	}
	strictRefused = []string{".custom.strict: Extra inputs are not permitted", "extraneous key [strict]", ".toolSpec.strict field"}
)

// schemaRefused are Bedrock's words for one schema that it cannot have the model follow, of a
// model that follows others (https://github.com/anthropics/anthropic-sdk-python/issues/1185 of
// 2026-02-18, https://github.com/TanStack/ai/pull/686 of 2026-06-02 and
// https://github.com/vercel/ai/pull/17268 of 2026-07-15).
var schemaRefused = []string{
	"output_config.format.schema", "compiled grammar is too large", "Schema is too complex", "Schemas contains too many",
}

// says reports whether AWS refused a call with one of the phrases.
func says(e *llm.Error, phrases []string) bool {
	return e.UpstreamStatus == http.StatusBadRequest && slices.ContainsFunc(phrases, func(p string) bool { return strings.Contains(e.Message, p) })
}

// refusedFeature is the feature that a refusal is about, if the target gives it: a part of the
// request, or the API itself where the model has another.
func (w *target) refusedFeature(e *llm.Error) (f inventory.Feature, ok bool) {
	invoked := e.Destination.API == opInvoke || e.Destination.API == opCountTokens
	if f, ok := w.refusedMedia(e); ok {
		return f, true
	}
	switch {
	case e.Code == llm.CodeWrongSurface && w.claude() && w.route == modelid.Auto && !w.onNone && e.Destination.API != opCountTokens:
		if invoked {
			return inventory.InvokeModel, true
		}
		return inventory.Converse, true
	case e.Code == llm.CodeWrongSurface && w.responds() && !w.openai.OnMantle && !w.noConverse && e.Destination.API == opConverse:
		return inventory.Converse, true
	case w.model.NativeFormat() && says(e, formatRefused):
		return inventory.NativeFormat, true
	case w.model.StrictTools() && says(e, strictRefused):
		return inventory.StrictTools, true
	case w.model.StreamTools() && says(e, streamToolsRefused):
		return inventory.StreamTools, true
	case invoked && w.claude() && e.UpstreamStatus == http.StatusBadRequest:
		name, ok := invoke.Refused(e.Message)
		return inventory.Feature(name), ok && w.canLack(name)
	case w.claude() && e.UpstreamStatus == http.StatusBadRequest:
		name, ok := invoke.RefusedBeta(e.Message)
		return inventory.Feature(name), ok && w.canLack(name)
	default:
		return "", false
	}
}

// streamToolsRefused are Bedrock's words for a model that has tools, but not in ConverseStream
// (https://github.com/earendil-works/pi/issues/3739 of 2026-04-26, of Llama 4).
var streamToolsRefused = []string{"support tool use in streaming mode"}

// mediaRefused are AWS's words for media that a model does not read ("content block"), or not where
// they are ("field for user messages", which tool results become;
// https://github.com/anomalyco/opencode/issues/49443 of 2026-09-17).
var mediaRefused = lazyregexp.New(`doesn't support the (image|document|video|audio) (content block|field)`) //nolint:gochecknoglobals // compiled once

// refusedMedia is the feature of media that a refusal is about, if the target gives it: that they are
// in tool results, or else that they are there at all.
func (w *target) refusedMedia(e *llm.Error) (inventory.Feature, bool) {
	if e.UpstreamStatus != http.StatusBadRequest {
		return "", false
	}
	words := mediaRefused.FindStringSubmatch(e.Message)
	if words == nil {
		return "", false
	}
	for i := range mediaFeatures {
		f := &mediaFeatures[i]
		if f.word == words[1] && (!f.inResults || words[2] != "content block") && w.model.TakesMedia(f.kind, f.inResults) {
			return f.name, true
		}
	}
	return "", false
}

// mediaFeatures are the features of media, those of tool results first. It is never written to.
var mediaFeatures = []struct {
	name      inventory.Feature
	word      string // AWS's
	kind      llm.BlockKind
	inResults bool
}{
	{inventory.ResultImages, "image", llm.BlockImage, true},
	{inventory.ResultDocuments, "document", llm.BlockDocument, true},
	{inventory.ResultVideos, "video", llm.BlockVideo, true},
	{inventory.Images, "image", llm.BlockImage, false},
	{inventory.Documents, "document", llm.BlockDocument, false},
	{inventory.Videos, "video", llm.BlockVideo, false},
	{inventory.Audio, "audio", llm.BlockAudio, false},
}

// maxLacks bounds the features that are left out for a model, because clients can make up members.
const maxLacks = 16

// canLack reports whether leaving a feature out is something new.
func (w *target) canLack(name string) bool {
	return len(w.lacks) < maxLacks && !slices.Contains(w.lacks, name)
}

// without takes from the target what AWS has refused in calls of it.
func (w *target) without(state *inventory.State) {
	for _, f := range state.Refused(w.destination.ID, w.destination.Region) {
		switch f {
		case inventory.NativeFormat:
			w.noFormat = true
		case inventory.StrictTools:
			w.noStrict = true
		case inventory.Converse:
			w.noConverse = true
		case inventory.InvokeModel:
			w.noInvoke = true
		case inventory.CountTokens:
			w.noCount = true
		case inventory.Responses:
			w.openai.refused = true
		case inventory.StreamTools:
			w.lacks = append(w.lacks, string(f))
			w.model = w.model.WithoutStreamTools()
		case inventory.Doubt:
			w.doubted = true
		default:
			if w.suspect(f) {
				continue
			}
			w.lacks = append(w.lacks, string(f))
			for i := range mediaFeatures {
				if m := &mediaFeatures[i]; m.name == f {
					w.model = w.model.WithoutMedia(m.kind, m.inResults)
				}
			}
		}
	}
	w.settleAPI()
	if w.noFormat || w.noStrict {
		w.model = w.model.Without(w.noFormat, w.noStrict)
	}
}

// settleAPI decides by which API the model is called if AWS has refused it at one. If it has refused
// it at both, no other API can help: calls go where they would go otherwise, and the client gets that
// refusal.
func (w *target) settleAPI() {
	if w.openai.refused {
		w.destination.Reason = "AWS refused this model in the Responses API, so Converse serves it; " + w.destination.Reason
	}
	switch {
	case w.noConverse && w.noInvoke:
		w.noConverse, w.noInvoke, w.onNone = false, false, true
	case w.noConverse && w.claude():
		w.destination.Reason = "Converse refused this model, so InvokeModel serves it; " + w.destination.Reason
	case w.noConverse:
		w.destination.Reason = "Converse refused this model; " + w.destination.Reason
	case w.noInvoke:
		w.destination.Reason = "InvokeModel refused this model, so Converse serves it; " + w.destination.Reason
	}
}

// again makes a refused call once more without what the refusal is about, if that is known and not all
// of the request: fewer tokens, or a tool in place of the schema. Otherwise it returns the refusal. It is
// separate from call for the sake of the stack of open streams.
//
//go:noinline
func (w *target) again(ctx context.Context, req *llm.Request, stream, format bool, refusal error) (*call, error) {
	e := llm.AsError(refusal)
	if most := diagnose.MostTokens(e); most > 0 && most < req.MaxTokens.Value && !w.limited && (!req.KeepMaxTokens || !w.claude()) {
		less := *w
		less.limited = true
		lowered, warnings := req.Within(most)
		less.warnings = append(slices.Clip(w.warnings), warnings...)
		return less.call(ctx, lowered, stream)
	}
	if format {
		return w.withoutSchema(ctx, req, stream, refusal)
	}
	return nil, refusal
}

// withoutSchema makes a refused call once more with a tool in place of the schema, if the
// refusal is about the schema of req and not about the model; otherwise it returns the refusal.
// Nothing is recorded, because the model may accept the next schema.
func (w *target) withoutSchema(ctx context.Context, req *llm.Request, stream bool, refusal error) (*call, error) {
	if e := llm.AsError(refusal); !e.Upstream || !says(e, schemaRefused) {
		return nil, refusal
	}
	less := *w
	less.model = w.model.Without(true, false)
	less.warnings = append(slices.Clip(w.warnings), llm.Warning{
		Code: llm.WarnChanged, Field: req.FieldName(llm.Field{Kind: llm.FieldFormat}),
		Detail: "Bedrock refused the schema, so it was passed to the model by a tool and is not enforced; a smaller schema with fewer optional properties and unions may be accepted",
	})
	return less.call(ctx, req, stream)
}
