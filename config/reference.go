package config

import (
	"bufio"
	"fmt"
	"io"
)

// referenceExample is a complete file with the settings that most gateways need.
const referenceExample = `model_list:
  - model_name: claude                      # the name that clients use
    litellm_params:
      model: bedrock/anthropic.claude-sonnet-5
      aws_region_name: eu-central-1
      timeout: 300
      temperature: 0.2                      # for calls that do not set it
  - model_name: "*"                         # and every other Bedrock model id
    litellm_params:
      model: bedrock/*
      aws_region_name: eu-central-1
litellm_settings:
  num_retries: 2
  request_timeout: 600
  drop_params: false
general_settings:
  master_key: os.environ/LITELLM_MASTER_KEY
outcrop_settings:
  bedrock:
    policy: {geographies: [eu], global: false}
`

// referenceHead opens the page that WriteReference writes.
const referenceHead = `# Configuration

Outcrop reads LiteLLM's ` + "`config.yaml`" + `. Without a file, every Bedrock model can be called by its id, with or without
` + "`bedrock/`" + ` in front, and ` + "`LITELLM_MASTER_KEY`" + ` is the master key. A complete example:

` + "```yaml\n# config.yaml\n" + referenceExample + "```" + `

Run ` + "`outcrop config check config.yaml`" + ` after each change. It lists every error and warning at once, with file, line and column,
and says how many of the file's keys work; with ` + "`--keys`" + ` it lists all of them with what becomes of each.

Editors complete and check the file by a JSON Schema. Write it next to the file with ` + "`outcrop config schema > outcrop.schema.json`" + `, and begin
the file with ` + "`# yaml-language-server: $schema=outcrop.schema.json`" + `. Keys without effect are deprecated in it.

- ` + "`os.environ/NAME`" + ` as a value stands for the environment variable NAME, or for a secret of a secret manager, and
  ` + "`os.file/PATH`" + ` for the content of a file: [Keep secrets out of the configuration
  file](deployment.md#keep-secrets-out-of-the-configuration-file). It is an error if a setting that takes effect names
  a variable that is not set.
- Numbers may be quoted. Where a string is expected, a number or ` + "`no`" + ` is taken as text.
- A key without a value is treated as absent.
- Anchors, aliases and merge keys work. A file is one UTF-8 document of at most 4 MiB.
- A setting of calls can be set in several places: the entry of ` + "`model_list`" + ` takes precedence,
  then ` + "`router_settings`" + `, then ` + "`litellm_settings`" + `. For streaming calls, a ` + "`stream_timeout`" + ` in any
  of them takes precedence over a ` + "`timeout`" + ` in any of them.

The first part of this page lists the keys that take effect. The [second part](#keys-without-effect) lists
LiteLLM's other keys and how Outcrop handles them.

## Keys that take effect

Keys of class *supported* always take effect. Keys of class *provider* take effect if the model's provider
has the setting; otherwise Outcrop warns. An invalid value is an error. For a key that is in
neither part of this page, Outcrop warns and suggests the nearest known key.
`

// referenceRest opens the part of the page with the keys that do not take effect.
const referenceRest = `
## Keys without effect

Outcrop does not support these keys of LiteLLM. It accepts them silently if they are empty, ` + "`false`" + ` or at
their default. Any other value is handled by class:

| class | what happens |
| --- | --- |
| ignored | a warning: the key is not needed, and leaving it out changes nothing |
| not yet | a warning: the key should change behaviour, but is not supported yet |
| limits | an error: the key restricts who may call, what may be sent or what may be spent, and Outcrop cannot enforce it yet. With ` + "`--allow-unsupported`" + ` it is a warning |

The last column says why a key is not needed, or what to do instead.
`

// WriteReference writes docs/configuration.md, the list of all keys: those that take
// effect first, the others in a part of their own.
func WriteReference(w io.Writer) error {
	b := bufio.NewWriter(w)
	b.WriteString(referenceHead)
	writeKeys(b, false, func(c Class) bool { return c == Supported || c == PerProvider })
	b.WriteString(referenceRest)
	writeKeys(b, true, func(c Class) bool { return c != Supported && c != PerProvider })
	b.WriteString("\nThis page is generated from `config/keys.txt` by `go test ./config -run TestReference -update`.\n")
	return b.Flush()
}

// writeKeys writes a table for each section that has keys of the classes. What keys without effect take is left out.
func writeKeys(b *bufio.Writer, without bool, of func(Class) bool) {
	section, first := "", true
	for k := range keyTable().all() {
		if !of(k.Class) {
			continue
		}
		if first || k.Section != section {
			section, first = k.Section, false
			title := "`" + section + "`"
			if section == "" {
				title = "Top level"
			}
			columns := "key | class | type | default | meaning"
			if without {
				columns = "key | class | default | meaning | instead"
			}
			fmt.Fprintf(b, "\n### %s\n\n| %s |\n| --- | --- | --- | --- | --- |\n", title, columns)
		}
		if without {
			fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", k.Name, k.Class, k.Default, k.Help, k.Note)
			continue
		}
		help := k.Help
		if k.Note != "" {
			help += " Otherwise than in LiteLLM: " + k.Note
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", k.Name, k.Class, k.typeName(), k.Default, help)
	}
}

// typeName returns the type with its bounds.
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
