package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

// source is a Go module that has schemas, with its checksum as go.sum has it. The schemas that kubeconform fetches by itself are
// made of the same file of Kubernetes.
type source struct{ module, sum string }

var (
	kubernetes = source{"k8s.io/kubernetes@v1.37.2", "h1:A2VDEiObzkYqFTKhSsn0ZEb0RlLEXpHWj93gi2HqEwE="}
	operator   = source{"github.com/prometheus-operator/prometheus-operator@v0.85.0", "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s="}
)

// schema is a node of a JSON Schema.
type schema = map[string]any

// schemas writes one file for each kind, named as kubeconform's
// -schema-location FOLDER/{{.ResourceKind}}{{.KindSuffix}}.json expects it.
func schemas(ctx context.Context, out string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	dir, err := kubernetes.fetch(ctx)
	if err != nil {
		return err
	}
	if err := builtIn(filepath.Join(dir, "api/openapi-spec/swagger.json"), out); err != nil {
		return err
	}
	if dir, err = operator.fetch(ctx); err != nil {
		return err
	}
	return custom(filepath.Join(dir, "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml"), out)
}

// fetch returns the module's folder.
func (s source) fetch(ctx context.Context) (string, error) {
	text, err := exec.CommandContext(ctx, "go", "mod", "download", "-json", s.module).Output()
	var found struct{ Dir, Sum, Error string }
	if decoded := json.Unmarshal(text, &found); decoded != nil || found.Error != "" || err != nil {
		return "", errors.Join(fmt.Errorf("go mod download %s: %s", s.module, found.Error), err, decoded)
	}
	if found.Sum != s.sum {
		return "", fmt.Errorf("%s has the checksum %s, not %s", s.module, found.Sum, s.sum)
	}
	return found.Dir, nil
}

const definitions = "definitions.json"

// kind is the identity of a schema in Kubernetes's API.
type kind struct{ Group, Kind, Version string }

// file is the name of a kind's schema.
func (k kind) file() string {
	name := k.Kind
	if group, _, _ := strings.Cut(k.Group, "."); group != "" {
		name += "-" + group
	}
	return strings.ToLower(name+"-"+k.Version) + ".json"
}

// builtIn writes the schemas of Kubernetes's own kinds, all of which refer to one file of definitions.
func builtIn(file, out string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var api struct {
		Definitions map[string]schema `json:"definitions"`
	}
	if err := json.Unmarshal(text, &api); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for name, d := range api.Definitions {
		kinds := kindsOf(d)
		strict(d)
		switch {
		case strings.HasSuffix(name, ".IntOrString"):
			api.Definitions[name] = schema{"anyOf": []schema{{"type": "string"}, {"type": "integer"}}}
		case strings.HasSuffix(name, ".Quantity"):
			api.Definitions[name] = schema{"anyOf": []schema{{"type": "string"}, {"type": "number"}}}
		}
		for _, k := range kinds {
			if err := write(filepath.Join(out, k.file()), schema{"$ref": definitions + "#/definitions/" + name}); err != nil {
				return err
			}
		}
	}
	return write(filepath.Join(out, definitions), schema{"definitions": api.Definitions})
}

// kindsOf are the identities that a definition says it has.
func kindsOf(d schema) []kind {
	text, err := json.Marshal(d["x-kubernetes-group-version-kind"])
	if err != nil {
		return nil
	}
	var kinds []kind
	if json.Unmarshal(text, &kinds) != nil || len(kinds) > 1 { // what several kinds have in common, such as DeleteOptions, is no resource
		return nil
	}
	return kinds
}

// strict forbids members that an object does not have, as the API server does for users who ask for it: otherwise a misspelt
// setting is valid.
func strict(s schema) {
	if properties, ok := s["properties"].(schema); ok {
		if _, open := s["additionalProperties"]; !open && s["x-kubernetes-preserve-unknown-fields"] != true {
			s["additionalProperties"] = false
		}
		for p := range maps.Values(properties) {
			if p, ok := p.(schema); ok {
				strict(p)
			}
		}
	}
	for _, name := range []string{"items", "additionalProperties"} {
		if inner, ok := s[name].(schema); ok {
			strict(inner)
		}
	}
	if s["x-kubernetes-int-or-string"] == true {
		s["anyOf"] = []schema{{"type": "string"}, {"type": "integer"}}
	}
}

// custom writes the schema of a kind that a CustomResourceDefinition describes.
func custom(file, out string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var crd struct {
		Spec struct {
			Group    string
			Names    struct{ Kind string }
			Versions []struct {
				Name   string
				Schema struct {
					OpenAPIV3Schema schema `json:"openAPIV3Schema"`
				}
			}
		}
	}
	if err := yaml.Unmarshal(text, &crd); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for _, v := range crd.Spec.Versions {
		s := v.Schema.OpenAPIV3Schema
		strict(s)
		if properties, ok := s["properties"].(schema); ok {
			properties["metadata"] = schema{"$ref": definitions + "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}
		}
		if err := write(filepath.Join(out, kind{crd.Spec.Group, crd.Spec.Names.Kind, v.Name}.file()), s); err != nil {
			return err
		}
	}
	return nil
}

func write(file string, s schema) error {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return err
	}
	return os.WriteFile(file, text.Bytes(), 0o644)
}
