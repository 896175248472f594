// Command outcrop is an LLM gateway; outcrop --help says what it can do.
package main

import (
	"os"

	"outcrop/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr))
}
