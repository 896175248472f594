// Command check judges what dist has made, by the libraries of those who will read it. It is for tests.
//
//	check image FOLDER             is an OCI image layout whole, by the libraries of registries
//	check compose FILE ENV         prints what Compose reads of a file with the variables of ENV, as JSON
//	check schemas FOLDER           writes the schemas of Kubernetes and of ServiceMonitor for kubeconform -strict
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
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
	case len(args) == 2 && args[0] == "schemas":
		return schemas(ctx, args[1])
	}
	return fmt.Errorf("%q is none of: image FOLDER, compose FILE ENV, schemas FOLDER", args)
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
