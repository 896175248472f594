package jsonx

// Name returns the text of a name, or of a value that is one of a few words. The most frequent ones in
// the bodies of models' APIs cost no memory.
func Name(text []byte) string {
	switch string(text) { // which does not copy
	case "assistant":
		return "assistant"
	case "cache_control":
		return "cache_control"
	case "content":
		return "content"
	case "content_block_delta":
		return "content_block_delta"
	case "content_block_start":
		return "content_block_start"
	case "content_block_stop":
		return "content_block_stop"
	case "default":
		return "default"
	case "description":
		return "description"
	case "end_turn":
		return "end_turn"
	case "input":
		return "input"
	case "input_schema":
		return "input_schema"
	case "length":
		return "length"
	case "max_tokens":
		return "max_tokens"
	case "message":
		return "message"
	case "message_delta":
		return "message_delta"
	case "message_start":
		return "message_start"
	case "message_stop":
		return "message_stop"
	case "messages":
		return "messages"
	case "metadata":
		return "metadata"
	case "model":
		return "model"
	case "name":
		return "name"
	case "ping":
		return "ping"
	case "role":
		return "role"
	case "source":
		return "source"
	case "stop":
		return "stop"
	case "stream":
		return "stream"
	case "stream_options":
		return "stream_options"
	case "system":
		return "system"
	case "temperature":
		return "temperature"
	case "text":
		return "text"
	case "thinking":
		return "thinking"
	case "tool_calls":
		return "tool_calls"
	case "tool_choice":
		return "tool_choice"
	case "tool_result":
		return "tool_result"
	case "tool_use":
		return "tool_use"
	case "tool_use_id":
		return "tool_use_id"
	case "tools":
		return "tools"
	case "top_p":
		return "top_p"
	case "type":
		return "type"
	case "user":
		return "user"
	default:
		return string(text)
	}
}

// Word returns the text of a JSON string, as Name does; empty for anything else.
func Word(raw Raw) string {
	if raw.Kind() != '"' {
		return ""
	}
	for i, c := range raw[1:] {
		if c == '"' && i == len(raw)-2 {
			return Name(raw[1 : len(raw)-1])
		}
		if c == '"' || c == '\\' || c < ' ' || c > '~' {
			break
		}
	}
	var text string
	if Unmarshal(raw, &text) != nil {
		return ""
	}
	return text
}
