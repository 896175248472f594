package bedrock

import (
	"strings"

	"outcrop/llm"
	"outcrop/provider/bedrock/inventory"
)

// Which models take a schema for their answer, and strict tools, is a table of package
// converse; Bedrock has gained and lost both for models since they came out, and differs
// by region. Where it refuses what the table allows, the call is made once more with a
// tool in place of the schema, or without strict, and calls of the next hour begin so.

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

// refusedFeature is the feature that a refusal is about, if the target gives it.
func (w *target) refusedFeature(e *llm.Error) (f inventory.Feature, ok bool) {
	if e.UpstreamStatus != 400 {
		return 0, false
	}
	says := func(phrases []string) bool {
		for _, p := range phrases {
			if strings.Contains(e.Message, p) {
				return true
			}
		}
		return false
	}
	switch {
	case w.model.NativeFormat() && says(formatRefused):
		return inventory.NativeFormat, true
	case w.model.StrictTools() && says(strictRefused):
		return inventory.StrictTools, true
	default:
		return 0, false
	}
}

// without takes from the target what AWS has refused in calls of it.
func (w *target) without(state *inventory.State) {
	refused := func(f inventory.Feature) bool {
		return state.Refuses(f, w.destination.ID, w.destination.Region)
	}
	w.noFormat, w.noStrict = refused(inventory.NativeFormat), refused(inventory.StrictTools)
	if w.noFormat || w.noStrict {
		w.model = w.model.Without(w.noFormat, w.noStrict)
	}
}
