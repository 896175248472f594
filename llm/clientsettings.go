package llm

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
)

// ClientSettings are deployment settings that a client supplies with its request, such as its own
// credentials, region and endpoint. Their names are those of LiteLLM's litellm_params, such as
// api_key and aws_region_name. Each deployment decides which ones it accepts. A nil ClientSettings
// has none. Every formatter, logger and encoder prints the names only, never the values.
type ClientSettings struct {
	// values is a function because a formatter that walks through unexported fields cannot print
	// what a function has captured.
	values func() map[string]string
}

// NewClientSettings makes ClientSettings of settings by name; it is nil if there are none.
func NewClientSettings(settings map[string]string) *ClientSettings {
	if len(settings) == 0 {
		return nil
	}
	own := maps.Clone(settings)
	return &ClientSettings{func() map[string]string { return own }}
}

// Get returns the value of a setting; empty if the client did not supply it.
func (a *ClientSettings) Get(name string) string {
	if a == nil {
		return ""
	}
	return a.values()[name]
}

// Names lists the supplied settings in alphabetical order.
func (a *ClientSettings) Names() []string {
	if a == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(a.values()))
}

// HasEndpoint reports whether the client supplied an endpoint: then the client chose the server,
// and the gateway cannot trust what that server returns.
func (a *ClientSettings) HasEndpoint() bool {
	return a.Get("api_base") != "" || a.Get("base_url") != "" || a.Get("aws_bedrock_runtime_endpoint") != ""
}

// String lists the names.
func (a *ClientSettings) String() string { return "[" + strings.Join(a.Names(), " ") + "]" }

// Format writes the names, whatever the verb.
func (a *ClientSettings) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(a.String())) }

// LogValue is String, for package slog.
func (a *ClientSettings) LogValue() slog.Value { return slog.StringValue(a.String()) }

// MarshalText is String, for encoders.
func (a *ClientSettings) MarshalText() ([]byte, error) { return []byte(a.String()), nil }
