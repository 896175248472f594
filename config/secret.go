package config

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
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

// Values are settings by name, including secrets. Only the names can be printed.
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

// Parameters are request parameters by name. A value may be secret, such as a header,
// so only the names can be printed.
type Parameters []jsonx.Member

// String returns the names.
func (p Parameters) String() string {
	names := make([]string, 0, len(p))
	for _, m := range p {
		names = append(names, m.Name)
	}
	return "[" + strings.Join(names, " ") + "]"
}

// Format writes the names whatever the verb is.
func (p Parameters) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, p.String()) }

// LogValue returns the names.
func (p Parameters) LogValue() slog.Value { return slog.StringValue(p.String()) }

// MarshalText returns the names.
func (p Parameters) MarshalText() ([]byte, error) { return []byte(p.String()), nil }
