// Package responses is the server's side of OpenAI's Responses API as Bedrock has it: it decodes a
// body into an llm.Request or refuses it, and encodes an answer as a whole response or as the events of
// a stream.
//
// It is the emulator's own reading of the API, apart from the gateway's, so that a gateway that writes it
// wrongly is found out. Members, values and events are those of OpenAI's API reference and of recorded
// exchanges with bedrock-mantle; words of refusals are AWS's where public reports have them, and OpenAI's
// otherwise. docs/emulator.md lists what is assumed.
package responses

import (
	"fmt"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Fault is why a request is refused, in the form of OpenAI's errors.
type Fault struct {
	Message string
	// Param is the member at fault; empty if the error names none.
	Param string
	// Code is the error's code.
	Code string
}

func (f *Fault) Error() string { return f.Message }

// invalid is AWS's refusal of a body (public reports).
func invalid(format string, args ...any) *Fault {
	return &Fault{Message: fmt.Sprintf(format, args...), Code: "validation_error"}
}

// undecodable is AWS's refusal of a body of another form (public reports).
func undecodable(format string, args ...any) *Fault {
	return invalid("Failed to deserialize the JSON body into the target type: "+format, args...)
}

// of is OpenAI's refusal of a member.
func of(param, code, format string, args ...any) *Fault {
	return &Fault{Message: fmt.Sprintf(format, args...), Param: param, Code: code}
}

// Terms are what a model and its host take.
type Terms struct {
	// Open is whether the model is an open one of OpenAI's, whose Responses API is simpler: it has functions
	// alone, and its reasoning is plain.
	Open bool
	// Hosted is whether the host runs tools itself: bedrock-mantle does, bedrock-runtime does not.
	Hosted bool
	// Sampling is whether the model takes temperature and top_p.
	Sampling bool
	// Sealed is whether the model encrypts its reasoning.
	Sealed bool
	// Efforts are the values of reasoning.effort; empty for any.
	Efforts []string
}

// Request is a decoded request.
type Request struct {
	*llm.Request

	// Model is the model as the body names it.
	Model string
	// Streaming is whether events are asked for.
	Streaming bool

	body      body
	sealed    bool              // encrypted reasoning is asked for
	summaries bool              // summaries of the reasoning are asked for
	silent    bool              // no reasoning is asked for
	tools     map[string]naming // by the name in Request.Tools
}

// naming is what a tool is called, and how.
type naming struct {
	namespace, name string
	custom          bool
}

// body has the members of a request.
type body struct {
	Model      string    `json:"model"`
	Input      jsonx.Raw `json:"input"`
	Stream     *bool     `json:"stream"`
	Background *bool     `json:"background"`
	Store      *bool     `json:"store"`
	Include    []string  `json:"include"`

	Instructions  *string   `json:"instructions"`
	Conversation  jsonx.Raw `json:"conversation"`
	Previous      *string   `json:"previous_response_id"`
	MaxOutput     *int64    `json:"max_output_tokens"`
	MaxToolCalls  *int64    `json:"max_tool_calls"`
	Temperature   *float64  `json:"temperature"`
	TopP          *float64  `json:"top_p"`
	TopLogprobs   *int64    `json:"top_logprobs"`
	Truncation    *string   `json:"truncation"`
	ParallelCalls *bool     `json:"parallel_tool_calls"`
	ServiceTier   *string   `json:"service_tier"`
	Metadata      jsonx.Raw `json:"metadata"`
	Reasoning     *struct {
		Effort   *string   `json:"effort"`
		Summary  *string   `json:"summary"`
		Generate *string   `json:"generate_summary"`
		Context  *string   `json:"context"`
		Rest     jsonx.Raw `json:",embed"`
	} `json:"reasoning"`
	Text *struct {
		Format    jsonx.Raw `json:"format"`
		Verbosity *string   `json:"verbosity"`
		Rest      jsonx.Raw `json:",embed"`
	} `json:"text"`
	Tools      jsonx.Raw `json:"tools"`
	ToolChoice jsonx.Raw `json:"tool_choice"`

	CacheKey       *string   `json:"prompt_cache_key"`
	CacheRetention *string   `json:"prompt_cache_retention"`
	CacheOptions   jsonx.Raw `json:"prompt_cache_options"`
	SafetyID       *string   `json:"safety_identifier"`
	User           *string   `json:"user"`
	ClientMetadata jsonx.Raw `json:"client_metadata"`
	StreamOptions  jsonx.Raw `json:"stream_options"`
	Context        jsonx.Raw `json:"context_management"`
	Prompt         jsonx.Raw `json:"prompt"`

	Rest jsonx.Raw `json:",embed"`
}

// Decode decodes a body for a model with these terms. An error is a *Fault.
func Decode(data []byte, t Terms) (*Request, error) {
	r := &Request{Request: new(llm.Request), tools: map[string]naming{}}
	b := &r.body
	if err := jsonx.Unmarshal(data, b); err != nil {
		return nil, undecodable("%v", err)
	}
	if err := unknown("", b.Rest); err != nil {
		return nil, err
	}
	if b.Model == "" {
		return nil, undecodable("missing field `model`")
	}
	r.Model, r.Streaming = b.Model, b.Stream != nil && *b.Stream
	for _, step := range []func(Terms) error{r.settings, r.reasoning, r.format, r.readTools, r.choice, r.input} {
		if err := step(t); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// unknown refuses the first member that is not known.
func unknown(at string, rest jsonx.Raw) error {
	members, err := jsonx.Members(rest)
	if err != nil || len(members) == 0 {
		return err
	}
	name := at + members[0].Name
	return of(name, "unknown_parameter", "Unknown parameter: '%s'.", name)
}

// includable are what a response may include.
var includable = []string{ // never written to
	"code_interpreter_call.outputs", "computer_call_output.output.image_url", "file_search_call.results", "message.input_image.image_url",
	"message.output_text.logprobs", "reasoning.encrypted_content", "web_search_call.action.sources",
}

func (r *Request) settings(t Terms) error {
	b := &r.body
	silent := b.Reasoning != nil && b.Reasoning.Effort != nil && *b.Reasoning.Effort == "none"
	for _, part := range b.Include {
		if !slices.Contains(includable, part) {
			return of("include", "invalid_value", "Invalid value: '%s'. Supported values are: '%s'.", part, strings.Join(includable, "', '"))
		}
	}
	switch {
	case b.Previous != nil || given(b.Conversation):
		return invalid("emulator: responses and conversations are not kept; send the whole conversation in input")
	case b.Background != nil && *b.Background:
		return invalid("emulator: responses are not made in the background")
	case given(b.Prompt):
		return invalid("emulator: there are no prompt templates")
	case b.Temperature != nil && !t.Sampling && !silent:
		return of("temperature", "unsupported_parameter", "Unsupported parameter: 'temperature' is not supported with this model.")
	case b.TopP != nil && !t.Sampling && !silent:
		return of("top_p", "unsupported_parameter", "Unsupported parameter: 'top_p' is not supported with this model.")
	case b.MaxOutput != nil && *b.MaxOutput < leastOutput:
		return of("max_output_tokens", "integer_below_min_value", "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= %d, but got %d instead.", leastOutput, *b.MaxOutput)
	case b.ServiceTier != nil && !slices.Contains([]string{"auto", "default"}, *b.ServiceTier):
		return of("service_tier", "validation_error", "unsupported service_tier '%s'", *b.ServiceTier)
	}
	if b.MaxOutput != nil {
		r.MaxTokens = llm.Some(*b.MaxOutput)
	}
	if b.Temperature != nil {
		r.Temperature = llm.Some(*b.Temperature)
	}
	if b.TopP != nil {
		r.TopP = llm.Some(*b.TopP)
	}
	if b.ParallelCalls != nil {
		r.ParallelTools = llm.Some(*b.ParallelCalls)
	}
	if b.Instructions != nil {
		r.System = append(r.System, llm.Block{Kind: llm.BlockText, Text: *b.Instructions})
	}
	return nil
}

// leastOutput is the least value of max_output_tokens.
const leastOutput = 16

func given(v jsonx.Raw) bool { return len(v) > 0 && v.Kind() != 'n' }

func (r *Request) reasoning(t Terms) error {
	r.sealed = t.Sealed && slices.Contains(r.body.Include, "reasoning.encrypted_content")
	asked := r.body.Reasoning
	if asked == nil {
		return nil
	}
	if err := unknown("reasoning.", asked.Rest); err != nil {
		return err
	}
	if e := asked.Effort; e != nil {
		if len(t.Efforts) > 0 && !slices.Contains(t.Efforts, *e) {
			return of("reasoning.effort", "unsupported_value", "Unsupported value: '%s' is not supported with the '%s' model. Supported values are: '%s'.", *e, r.Model, strings.Join(t.Efforts, "', '"))
		}
		r.silent = *e == "none"
	}
	if s := asked.Summary; s != nil {
		if !slices.Contains([]string{"auto", "concise", "detailed"}, *s) {
			return of("reasoning.summary", "invalid_value", "Invalid value: '%s'. Supported values are: 'concise', 'detailed', and 'auto'.", *s)
		}
		r.summaries = true
	}
	return nil
}

func (r *Request) format(Terms) error {
	text := r.body.Text
	if text == nil {
		return nil
	}
	if err := unknown("text.", text.Rest); err != nil {
		return err
	}
	if v := text.Verbosity; v != nil && !slices.Contains([]string{"low", "medium", "high"}, *v) {
		return of("text.verbosity", "invalid_value", "Invalid value: '%s'. Supported values are: 'low', 'medium', and 'high'.", *v)
	}
	if !given(text.Format) {
		return nil
	}
	var f struct {
		Type        string    `json:"type"`
		Name        string    `json:"name"`
		Description *string   `json:"description"`
		Schema      jsonx.Raw `json:"schema"`
		Strict      *bool     `json:"strict"`
		Rest        jsonx.Raw `json:",embed"`
	}
	if err := jsonx.Unmarshal(text.Format, &f); err != nil {
		return undecodable("text.format: %v", err)
	}
	if err := unknown("text.format.", f.Rest); err != nil {
		return err
	}
	switch f.Type {
	case "text":
	case "json_object":
		r.Format = &llm.Format{Schema: jsonx.Raw(`{"type":"object"}`)}
	case "json_schema":
		switch {
		case f.Name == "":
			return of("text.format.name", "missing_required_parameter", "Missing required parameter: 'text.format.name'.")
		case f.Schema.Kind() != '{':
			return of("text.format.schema", "missing_required_parameter", "Missing required parameter: 'text.format.schema'.")
		}
		if f.Strict != nil && *f.Strict {
			if fault := strictFault(f.Schema, nil); fault != "" {
				return of("text.format.schema", "invalid_json_schema", "Invalid schema for response_format '%s': %s", f.Name, fault)
			}
		}
		r.Format = &llm.Format{Name: f.Name, Schema: f.Schema}
	default:
		return of("text.format.type", "invalid_value", "Invalid value: '%s'. Supported values are: 'json_object', 'json_schema', and 'text'.", f.Type)
	}
	return nil
}

// strictFault is what OpenAI says of a schema that cannot be followed strictly: every object must
// require all of its properties, and have no others
// (https://platform.openai.com/docs/guides/structured-outputs). It is empty if the schema can.
func strictFault(schema jsonx.Raw, at []string) string {
	var s struct {
		Properties map[string]jsonx.Raw `json:"properties"`
		Required   []string             `json:"required"`
		Additional jsonx.Raw            `json:"additionalProperties"`
		Items      jsonx.Raw            `json:"items"`
		Any        []jsonx.Raw          `json:"anyOf"`
		Defs       map[string]jsonx.Raw `json:"$defs"`
		Rest       jsonx.Raw            `json:",embed"`
	}
	if schema.Kind() != '{' || jsonx.Unmarshal(schema, &s) != nil {
		return ""
	}
	where := "In context=(" + strings.Join(at, ", ") + "), "
	if s.Properties != nil {
		if string(s.Additional) != "false" {
			return where + "'additionalProperties' is required to be supplied and to be false."
		}
		for _, name := range sortedKeys(s.Properties) {
			if !slices.Contains(s.Required, name) {
				return where + "'required' is required to be supplied and to be an array including every key in properties. Missing '" + name + "'."
			}
		}
	}
	for _, inner := range []map[string]jsonx.Raw{s.Properties, s.Defs} {
		for _, name := range sortedKeys(inner) {
			if fault := strictFault(inner[name], append(slices.Clip(at), "'properties'", "'"+name+"'")); fault != "" {
				return fault
			}
		}
	}
	for _, inner := range append(s.Any, s.Items) {
		if fault := strictFault(inner, append(slices.Clip(at), "'items'")); fault != "" {
			return fault
		}
	}
	return ""
}
