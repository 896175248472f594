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
	case "description":
		return "description"
	case "end_turn":
		return "end_turn"
	case "input":
		return "input"
	case "input_schema":
		return "input_schema"
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
