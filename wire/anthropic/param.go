package anthropic

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"outcrop/llm"
)

// blockPath begins the path of a block in a message.
var blockPath = regexp.MustCompile(`messages\[(\d+)\]\.content\[(\d+)\]`)

// Locate returns a path in LLM as the path in the client's request. They differ because cache points
// are blocks of their own in a turn, and some of the client's blocks are left out.
func (r *Request) Locate(path string) string {
	return blockPath.ReplaceAllStringFunc(path, func(found string) string {
		m := blockPath.FindStringSubmatch(found)
		i, _ := strconv.Atoi(m[1]) // the pattern allows only digits, and no message has a number out of range
		j, err := strconv.Atoi(m[2])
		ends := r.ends[i]
		if err != nil || len(ends) == 0 {
			return found
		}
		k, _ := slices.BinarySearch(ends, j+1)
		return message(i) + ".content[" + strconv.Itoa(min(k, len(ends)-1)) + "]"
	})
}

// LocateError returns an error about LLM as an error about the client's request: its field, and the
// field's path in the gateway's own words.
func (r *Request) LocateError(e *llm.Error) *llm.Error {
	param := r.Locate(e.Param)
	if param == e.Param {
		return e
	}
	own := *e
	own.Param = param
	if !e.Upstream {
		own.Message, own.Fix = strings.ReplaceAll(e.Message, e.Param, param), strings.ReplaceAll(e.Fix, e.Param, param)
	}
	return &own
}

// Param returns a field's path in Anthropic's words: messages[1].content[0].image_url.url becomes
// messages.1.content.0.source.url. It accepts paths in the words of the other packages, whose
// requests have other names for the same fields.
func Param(path string) string {
	head, rest := path, ""
	if i := strings.IndexAny(path, ".["); i >= 0 {
		head, rest = path[:i], path[i:]
	}
	rest = strings.NewReplacer("[", ".", "]", "").Replace(rest)
	switch head {
	case "messages":
		return head + inMessage(rest)
	case "tools", "functions":
		return "tools" + inTool(rest)
	case "tool_choice", "function_call":
		return "tool_choice" + strings.ReplaceAll(strings.ReplaceAll(rest, ".function", ""), ".tool.", ".")
	case "additionalModelRequestFields", "extra_headers":
		if rest != "" {
			return rest[1:]
		}
	case "reasoning_effort", "reasoning":
		return "output_config.effort"
	case "response_format", "format":
		for _, own := range []string{".json_schema", ".response_schema"} {
			rest = strings.Replace(rest, own, "", 1)
		}
		return "output_config.format" + rest
	case "stop":
		return "stop_sequences" + rest
	case "max_completion_tokens":
		return "max_tokens"
	case "parallel_tool_calls":
		return "tool_choice.disable_parallel_tool_use"
	case "user":
		return "metadata.user_id"
	case "web_search_options":
		return "tools.web_search"
	case "prompt_cache_retention":
		return "cache_control"
	}
	return head + rest
}

// inMessage maps the path within the list of messages, in dots.
func inMessage(rest string) string {
	parts := strings.Split(rest, ".")
	for i, part := range parts {
		switch part {
		case "image_url", "video_url", "audio_url", "file", "input_audio":
			parts[i] = "source"
			if i+1 < len(parts) && (parts[i+1] == "file_data" || parts[i+1] == "file_id") {
				parts[i+1] = "data"
			}
		case "thinking_blocks", "tool_calls", "reasoning_content", "function_call", "reasoning_signature": // blocks in lists of their own, which have no place here
			parts[i] = "content"
			return strings.Join(parts[:i+1], ".")
		case "tool_call_id":
			parts[i] = "tool_use_id"
		case "cache_control":
			if i == 2 { // of a message, and Anthropic's are of blocks
				parts[i] = "content"
			}
		}
	}
	return strings.Join(parts, ".")
}

// inTool maps the path within the list of tools, in dots.
func inTool(rest string) string {
	parts := strings.Split(rest, ".")
	out := parts[:0]
	for _, part := range parts {
		switch part {
		case "function", "toolSpec":
			continue
		case "parameters", "schema", "inputSchema":
			part = "input_schema"
		}
		out = append(out, part)
	}
	return strings.Join(out, ".")
}
