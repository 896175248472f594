package config

import (
	"bufio"
	"fmt"
	"io"
)

// referenceHead opens the page that WriteReference writes.
const referenceHead = `# Configuration

Outcrop runs on LiteLLM's ` + "`config.yaml`" + `. This page lists every key and is made
from ` + "`config/keys.txt`" + `; to renew it, run ` + "`go test ./config -run TestReference -update`" + `.

What happens with a key is one of:

| class | meaning |
| --- | --- |
| supported | does what it says |
| provider | does what it says where the model's provider has such a setting; elsewhere a warning |
| ignored | makes no difference here; a warning, once |
| not yet | would change behaviour and does not yet; a warning |
| limits | is about who may call, what may be said or what may be spent, and is not enforced yet; an error, or with ` + "`--allow-unsupported`" + ` a warning |

A key that is on no list is a warning that names the nearest known one. A wrong
value is an error. All problems are told at once, with file, line and column.

- ` + "`os.environ/NAME`" + ` in place of a value stands for the environment variable NAME.
  It is an error if the variable is not set and the value is used.
- A number may stand in quotes; where text is asked for, a number or ` + "`no`" + ` is taken as written.
- A key with nothing behind it counts as left out. A key that is not supported
  may be left at false, at nothing, or at its default.
- Anchors, aliases and merge keys work. A file holds one document of at most 4 MiB, in UTF-8.
- Without a file, every model of Bedrock can be called by its id, with or without
  ` + "`bedrock/`" + ` in front, and ` + "`LITELLM_MASTER_KEY`" + ` is the master key.
- Of the several places for a setting of calls, the entry of ` + "`model_list`" + ` comes first,
  then ` + "`router_settings`" + `, then ` + "`litellm_settings`" + `. A ` + "`stream_timeout`" + ` from any of them
  comes before a ` + "`timeout`" + ` from any of them, for streamed calls.
`

// WriteReference writes docs/configuration.md, the list of all keys.
func WriteReference(w io.Writer) error {
	b := bufio.NewWriter(w)
	b.WriteString(referenceHead)
	section, first := "", true
	for _, k := range keyTable().keys {
		if first || k.Section != section {
			section, first = k.Section, false
			title := "`" + section + "`"
			if section == "" {
				title = "The top of the file"
			}
			fmt.Fprintf(b, "\n## %s\n\n| key | class | type | default | what it is |\n| --- | --- | --- | --- | --- |\n", title)
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", k.Name, k.Class, k.typeName(), k.Default, k.Help)
	}
	return b.Flush()
}

// typeName is the type with its bounds.
func (k Key) typeName() string {
	switch {
	case k.Max == 0:
		return k.Type.String()
	case k.Min == 0 && k.Type != IntType:
		return fmt.Sprintf("%s, above 0 and up to %.0f", k.Type, k.Max)
	default:
		return fmt.Sprintf("%s, %.0f to %.0f", k.Type, k.Min, k.Max)
	}
}
