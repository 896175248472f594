// Command check judges what dist has made, by the libraries of those who will read it. It is for tests.
//
//	check image FOLDER             is an OCI image layout whole, by the libraries of registries
//	check compose FILE ENV         prints what Compose reads of a file with the variables of ENV, as JSON
//	check json FILE                prints the documents of a YAML file as JSON
//	check schemas FOLDER           writes the schemas of Kubernetes and of ServiceMonitor for kubeconform -strict
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"sigs.k8s.io/yaml"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "check:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	switch {
	case len(args) == 2 && args[0] == "image":
		return image(args[1])
	case len(args) == 3 && args[0] == "compose":
		return compose(ctx, args[1], args[2], out)
	case len(args) == 2 && args[0] == "json":
		return documents(args[1], out)
	case len(args) == 2 && args[0] == "schemas":
		return schemas(ctx, args[1])
	}
	return fmt.Errorf("%q is none of: image FOLDER, compose FILE ENV, json FILE, schemas FOLDER", args)
}

// image reads every blob of a layout, and compares digests, sizes and the identities of layers.
func image(dir string) error {
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return err
	}
	return validate.Index(index)
}

// compose reads a file as docker compose config does: against its schema, with variables replaced and references checked.
func compose(ctx context.Context, file, env string, out io.Writer) error {
	options, err := cli.NewProjectOptions([]string{file}, cli.WithEnvFiles(env), cli.WithDotEnv)
	if err != nil {
		return err
	}
	project, err := options.LoadProject(ctx)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(project, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s\n", text)
	return err
}

var separator = regexp.MustCompile(`(?m)^---$`)

// documents prints each document of a file as Kubernetes reads it.
func documents(file string, out io.Writer) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for _, document := range separator.Split(string(text), -1) {
		object, err := yaml.YAMLToJSONStrict([]byte(document))
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if string(object) != "null" {
			if _, err := fmt.Fprintf(out, "%s\n", object); err != nil {
				return err
			}
		}
	}
	return nil
}
