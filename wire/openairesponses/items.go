package openairesponses

import (
	"strings"
	"unicode/utf8"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// appendMessage writes a message of the assistant; parts are its parts, separated by commas.
func appendMessage(w *jsonx.Writer, id, status string, parts []byte) {
	w.Object()
	w.Key("id")
	w.String(id)
	w.Key("type")
	w.Word("message")
	w.Key("status")
	w.Word(status)
	w.Key("role")
	w.Word("assistant")
	w.Key("content")
	w.Array()
	w.Buf = append(w.Buf, parts...)
	w.EndArray()
	w.EndObject()
}

// appendText writes a part of a message.
func appendText(w *jsonx.Writer, text string, annotations []annotation) {
	w.Object()
	w.Key("type")
	w.Word("output_text")
	w.Key("annotations")
	w.Array()
	for i := range annotations {
		annotations[i].append(w)
	}
	w.EndArray()
	w.Key("logprobs")
	w.Array()
	w.EndArray()
	w.Key("text")
	w.String(text)
	w.EndObject()
}

// annotation is a citation of a page of the web for the text of a part.
type annotation struct {
	title, url string
	end        int // of the text, in characters
}

func (a *annotation) append(w *jsonx.Writer) {
	w.Object()
	w.Key("type")
	w.Word("url_citation")
	w.Key("start_index")
	w.Int(0)
	w.Key("end_index")
	w.Int(int64(a.end))
	w.Key("title")
	w.String(a.title)
	w.Key("url")
	w.String(a.url)
	w.EndObject()
}

// cites returns the citations of pages among members of a block (see converse.Reader), and whether there
// are others, which have no form here.
func cites(extra []jsonx.Member) (found []annotation, lost bool) {
	for i := range extra {
		if extra[i].Name != "citation" {
			continue
		}
		if a := pageOf(extra[i].Value); a.url != "" {
			found = append(found, a)
		} else {
			lost = true
		}
	}
	return found, lost
}

// pageOf returns a citation in Converse's form; its URL is empty if the source is no page.
func pageOf(raw jsonx.Raw) annotation {
	var v struct {
		Title    string `json:"title"`
		Source   string `json:"source"`
		Location struct {
			Web struct {
				URL string `json:"url"`
			} `json:"web"`
		} `json:"location"`
	}
	if jsonx.Unmarshal(raw, &v) != nil {
		return annotation{}
	}
	if url := v.Location.Web.URL; url != "" {
		return annotation{title: v.Title, url: url}
	}
	if strings.HasPrefix(v.Source, "https://") || strings.HasPrefix(v.Source, "http://") {
		return annotation{title: v.Title, url: v.Source}
	}
	return annotation{}
}

// citedContent returns the text of a citationsContent block and its citations as members; ok is false for
// any other block.
func citedContent(other *jsonx.Member) (text string, extra []jsonx.Member, ok bool) {
	if other == nil || other.Name != "citationsContent" {
		return "", nil, false
	}
	var v struct {
		Content []struct {
			Text string `json:"text"`
		} `json:"content"`
		Citations []jsonx.Raw `json:"citations"`
	}
	if jsonx.Unmarshal(other.Value, &v) != nil {
		return "", nil, false
	}
	var all strings.Builder
	for i := range v.Content {
		all.WriteString(v.Content[i].Text)
	}
	for _, raw := range v.Citations {
		extra = append(extra, jsonx.Member{Name: "citation", Value: raw})
	}
	return all.String(), extra, true
}

func lengthOf(text []byte) int { return utf8.RuneCount(text) }

// appendReasoning writes a reasoning item; sealed is its encrypted_content, empty for none.
func appendReasoning(w *jsonx.Writer, id, text, sealed string) {
	w.Object()
	w.Key("id")
	w.String(id)
	w.Key("type")
	w.Word("reasoning")
	w.Key("summary")
	w.Array()
	if text != "" {
		appendSummary(w, text)
	}
	w.EndArray()
	w.Key("encrypted_content")
	w.StringOrNull(sealed)
	w.EndObject()
}

func appendSummary(w *jsonx.Writer, text string) {
	w.Object()
	w.Key("type")
	w.Word("summary_text")
	w.Key("text")
	w.String(text)
	w.EndObject()
}

// appendCall writes a call in the form of its tool; arguments are a JSON object in text, as far as the
// model has written it.
func appendCall(w *jsonx.Writer, own ownTool, id, callID, status, arguments string) {
	kinds := [...]string{"function_call", "custom_tool_call", "tool_search_call", "local_shell_call", "shell_call", "apply_patch_call"}
	w.Object()
	w.Key("id")
	w.String(id)
	w.Key("type")
	w.Word(kinds[own.kind])
	w.Key("status")
	w.Word(status)
	w.Key("call_id")
	w.String(callID)
	switch own.kind {
	case callFunction:
		w.Key("name")
		w.String(own.name)
		own.appendNamespace(w)
		w.Key("arguments")
		w.String(arguments)
	case callCustom:
		w.Key("name")
		w.String(own.name)
		own.appendNamespace(w)
		w.Key("input")
		w.String(textOf(arguments))
	case callToolSearch:
		w.Key("execution")
		w.Word("client")
		w.Key("arguments")
		w.Raw(jsonx.Raw(objectIn(arguments)))
	case callLocalShell:
		w.Key("action")
		appendExec(w, arguments)
	case callShell:
		w.Key("action")
		w.Raw(jsonx.Raw(objectIn(arguments)))
	case callApplyPatch:
		w.Key("operation")
		w.Raw(jsonx.Raw(objectIn(arguments)))
	}
	w.EndObject()
}

// appendNamespace writes the namespace of a tool that has one: Codex does not know the tool without it.
func (t *ownTool) appendNamespace(w *jsonx.Writer) {
	if t.namespace != "" {
		w.Key("namespace")
		w.String(t.namespace)
	}
}

// appendExec writes the action of a local shell call, which has two members that models leave out.
func appendExec(w *jsonx.Writer, arguments string) {
	members, err := jsonx.Members(jsonx.Raw(objectIn(arguments)))
	if err != nil {
		members = nil
	}
	w.Object()
	w.Key("type")
	w.Word("exec")
	if jsonx.Find(members, "env") == nil {
		w.Key("env")
		w.Raw(jsonx.Raw("{}"))
	}
	for _, m := range members {
		if m.Name != "type" {
			w.AnyKey(m.Name)
			w.Raw(m.Value)
		}
	}
	w.EndObject()
}

// objectIn is a text that is a JSON object, or an empty object.
func objectIn(text string) string {
	if raw := jsonx.Raw(text); jsonx.Valid(raw) && raw.Kind() == '{' {
		return text
	}
	return "{}"
}

// textOf is the input of a custom tool, from the arguments of the function that stands for it. A model
// that does not keep to the schema is taken at its word: a single text of another name is the input, and
// so is anything else as it stands.
func textOf(arguments string) string {
	raw := jsonx.Raw(arguments)
	var text string
	if !jsonx.Valid(raw) {
		return arguments
	}
	switch raw.Kind() {
	case '"':
		if jsonx.Unmarshal(raw, &text) == nil {
			return text
		}
	case '{':
		members, err := jsonx.Members(raw)
		if err != nil {
			return arguments
		}
		value := jsonx.Find(members, llm.CustomInput)
		switch {
		case value == nil && len(members) == 0:
			return ""
		case value == nil && len(members) == 1:
			value = members[0].Value
		}
		if value.Kind() == '"' && jsonx.Unmarshal(value, &text) == nil {
			return text
		}
	default:
	}
	return arguments
}

// prefixes of the ids of calls, by their kind.
func callPrefix(kind callKind) string {
	return [...]string{"fc", "ctc", "tsc", "lsh", "sh", "apc"}[kind]
}

// redactedBlock is the block of redacted reasoning.
func redactedBlock(data string) *llm.Block { return &llm.Block{Kind: llm.BlockRedacted, Text: data} }
