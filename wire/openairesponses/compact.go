package openairesponses

import (
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/litellm"
)

// compactPrompt asks for the summary of a conversation.
const compactPrompt = "Write a summary of this conversation with everything that is needed to continue it without its text: what the user wants, what has been done and found, decisions with their reasons, names of files, values and errors that matter, and what remains to be done. Answer with the summary only."

// Compacting returns a request that asks the model for a summary of the conversation of another.
func Compacting(body []byte) ([]byte, error) {
	members, err := jsonx.Members(body)
	if err != nil {
		return nil, litellm.DecodeError(err)
	}
	items, err := Items(jsonx.Find(members, "input"), "compact")
	if err != nil {
		return nil, err
	}
	w := jsonx.Writer{}
	w.Object()
	for _, m := range members {
		switch m.Name {
		case "input", "stream", "tool_choice", "text", "background", "store":
		default:
			w.AnyKey(m.Name)
			w.Raw(m.Value)
		}
	}
	w.Key("tool_choice")
	w.Word("none")
	w.Key("input")
	w.Array()
	for _, item := range items {
		w.Raw(item)
	}
	w.Object()
	w.Key("role")
	w.Word("user")
	w.Key("content")
	w.String(compactPrompt)
	w.EndObject()
	w.EndArray()
	w.EndObject()
	return w.Buf, nil
}

// AppendCompacted appends a compacted conversation, whose summary is the text of a response.
func AppendCompacted(dst []byte, env Envelope, r *llm.Response, usage llm.Usage) []byte {
	var text strings.Builder
	for i := range r.Blocks {
		if r.Blocks[i].Kind == llm.BlockText {
			text.WriteString(r.Blocks[i].Text)
		}
	}
	w := jsonx.Writer{Buf: dst}
	w.Object()
	w.Key("id")
	w.String(env.ID)
	w.Key("object")
	w.Word("response.compaction")
	w.Key("created_at")
	w.Int(env.Created)
	w.Key("output")
	w.Array()
	w.Object()
	w.Key("id")
	w.String(env.item("cmp", 0))
	w.Key("type")
	w.Word("compaction")
	w.Key("encrypted_content")
	w.String(SealSummary(text.String()))
	w.EndObject()
	w.EndArray()
	w.Key("usage")
	appendUsage(&w, &usage)
	w.EndObject()
	return w.Buf
}
