package outcrop

import (
	"strings"

	"outcrop/config"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/wire/openaichat"
)

// CheckParameters refuses a configuration with default parameters that every call would fail with:
// clients would get errors that only the operator can fix. The error is a *ConfigError; cfg may be
// nil.
func CheckParameters(cfg *config.Config) error {
	if cfg == nil {
		return nil
	}
	var wrong []config.Problem
	for i := range cfg.Models {
		if _, err := defaultsOf(&cfg.Models[i]); err != nil {
			wrong = append(wrong, cfg.Models[i].Problem(err))
		}
	}
	if len(wrong) > 0 {
		return &ConfigError{Problems: wrong}
	}
	return nil
}

// defaultsOf decodes the parameters of an entry; nil for none. The error names the setting.
func defaultsOf(m *config.Model) (*llm.Defaults, *provider.OptionError) {
	d, err := openaichat.Defaults(m.Parameters)
	if err == nil {
		return d, nil
	}
	e := llm.AsError(err)
	name, _, _ := strings.Cut(e.Param, ".")
	name, _, _ = strings.Cut(name, "[")
	return nil, &provider.OptionError{Option: name, Reason: e.Message}
}
