// Command catalog-refresh makes the embedded data on models and prices anew;
// catalog-refresh --help says how.
package main

import (
	"os"

	"outcrop/cli/catalogrefresh"
)

func main() {
	os.Exit(catalogrefresh.Main(os.Args[1:], os.Stdout, os.Stderr))
}
