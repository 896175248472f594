// Command outcrop is an LLM gateway; outcrop --help says what it can do.
package main

import (
	"os"
	_ "time/tzdata" // for model_info.access_windows, because the image has no time zones

	"outcrop/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr))
}
