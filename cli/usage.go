package cli

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"outcrop/internal/levenshtein"
	"outcrop/provider/bedrock/endpoint"
)

// misunderstood describes the error in a command line, and the next step.
func misunderstood(err error, args []string, root *kong.Node) (what, hint string) {
	what, near, _ := strings.Cut(err.Error(), ", did you mean ")
	what, hint = reworded(what), "Run outcrop --help for the commands, or outcrop COMMAND --help for the flags of a command."
	command := commandOf(args, root)
	if command != "" {
		hint = "Run outcrop " + command + " --help for its arguments and flags."
	}
	word, unexpected := strings.CutPrefix(what, "unexpected argument ")
	flag, unknown := strings.CutPrefix(what, "unknown flag ")
	node := nodeOf(command, root)
	switch {
	case strings.Contains(what, "no such file or directory"):
		return what, "Check the file name, and the folder that the command runs in."
	case unexpected && len(args) > 0 && strings.HasPrefix(word, args[0]):
		what = fmt.Sprintf("unknown command %q", args[0])
		if name := nearCommand(args[0], root); name != "" {
			return what, "Did you mean outcrop " + name + "?"
		}
		command, node = "serve", nodeOf("serve", root)
	case unexpected && command != "" && len(node.Children) > 0:
		if name := nearCommand(word, node); name != "" {
			return what, "Did you mean outcrop " + command + " " + name + "?"
		}
	case unknown:
		if instead := withoutFlag(flag, args, command, node); instead != "" {
			return what, "Did you mean " + instead + "?"
		}
		if near != "" && strings.HasPrefix(flag, "--") { // all short flags are similar
			return what, "Did you mean " + choice(strings.Split(strings.NewReplacer("one of ", "", `"`, "", "?", "").Replace(near), ", ")) + "?"
		}
	}
	if name := flagFor(word, node); unexpected && name != "" {
		hint = "Did you mean outcrop " + command + " --" + name + " " + word + "?"
	}
	return what, hint
}

// reworded returns a message of the parser in plain English.
func reworded(message string) string {
	names, isMissing := strings.CutPrefix(message, "missing flags: ")
	subject, problem, isFlag := strings.Cut(message, ": ")
	_, got, _ := strings.Cut(problem, " but got ")
	argument, isArgument := strings.CutPrefix(message, `expected "<`)
	command, isCommand := strings.CutPrefix(message, "expected ")
	switch enum, value, isEnum := strings.Cut(message, " but got "); {
	case isArgument && strings.HasSuffix(argument, `>"`):
		return strings.ToUpper(strings.TrimSuffix(argument, `>"`)) + " is missing"
	case isCommand:
		return "the subcommand is missing: " + choice(strings.Split(strings.ReplaceAll(strings.TrimPrefix(command, "one of "), `"`, ""), ", "))
	case isMissing:
		var flags []string
		for flag := range strings.SplitSeq(names, ", ") {
			name, _, _ := strings.Cut(flag, "=")
			flags = append(flags, name)
		}
		if len(flags) == 1 {
			return flags[0] + " is missing"
		}
		return strings.Join(flags, ", ") + " are missing"
	case isFlag && (strings.HasPrefix(problem, "missing value") || strings.Contains(got, "EOL")):
		return subject + " needs a value"
	case isFlag && strings.Contains(got, " flag)"):
		next, _, _ := strings.Cut(got, " (")
		return subject + " needs a value, but " + strings.Trim(next, `"`) + " follows it"
	case isFlag && strings.HasPrefix(problem, "expected a valid "):
		return subject + " must be a whole number, not " + got
	case isFlag && strings.HasPrefix(problem, "bool value must be "):
		return subject + " must be true or false, not " + got
	case isEnum && strings.Contains(enum, " must be one of "):
		subject, values, _ := strings.Cut(enum, " must be one of ")
		if name, ok := strings.CutPrefix(subject, "<"); ok {
			subject = strings.ToUpper(strings.TrimSuffix(name, ">"))
		}
		return subject + " must be " + choice(strings.Split(strings.ReplaceAll(values, `"`, ""), ",")) + ", not " + value
	default:
		return message
	}
}

// choice joins words with or.
func choice(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// nodeOf returns the node of a command as commandOf returns it.
func nodeOf(command string, root *kong.Node) *kong.Node {
	at := root
	for name := range strings.FieldsSeq(command) {
		for _, child := range at.Children {
			if child.Name == name {
				at = child
				break
			}
		}
	}
	return at
}

// isConfigFile reports whether a word looks like the name of a configuration file.
func isConfigFile(word string) bool {
	return slices.Contains([]string{".yaml", ".yml"}, strings.ToLower(filepath.Ext(word)))
}

// flagFor returns the flag of a command that an unexpected argument was probably meant for; empty if
// there is none.
func flagFor(word string, command *kong.Node) string {
	has := func(name string) bool {
		flags := command.Flags
		if command.DefaultCmd != nil {
			flags = slices.Concat(flags, command.DefaultCmd.Flags)
		}
		return slices.ContainsFunc(flags, func(f *kong.Flag) bool { return f.Name == name })
	}
	wanted := []string{"model"}
	switch {
	case isConfigFile(word):
		wanted = []string{"config", "account"}
	case slices.Contains(spendColumns(), word):
		wanted = []string{"by"}
	case word != "" && strings.Trim(word, "0123456789") == "":
		wanted = []string{"port", "days"}
	case endpoint.CheckRegion(word) == nil:
		wanted = []string{"region"}
	}
	for _, name := range wanted {
		if has(name) {
			return name
		}
	}
	return ""
}

// withoutFlag returns the command line that an unknown flag was probably meant for, where it is a flag of
// a subcommand, or the name of a file that the command takes as an argument; empty if there is none.
func withoutFlag(flag string, args []string, command string, node *kong.Node) string {
	name := strings.TrimLeft(flag, "-")
	for _, child := range node.Children {
		if slices.ContainsFunc(child.Flags, func(f *kong.Flag) bool { return f.Name == name }) {
			return strings.TrimSpace("outcrop "+command) + " " + child.Name + " --" + name
		}
	}
	takesFile := slices.ContainsFunc(node.Positional, func(p *kong.Positional) bool { return p.Name == "file" })
	if at := slices.Index(args, flag); takesFile && (name == "config" || name == "file" || name == "c") && at >= 0 && at+1 < len(args) {
		return "outcrop " + command + " " + args[at+1]
	}
	return ""
}

// commandOf returns the words of a command line that name a command; empty if the first
// word does not.
func commandOf(args []string, root *kong.Node) string {
	var words []string
	at := root
	for _, word := range args {
		i := slices.IndexFunc(at.Children, func(n *kong.Node) bool { return n.Name == word && !n.Hidden })
		if i < 0 {
			break
		}
		at = at.Children[i]
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// nearCommand returns the command that was probably meant; empty if none is similar.
func nearCommand(word string, of *kong.Node) string {
	near, fewest := "", 3
	for _, n := range of.Children {
		if n.Hidden {
			continue
		}
		far := levenshtein.Distance(word, n.Name)
		if len(word) >= 2 && strings.HasPrefix(n.Name, word) {
			far = min(far, 1)
		}
		if far < fewest && far < len(n.Name) {
			near, fewest = n.Name, far
		}
	}
	return near
}
