package llm

import (
	"slices"

	"outcrop/internal/jsonx"
)

// WhyOllamas is why a parameter of Ollama's is dropped.
const WhyOllamas = "it is an option of Ollama's, which this model does not have"

// IsOllamas reports whether a parameter says how Ollama's server loads and runs a model
// (https://docs.ollama.com/modelfile#parameter, https://docs.ollama.com/api/chat). No other provider has it,
// and clients that were written for Ollama send it to every model.
func IsOllamas(name string) bool {
	switch name {
	case "num_ctx", "num_gpu", "num_thread", "num_keep", "num_batch", "keep_alive":
		return true
	default:
		return false
	}
}

// WithoutOllamas returns the request without parameters of Ollama's, and a warning of each. The request
// itself stays as it is.
func (r *Request) WithoutOllamas() (*Request, []Warning) {
	var warnings []Warning
	for _, m := range r.ModelFields {
		if IsOllamas(m.Name) {
			warnings = append(warnings, Warning{Code: WarnDropped, Field: m.Name, Detail: WhyOllamas})
		}
	}
	if warnings == nil {
		return r, nil
	}
	own := *r
	own.ModelFields = slices.DeleteFunc(slices.Clone(r.ModelFields), func(m jsonx.Member) bool { return IsOllamas(m.Name) })
	return &own, warnings
}
