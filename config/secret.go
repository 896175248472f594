package config

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
)

// hidden is printed in place of a secret.
const hidden = "[secret]"

// Secret is text that prints as [secret]: under every verb of package fmt, in
// log/slog, in JSON and in other texts.
type Secret string

// Reveal returns the text itself.
func (s Secret) Reveal() string { return string(s) }

// String returns [secret].
func (s Secret) String() string { return hidden }

// Format writes [secret] whatever the verb is.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// LogValue returns [secret].
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText returns [secret].
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// Values are settings by name, secret ones among them. They print as their
// names only.
type Values map[string]string

// String lists the names.
func (v Values) String() string {
	names := make([]string, 0, len(v))
	for name := range v {
		names = append(names, name)
	}
	slices.Sort(names)
	return "[" + strings.Join(names, " ") + "]"
}

// Format writes the names whatever the verb is.
func (v Values) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, v.String()) }

// LogValue returns the names.
func (v Values) LogValue() slog.Value { return slog.StringValue(v.String()) }

// MarshalText returns the names.
func (v Values) MarshalText() ([]byte, error) { return []byte(v.String()), nil }
