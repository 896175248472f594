// Package migrate makes a configuration of Outcrop from that of another gateway: LiteLLM's config.yaml, which is
// kept and annotated, Bifrost's config.json and Portkey's configs, which are rewritten.
//
// What cannot be taken over is never left out in silence: it becomes a comment that begins with "# outcrop:".
package migrate

import (
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"outcrop/config"
)

// Format is whose configuration a file is.
type Format string

// Formats.
const (
	Unknown Format = ""
	LiteLLM Format = "litellm"
	Bifrost Format = "bifrost"
	Portkey Format = "portkey"
)

// Options is what File migrates.
type Options struct {
	// Source is the file, and what it is read with. Its Secrets are not called.
	Source config.Source
	// From is whose configuration it is; Unknown to recognize it.
	From Format
	// SecretsToEnv is whether secrets in the file become references to environment variables.
	SecretsToEnv bool
}

// Result is a configuration of Outcrop.
type Result struct {
	// From is whose configuration the file was.
	From Format
	// Text is the configuration, as YAML. It has the secrets that the file has, unless they became references.
	Text []byte
	// Removed, Decide and Notes count the keys that are commented out or not taken over, those with which the gateway
	// does not start, and the remarks on others.
	Removed, Decide, Notes int
	// Moved are the variables that have to be set because secrets became references to them, and Unset those that
	// the configuration refers to otherwise and the environment does not have.
	Moved, Unset []string
}

// InvalidError is a file that cannot be migrated.
type InvalidError struct {
	// Problems say why, with positions. There is at least one.
	Problems []config.Problem
}

// Error returns the first problem.
func (e *InvalidError) Error() string { return e.Problems[0].String() }

// File makes a configuration of Outcrop from a file. If the file cannot be read, the error is an *InvalidError.
func File(o Options) (*Result, error) {
	o.Source.Secrets = noSecrets
	tree, tokens, problems := config.Parse(o.Source.Name, o.Source.Data)
	if tree == nil {
		return nil, &InvalidError{notJSON(o.Source, problems)}
	}
	root := body(tree)
	from, problem := recognized(o.Source.Name, root)
	switch {
	case root == nil && o.From == LiteLLM:
		return fromLiteLLM(o, tokens)
	case root == nil:
		problem.Message, problem.Hint = "the file is empty", ""
		return nil, &InvalidError{[]config.Problem{*problem}}
	case o.From != Unknown:
		from = o.From
	case from == Unknown:
		return nil, &InvalidError{[]config.Problem{*problem}}
	}
	switch from {
	case Bifrost:
		return fromBifrost(o, root)
	case Portkey:
		return fromPortkey(o, root)
	default:
		return fromLiteLLM(o, tokens)
	}
}

// body returns what is in the document; nil if it is empty.
func body(tree *ast.File) ast.Node {
	for _, doc := range tree.Docs {
		if doc.Body != nil {
			return doc.Body
		}
	}
	return nil
}

// recognized finds out by the keys of a file whose configuration it is. If it is nobody's, the problem says so.
func recognized(name string, root ast.Node) (Format, *config.Problem) {
	v := read(root)
	problem := &config.Problem{
		Severity: config.Error, File: name, Message: "the file is not a configuration that is known here",
		Hint: "LiteLLM's has keys such as model_list, Bifrost's providers, and Portkey's strategy and targets, or provider; --from litellm, bifrost or portkey tells which it is",
	}
	if v != nil {
		problem.Line, problem.Column = v.line, v.column
	}
	if v == nil || v.kind != object {
		return Unknown, problem
	}
	has := func(names ...string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return v.find(name) != nil })
	}
	schema := v.find("$schema")
	switch {
	case has("model_list", "litellm_settings", "general_settings", "router_settings", "outcrop_settings", "include", "environment_variables"):
		return LiteLLM, nil
	case schema != nil && strings.Contains(schema.text, "getbifrost"), isKind(v.find("providers"), object), has("config_store", "governance", "logs_store"):
		return Bifrost, nil
	case has("strategy", "targets", "provider", "virtual_key", "override_params"), has("cache") && !isKind(v.find("cache"), scalar), has("retry"):
		return Portkey, nil
	}
	for _, k := range config.Keys() {
		if k.Section == "" && has(k.Name) {
			return LiteLLM, nil
		}
	}
	return Unknown, problem
}
