package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// helpCommand only adds help to the list of commands: Main rewrites it to COMMAND --help.
type helpCommand struct {
	Command []string `arg:"" optional:"" help:"The command."`
}

// Run is never called.
func (helpCommand) Run() error { return nil }

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// completeWord is the first argument by which a completion script asks for the
// completions of the other arguments.
const completeWord = "__complete"

// Run prints the script, which calls this program for the completions.
func (c *completionCommand) Run(con console) error {
	_, err := fmt.Fprint(con.out, map[string]string{
		"bash": `# outcrop completion bash > /etc/bash_completion.d/outcrop, or: source <(outcrop completion bash)
_outcrop() {
	local IFS=$'\n'
	COMPREPLY=($(compgen -W "$(outcrop ` + completeWord + ` "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _outcrop outcrop
`,
		"zsh": `#compdef outcrop
# outcrop completion zsh > "${fpath[1]}/_outcrop", or: source <(outcrop completion zsh)
_outcrop() {
	local -a found
	found=("${(@f)$(outcrop ` + completeWord + ` "${(@)words[2,CURRENT]}" 2>/dev/null)}")
	if [[ -n "$found" ]]; then compadd -a found; else _files; fi
}
compdef _outcrop outcrop
`,
		"fish": `# outcrop completion fish > ~/.config/fish/completions/outcrop.fish
function __outcrop_complete
	set -l words (commandline -opc) (commandline -ct)
	outcrop ` + completeWord + ` $words[2..-1] 2>/dev/null
end
complete -c outcrop -a "(__outcrop_complete)"
`,
	}[c.Shell])
	return err
}

// complete prints the completions of the last word: commands, flags, or the values of a
// flag.
func complete(w io.Writer, node *kong.Node, words []string) int {
	last := ""
	if len(words) > 0 {
		last, words = words[len(words)-1], words[:len(words)-1]
	}
	var flags []*kong.Flag
	for _, word := range words {
		if at := slices.IndexFunc(node.Children, func(n *kong.Node) bool { return n.Name == word && !n.Hidden }); at >= 0 {
			flags, node = append(flags, node.Flags...), node.Children[at]
		}
	}
	flags = append(flags, node.Flags...)
	for _, n := range node.Children { // the default command
		if node.DefaultCmd == n {
			flags = append(flags, n.Flags...)
		}
	}
	var found []string
	switch before := previous(words, flags); {
	case before != nil && before.Enum != "":
		found = strings.Split(before.Enum, ",")
	case before != nil: // a file, or a value that only the user knows
	case strings.HasPrefix(last, "-"):
		for _, f := range flags {
			if !f.Hidden {
				found = append(found, "--"+f.Name)
			}
		}
	default:
		for _, n := range node.Children {
			if !n.Hidden {
				found = append(found, n.Name)
			}
		}
		for _, arg := range node.Positional {
			if arg.Enum != "" {
				found = append(found, strings.Split(arg.Enum, ",")...)
			}
		}
	}
	slices.Sort(found)
	for _, word := range slices.Compact(found) {
		if strings.HasPrefix(word, last) {
			fmt.Fprintln(w, word)
		}
	}
	return 0
}

// previous returns the flag that the last word names, if it takes a value.
func previous(words []string, flags []*kong.Flag) *kong.Flag {
	if len(words) == 0 {
		return nil
	}
	name, ok := strings.CutPrefix(words[len(words)-1], "-")
	for _, f := range flags {
		if ok && !f.IsBool() && (name == "-"+f.Name || f.Short != 0 && name == string(f.Short)) {
			return f
		}
	}
	return nil
}
