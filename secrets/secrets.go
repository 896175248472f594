// Package secrets is what a gateway has of a secret manager: reading the values that its configuration refers to,
// and keeping the keys that it makes. The packages below it know the managers themselves.
//
// The settings and their meaning are LiteLLM's (LiteLLM 1.110.2, litellm/types/secret_managers/main.py and
// litellm/secret_managers).
package secrets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/internal/parallel"
)

// System is a kind of secret manager, general_settings.key_management_system.
type System string

// Systems.
const (
	AWS   System = "aws_secret_manager"
	Vault System = "hashicorp_vault"
)

// Settings are how a secret manager is reached, and how secrets are written there.
type Settings struct {
	System System
	// Primary is primary_secret_name: the secret whose members are all others; empty for none.
	Primary string
	// AWS are the settings of its credentials and region that are set, by LiteLLM's names, such as aws_role_name.
	AWS map[string]string
	// Environ looks up a variable of the gateway's environment, never of the manager. It must not be nil.
	Environ func(string) string

	// Description and Tags are those of secrets that are created, and KMSKey is the AWS key that encrypts them; all
	// may be empty. Regions are those to which AWS replicates them.
	Description string
	Tags        map[string]string
	KMSKey      string
	Regions     []string
}

// String says which system it is; the settings may have secrets.
func (s *Settings) String() string { return "settings of " + string(s.System) }

// Format writes String for every verb.
func (s *Settings) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText is String, for encoders.
func (s *Settings) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue is String, for package slog.
func (s *Settings) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Manager is a secret manager. It is safe for use by many goroutines. Errors are of type *Error, or the cause of
// ctx's end.
type Manager interface {
	// Name is the manager in messages, such as AWS Secrets Manager in eu-west-1.
	Name() string
	// Read returns the value of a secret, and whether there is such a secret.
	Read(ctx context.Context, name string) (value string, found bool, err error)
	// Members returns the members of a secret that has several, and whether there is such a secret.
	Members(ctx context.Context, name string) (members map[string]string, found bool, err error)
	// Write creates a secret, or gives it another value.
	Write(ctx context.Context, name, value string) error
	// Delete deletes a secret. If there is no such secret, there is no error.
	Delete(ctx context.Context, name string) error
	// Close ends what the manager does in the background.
	Close()
}

// Error is why a manager did not do what it was asked. No field has the value of a secret.
type Error struct {
	// Message says what failed and what the manager said, without a full stop.
	Message string
	// Fix is the next step; empty if none is known.
	Fix string
	// Whole is whether the manager gives the gateway nothing at all: it cannot be reached, or does not accept its
	// credentials.
	Whole bool
}

func (e *Error) Error() string { return e.Message }

// Result is what became of reading one secret.
type Result struct {
	// Found is whether there is such a secret, unless Err tells why that is not known.
	Found bool
	Err   *Error

	value string
}

// Reveal returns the value.
func (r Result) Reveal() string { return r.value }

// Format writes nothing of the value, whatever the verb is.
func (r Result) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[secret]") }

// atOnce is how many secrets are read at the same time. AWS permits 10,000 reads a second.
const atOnce = 8

// Fetch reads secrets, each as itself or, if primary is not empty, as a member of that secret. An error of one secret
// is in its result; the error of Fetch is one that concerns all.
func Fetch(ctx context.Context, m Manager, primary string, names []string) (map[string]Result, error) {
	if primary != "" {
		return fetchMembers(ctx, m, primary, names)
	}
	results := make([]Result, len(names))
	err := parallel.Do(ctx, len(names), atOnce, func(ctx context.Context, i int) error {
		var err error
		results[i], err = read(ctx, m, names[i])
		return err
	})
	if err != nil {
		return nil, err
	}
	all := make(map[string]Result, len(names))
	for i, name := range names {
		all[name] = results[i]
	}
	return all, nil
}

// read reads one secret. Its error is one that concerns all.
func read(ctx context.Context, m Manager, name string) (Result, error) {
	if e := CheckName(name); e != nil {
		return Result{Err: e}, nil //nolint:nilerr // the result has it
	}
	value, found, err := m.Read(ctx, name)
	if e, ok := errors.AsType[*Error](err); ok && !e.Whole {
		return Result{Err: e}, nil
	}
	return Result{value: value, Found: found}, err
}

func fetchMembers(ctx context.Context, m Manager, primary string, names []string) (map[string]Result, error) {
	if e := CheckName(primary); e != nil {
		return nil, e
	}
	members, found, err := m.Members(ctx, primary)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, &Error{Message: "the primary secret " + strconv.Quote(primary) + " does not exist in " + m.Name(), Fix: "Create it, with the other secrets as its members, or correct primary_secret_name."}
	}
	all := make(map[string]Result, len(names))
	for _, name := range names {
		value, ok := members[name]
		all[name] = Result{Found: ok, value: value}
	}
	return all, nil
}

// CheckName refuses names that would lead to another secret than they say, as LiteLLM does: a manager may take them
// for a path. Fetch checks names; whoever writes or deletes secrets has to.
func CheckName(name string) *Error {
	bad := name == "" || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r >= 0x7f && r <= 0x9f || r == '\u2028' || r == '\u2029' })
	for part := range strings.SplitSeq(name, "/") {
		bad = bad || part == ".."
	}
	if bad {
		return &Error{Message: strconv.Quote(name) + " is not the name of a secret: it must not be empty, and must have neither control characters nor a segment .."}
	}
	return nil
}

// ReadMembers reads a JSON object whose members are secrets: texts as they are, and other values as JSON, because a
// number may be a password too. Members that are null are left out.
func ReadMembers(object []byte) (map[string]string, error) {
	v := jsonx.Raw(object)
	if !v.IsValid() || v.Kind() != '{' {
		return nil, errors.New("it is not a JSON object")
	}
	members, err := jsonx.Members(v)
	if err != nil {
		return nil, errors.New("it is not a JSON object, or has a member twice") // the error may quote the value
	}
	all := make(map[string]string, len(members))
	for _, m := range members {
		switch m.Value.Kind() {
		case 'n':
		case '"':
			var text string
			if err := jsonx.Unmarshal(m.Value, &text); err != nil {
				return nil, errors.New("a member is not valid text")
			}
			all[m.Name] = text
		default:
			all[m.Name] = string(m.Value)
		}
	}
	return all, nil
}
