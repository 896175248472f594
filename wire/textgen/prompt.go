package textgen

import (
	"strings"

	"outcrop/llm"
)

// Template is the format of a family's prompts: what stands around a text of a role, and what the
// response follows. The token that begins a prompt is left out: the containers' tokenizers add it.
type Template struct {
	// System, User and Assistant stand around the texts of a role.
	System, User, Assistant Around
	// Merged is whether the family has no instructions of its own, which then begin the first text of
	// the user, behind each other.
	Merged bool
	// Response begins the response.
	Response string
}

// Around is what stands before and behind a text.
type Around struct{ Before, Behind string }

// families are the known formats, by parts of the models' names; the first that fits counts. A family
// has all parts of one row. The formats are those of the chat templates in the models' repositories at
// Hugging Face (tokenizer_config.json).
var families = [...]struct {
	parts    []string
	template Template
}{
	{[]string{"llama-2", "chat"}, llama2},
	{[]string{"llama2", "chat"}, llama2},
	{[]string{"codellama", "instruct"}, llama2},
	{[]string{"llama-3", "instruct"}, llama3},
	{[]string{"llama3", "instruct"}, llama3},
	{[]string{"mistral", "instruct"}, mistral},
	{[]string{"mixtral", "instruct"}, mistral},
	{[]string{"gemma", "-it"}, Template{
		User:      Around{"<start_of_turn>user\n", "<end_of_turn>\n"},
		Assistant: Around{"<start_of_turn>model\n", "<end_of_turn>\n"},
		Merged:    true, Response: "<start_of_turn>model\n",
	}},
	{[]string{"phi-3", "instruct"}, Template{
		System:    Around{"<|system|>\n", "<|end|>\n"},
		User:      Around{"<|user|>\n", "<|end|>\n"},
		Assistant: Around{"<|assistant|>\n", "<|end|>\n"},
		Response:  "<|assistant|>\n",
	}},
	{[]string{"zephyr"}, zephyr},
	{[]string{"tinyllama", "chat"}, zephyr},
	{[]string{"qwen", "instruct"}, chatML},
	{[]string{"qwen", "chat"}, chatML},
	{[]string{"hermes"}, chatML},
	{[]string{"yi-", "chat"}, chatML},
}

var (
	llama2 = Template{
		System:    Around{"<<SYS>>\n", "\n<</SYS>>\n\n"},
		User:      Around{"[INST] ", " [/INST]"},
		Assistant: Around{" ", " </s><s>"},
		Merged:    true,
	}
	llama3 = Template{
		System:    Around{"<|start_header_id|>system<|end_header_id|>\n\n", "<|eot_id|>"},
		User:      Around{"<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>"},
		Assistant: Around{"<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>"},
		Response:  "<|start_header_id|>assistant<|end_header_id|>\n\n",
	}
	mistral = Template{
		User:      Around{"[INST] ", " [/INST]"},
		Assistant: Around{" ", "</s>"},
		Merged:    true,
	}
	zephyr = Template{
		System:    Around{"<|system|>\n", "</s>\n"},
		User:      Around{"<|user|>\n", "</s>\n"},
		Assistant: Around{"<|assistant|>\n", "</s>\n"},
		Response:  "<|assistant|>\n",
	}
	chatML = Template{
		System:    Around{"<|im_start|>system\n", "<|im_end|>\n"},
		User:      Around{"<|im_start|>user\n", "<|im_end|>\n"},
		Assistant: Around{"<|im_start|>assistant\n", "<|im_end|>\n"},
		Response:  "<|im_start|>assistant\n",
	}
)

// TemplateOf returns the format of a model's prompts, by its name, such as
// meta-llama/Meta-Llama-3-8B-Instruct; nil if it is not known.
func TemplateOf(model string) *Template {
	name := strings.ToLower(model)
	for i := range families {
		all := true
		for _, part := range families[i].parts {
			all = all && strings.Contains(name, part)
		}
		if all {
			return &families[i].template
		}
	}
	return nil
}

// said is a text of a conversation.
type said struct {
	role llm.Role
	text string
}

// prompt writes a conversation in a format. Without one the texts stand behind each other.
func prompt(t *Template, all []said) string {
	if t == nil {
		texts := make([]string, len(all))
		for i := range all {
			texts[i] = all[i].text
		}
		return strings.Join(texts, "\n\n")
	}
	var b strings.Builder
	add := func(a Around, text string) {
		b.WriteString(a.Before)
		b.WriteString(text)
		b.WriteString(a.Behind)
	}
	instructions := ""
	for _, s := range all {
		switch {
		case s.role == llm.RoleAssistant:
			add(t.Assistant, s.text)
		case s.role == llm.RoleSystem && t.Merged:
			instructions += t.merged(s.text)
		case s.role == llm.RoleSystem:
			add(t.System, s.text)
		default:
			add(t.User, instructions+s.text)
			instructions = ""
		}
	}
	if instructions != "" { // nothing follows them
		add(t.User, strings.TrimSpace(instructions))
	}
	b.WriteString(t.Response)
	return b.String()
}

// merged are instructions at the beginning of a text of the user.
func (t *Template) merged(text string) string {
	if t.System == (Around{}) {
		return text + "\n\n"
	}
	return t.System.Before + text + t.System.Behind
}
