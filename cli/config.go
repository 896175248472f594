package cli

import (
	"fmt"
	"log/slog"
	"runtime/debug"

	"outcrop"
	"outcrop/app"
)

type checkCommand struct {
	File             string `arg:"" type:"path" help:"The configuration, LiteLLM's config.yaml."`
	AllowUnsupported bool   `help:"Take settings that limit callers and are not enforced as warnings."`
}

// Run prints every problem; without an error among them the file can be served.
func (c *checkCommand) Run(con console) error {
	flags := configFlags{ConfigFile: c.File, AllowUnsupported: c.AllowUnsupported}
	cfg, err := flags.load(con.err)
	if err != nil {
		return err
	}
	if err := app.Check(cfg); err != nil {
		return err
	}
	plain := slog.New(slog.NewTextHandler(con.err, &slog.HandlerOptions{Level: slog.LevelWarn, ReplaceAttr: withoutTime}))
	client, err := outcrop.New(outcrop.Options{Config: cfg, Logger: plain}) // it opens every deployment, and calls nothing
	if err != nil {
		return err
	}
	if err := client.Close(); err != nil {
		return err
	}
	fmt.Fprintf(con.out, "%s: good, %s\n", c.File, plural(len(cfg.Models), "deployment"))
	return nil
}

// withoutTime leaves the time out of a log line: it is now.
func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

type versionCommand struct{}

// Run prints the version, the commit that it was built from, and Go's version.
func (versionCommand) Run(con console) error {
	fmt.Fprintln(con.out, "outcrop "+outcrop.Version+" ("+build()+")")
	return nil
}

// build says which commit was built, and with which Go.
func build() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown build"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value[:min(12, len(s.Value))] + ", " + info.GoVersion
		}
	}
	return info.GoVersion
}
