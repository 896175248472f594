package responses

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// item has the members of an item of the input.
type item struct {
	Type      string    `json:"type"`
	ID        *string   `json:"id"`
	Status    *string   `json:"status"`
	Role      string    `json:"role"`
	Phase     *string   `json:"phase"`
	Content   jsonx.Raw `json:"content"`
	CallID    string    `json:"call_id"`
	Name      string    `json:"name"`
	Namespace *string   `json:"namespace"`
	Arguments jsonx.Raw `json:"arguments"`
	Input     *string   `json:"input"`
	Output    jsonx.Raw `json:"output"`
	Summary   jsonx.Raw `json:"summary"`
	Encrypted *string   `json:"encrypted_content"`
	Execution jsonx.Raw `json:"execution"`
	Tools     jsonx.Raw `json:"tools"`
	Action    jsonx.Raw `json:"action"`
	Rest      jsonx.Raw `json:",embed"`
}

// part has the members of a part of an item's content.
type part struct {
	Type        string    `json:"type"`
	Text        string    `json:"text"`
	Refusal     string    `json:"refusal"`
	Detail      *string   `json:"detail"`
	ImageURL    *string   `json:"image_url"`
	FileID      *string   `json:"file_id"`
	FileURL     *string   `json:"file_url"`
	FileName    *string   `json:"filename"`
	FileData    *string   `json:"file_data"`
	Annotations jsonx.Raw `json:"annotations"`
	Logprobs    jsonx.Raw `json:"logprobs"`
	Breakpoint  jsonx.Raw `json:"prompt_cache_breakpoint"`
	Rest        jsonx.Raw `json:",embed"`
}

// noVariant is AWS's refusal of an item or a part of no known type (public reports).
func noVariant() *Fault {
	return undecodable("Invalid 'input': value did not match any expected variant")
}

func (r *Request) input(t Terms) error {
	in := r.body.Input
	var text string
	var items []jsonx.Raw
	switch {
	case in.Kind() == '"' && jsonx.Unmarshal(in, &text) == nil:
		r.say(llm.RoleUser, llm.Block{Kind: llm.BlockText, Text: text})
		return nil
	case in.Kind() == '[' && jsonx.Unmarshal(in, &items) == nil && len(items) > 0:
	case !given(in):
		return undecodable("missing field `input`")
	default:
		return noVariant()
	}
	open := map[string]string{} // calls without a result, by id, with the word for the result
	for i, raw := range items {
		var it item
		if err := jsonx.Unmarshal(raw, &it); err != nil {
			return noVariant()
		}
		at := "input[" + strconv.Itoa(i) + "]"
		if err := unknown(at+".", it.Rest); err != nil {
			return err
		}
		if err := r.item(t, &it, at, open); err != nil {
			return err
		}
	}
	for _, id := range sortedKeys(open) {
		return of("input", "validation_error", "No tool output found for %s %s.", open[id], id)
	}
	return nil
}

func (r *Request) item(t Terms, it *item, at string, open map[string]string) error {
	call := func(what string, input jsonx.Raw) error {
		if it.CallID == "" || it.Name == "" {
			return noVariant()
		}
		name := it.Name
		if it.Namespace != nil && *it.Namespace != "" {
			name = *it.Namespace + "__" + name
		}
		open[it.CallID] = what
		r.say(llm.RoleAssistant, llm.Block{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: it.CallID, Name: name, Input: input}})
		return nil
	}
	result := func(what string) error {
		if open[it.CallID] != what {
			return of("input", "validation_error", "No tool call found for %s output with call_id %s.", what, it.CallID)
		}
		delete(open, it.CallID)
		blocks, err := content(it.Output, at+".output", "input_text", "input_image", "input_file")
		if err != nil {
			return err
		}
		res := &llm.ToolResult{ID: it.CallID}
		for _, b := range blocks {
			res.Content = append(res.Content, llm.ResultBlock{Block: b})
		}
		r.say(llm.RoleUser, llm.Block{Kind: llm.BlockToolResult, ToolResult: res})
		return nil
	}
	switch it.Type {
	case "", "message":
		return r.message(it, at)
	case "function_call":
		var arguments string
		if it.Arguments.Kind() != '"' || jsonx.Unmarshal(it.Arguments, &arguments) != nil {
			return noVariant()
		}
		input := jsonx.Raw(arguments)
		if !jsonx.Valid(input) || input.Kind() != '{' {
			input = jsonx.Raw("{}") // a model may have written something else
		}
		return call("function call", input)
	case "custom_tool_call":
		if it.Input == nil || t.Open {
			return noVariant()
		}
		w := jsonx.Writer{}
		w.Object()
		w.Key("input")
		w.String(*it.Input)
		w.EndObject()
		return call("custom tool call", w.Buf)
	case "function_call_output":
		return result("function call")
	case "custom_tool_call_output":
		return result("custom tool call")
	case "reasoning":
		return r.thought(t, it, at)
	case "tool_search_call", "tool_search_output", "web_search_call":
		if t.Open {
			return noVariant()
		}
		return nil // what the simulated model does not use
	default:
		return noVariant()
	}
}

// say adds to the conversation.
func (r *Request) say(role llm.Role, blocks ...llm.Block) {
	if n := len(r.Turns); n > 0 && r.Turns[n-1].Role == role {
		r.Turns[n-1].Blocks = append(r.Turns[n-1].Blocks, blocks...)
		return
	}
	r.Turns = append(r.Turns, llm.Turn{Role: role, Blocks: blocks})
}

func (r *Request) message(it *item, at string) error {
	types := []string{"input_text", "input_image", "input_file"}
	if it.Role == "assistant" {
		types = []string{"output_text", "refusal"}
	}
	blocks, err := content(it.Content, at+".content", types...)
	if err != nil {
		return err
	}
	switch it.Role {
	case "user":
		r.say(llm.RoleUser, blocks...)
	case "assistant":
		r.say(llm.RoleAssistant, blocks...)
	case "system", "developer":
		r.System = append(r.System, blocks...)
	default:
		return of(at+".role", "invalid_value", "Invalid value: '%s'. Supported values are: 'assistant', 'system', 'developer', and 'user'.", it.Role)
	}
	return nil
}

// content reads a text, or a list of parts of these types.
func content(raw jsonx.Raw, at string, types ...string) ([]llm.Block, error) {
	var text string
	if raw.Kind() == '"' && jsonx.Unmarshal(raw, &text) == nil {
		return []llm.Block{{Kind: llm.BlockText, Text: text}}, nil
	}
	var parts []part
	if raw.Kind() != '[' || jsonx.Unmarshal(raw, &parts) != nil {
		return nil, noVariant()
	}
	var blocks []llm.Block
	for i := range parts {
		p := &parts[i]
		here := at + "[" + strconv.Itoa(i) + "]"
		if err := unknown(here+".", p.Rest); err != nil {
			return nil, err
		}
		if !slices.Contains(types, p.Type) {
			return nil, of(here, "invalid_value", "Invalid value: '%s'. Supported values are: '%s'.", p.Type, strings.Join(types, "', '"))
		}
		switch p.Type {
		case "input_image":
			b, err := picture(p, here)
			if err != nil {
				return nil, err
			}
			blocks = append(blocks, b)
		case "input_file":
			b, err := document(p, here)
			if err != nil {
				return nil, err
			}
			blocks = append(blocks, b)
		case "refusal":
			blocks = append(blocks, llm.Block{Kind: llm.BlockText, Text: p.Refusal})
		default:
			blocks = append(blocks, llm.Block{Kind: llm.BlockText, Text: p.Text})
		}
	}
	return blocks, nil
}

func picture(p *part, at string) (llm.Block, error) {
	if p.ImageURL == nil {
		return llm.Block{}, of(at, "invalid_value", "emulator: no files are kept; send the image in image_url")
	}
	kind, data, err := dataURL(*p.ImageURL, at+".image_url")
	if err != nil {
		return llm.Block{}, err
	}
	if !strings.HasPrefix(kind, "image/") {
		return llm.Block{}, of(at+".image_url", "invalid_value", "Invalid '%s.image_url'. Expected a base64-encoded data URL with an image MIME type, but got '%s'.", at, kind)
	}
	return llm.Block{Kind: llm.BlockImage, Media: &llm.Media{Format: strings.TrimPrefix(kind, "image/"), Base64: data}}, nil
}

func document(p *part, at string) (llm.Block, error) {
	if p.FileData == nil {
		return llm.Block{}, of(at, "invalid_value", "emulator: no files are kept; send the content in file_data")
	}
	kind, data, err := dataURL(*p.FileData, at+".file_data")
	if err != nil {
		return llm.Block{}, err
	}
	m := &llm.Media{Format: kind[strings.LastIndexByte(kind, '/')+1:], Base64: data}
	if p.FileName != nil {
		m.Name = *p.FileName
	}
	return llm.Block{Kind: llm.BlockDocument, Media: m}, nil
}

// dataURL reads a data URL. Others are not fetched: AWS's hosts do not (public reports).
func dataURL(address, at string) (kind string, data llm.Base64, err error) {
	rest, ok := strings.CutPrefix(address, "data:")
	kind, content, parted := strings.Cut(rest, ";base64,")
	if !ok || !parted {
		return "", llm.Base64{}, of(at, "invalid_value", "Invalid '%s'. Expected a base64-encoded data URL.", at)
	}
	if data, ok = llm.ParseBase64([]byte(content)); !ok {
		return "", llm.Base64{}, of(at, "invalid_base64", "Invalid '%s'. The data is not base64.", at)
	}
	return kind, data, nil
}

// sealPrefix begins encrypted reasoning (recorded exchange).
const sealPrefix = "rsn_"

// thought reads reasoning that is sent back: in the form in which this server wrote it.
func (r *Request) thought(t Terms, it *item, at string) error {
	switch {
	case !t.Sealed:
		blocks, err := plainThought(it.Content, at)
		if err != nil {
			return err
		}
		r.say(llm.RoleAssistant, blocks...)
	case it.Encrypted == nil:
		id := ""
		if it.ID != nil {
			id = *it.ID
		}
		return of("input", "validation_error", "Item with id '%s' not found. Items are not persisted when `store` is set to false. Try again with `store` set to true, or remove this item from your input.", id)
	default:
		sealed, ok := strings.CutPrefix(*it.Encrypted, sealPrefix)
		inner, err := base64.StdEncoding.DecodeString(sealed)
		if err == nil {
			_, err = base64.StdEncoding.DecodeString(string(inner))
		}
		if !ok || err != nil {
			return of(at+".encrypted_content", "invalid_encrypted_content", "The encrypted content for item could not be verified.")
		}
		r.say(llm.RoleAssistant, llm.Block{Kind: llm.BlockRedacted, Text: sealed})
	}
	return nil
}

func plainThought(raw jsonx.Raw, at string) ([]llm.Block, error) {
	if !given(raw) {
		return nil, nil
	}
	blocks, err := content(raw, at+".content", "reasoning_text")
	for i := range blocks {
		blocks[i].Kind = llm.BlockReasoning
	}
	return blocks, err
}
