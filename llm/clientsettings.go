package llm

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
)

// ClientSettings is how a caller wants its call to reach the model where it does not leave
// that to the gateway: its own credentials, region and address. They are settings
// of a deployment, by the names that LiteLLM's litellm_params has for them, such as
// api_key and aws_region_name. Whether they may be brought is for the deployment to
// say. Nil is an Access without any. It prints as the names, whatever prints, logs
// or marshals it.
type ClientSettings struct {
	// values is a function because a formatter that walks through unexported fields
	// shows nothing of what one holds.
	values func() map[string]string
}

// NewClientSettings makes an Access of settings by name; it is nil if there are none.
func NewClientSettings(settings map[string]string) *ClientSettings {
	if len(settings) == 0 {
		return nil
	}
	own := maps.Clone(settings)
	return &ClientSettings{func() map[string]string { return own }}
}

// Get is the value of a setting; empty if it is not brought.
func (a *ClientSettings) Get(name string) string {
	if a == nil {
		return ""
	}
	return a.values()[name]
}

// Names are the settings that are brought, in the order of the alphabet.
func (a *ClientSettings) Names() []string {
	if a == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(a.values()))
}

// HasEndpoint reports whether an address is brought: then who answers is the
// caller's choice, and so is what it says.
func (a *ClientSettings) HasEndpoint() bool {
	return a.Get("api_base") != "" || a.Get("base_url") != "" || a.Get("aws_bedrock_runtime_endpoint") != ""
}

// String lists the names.
func (a *ClientSettings) String() string { return "[" + strings.Join(a.Names(), " ") + "]" }

// Format writes the names whatever the verb is.
func (a *ClientSettings) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(a.String())) }

// LogValue is String, for package slog.
func (a *ClientSettings) LogValue() slog.Value { return slog.StringValue(a.String()) }

// MarshalText is String, for encoders.
func (a *ClientSettings) MarshalText() ([]byte, error) { return []byte(a.String()), nil }
