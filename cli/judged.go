package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"outcrop/config"
	"outcrop/provider/all"
)

type schemaCommand struct{}

// Run prints the schema.
func (schemaCommand) Run(con console) error { return config.WriteSchema(con.out, all.Providers()) }

// printJudged lists keys of configuration files by their places, with what becomes of each.
func printJudged(w io.Writer, keys []config.Judged) {
	t := table{columns: []column{{head: "line", right: true}, {head: "key"}, {head: "what becomes of it"}}}
	file := keys[0].File
	for i := range keys {
		k := &keys[i]
		at := strconv.Itoa(k.Line)
		if k.File != file { // included
			at = k.File + ":" + at
		}
		what := k.Verdict.String()
		switch {
		case k.Note != "" && k.Verdict == config.VerdictWorks:
			what += " otherwise: " + k.Note
		case k.Note != "":
			what += ": " + k.Note
		}
		t.rows = append(t.rows, []string{at, k.Path, what})
	}
	t.print(w, screenOf(w))
}

// countJudged says how many keys work, and how many do not, such as: 47 of 49 keys work; 2 are not needed.
func countJudged(keys []config.Judged) string {
	var counts [config.VerdictRefused + 1]int
	for i := range keys {
		counts[keys[i].Verdict]++
	}
	line := fmt.Sprintf("%d of %s", counts[config.VerdictWorks], plural(len(keys), "key"))
	if len(keys) == 1 || counts[config.VerdictWorks] == 1 {
		line += " works"
	} else {
		line += " work"
	}
	var others []string
	for _, o := range []struct {
		verdict   config.Verdict
		one, more string
	}{
		{config.VerdictInPart, "works in part", "work in part"},
		{config.VerdictNotNeeded, "is not needed", "are not needed"},
		{config.VerdictNotThere, "has no effect", "have no effect"},
		{config.VerdictUnknown, "is unknown", "are unknown"},
		{config.VerdictRefused, "is refused", "are refused"},
	} {
		switch n := counts[o.verdict]; n {
		case 0:
		case 1:
			others = append(others, "1 "+o.one)
		default:
			others = append(others, strconv.Itoa(n)+" "+o.more)
		}
	}
	if len(others) > 0 {
		line += "; " + strings.Join(others, ", ")
	}
	return line
}
