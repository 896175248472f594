package diagnose

import (
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/lazyregexp"
	"outcrop/internal/levenshtein"
	"outcrop/llm"
)

// fieldPatterns find the field that a refusal names, in AWS's words or in those of a
// model's server, the most reliable first. The field is the last group that is not
// empty; if there are two, the first is its position. They are compiled once.
var fieldPatterns = []*lazyregexp.Regexp{ //nolint:gochecknoglobals // a table
	lazyregexp.New(`#(?:/([\w/]+))?: extraneous key \[([^\]\s]{1,64})\]`),
	lazyregexp.New(`"param"\s*:\s*"([\w.\[\]]{1,128})"`),
	lazyregexp.New(`support the ([\w.]{1,64}) field`),
	lazyregexp.New(`(?:[Uu]nknown|[Uu]nsupported|[Uu]nrecognized) (?:parameter|field|argument)s?:? ['"\x60]([\w.]{1,64})['"\x60]`),
	lazyregexp.New(`target type: ([\w.]{1,64}): `),
	lazyregexp.New(` at '([\w.]{1,128})' failed to satisfy`),
	lazyregexp.New(`(?:^|[\s:])([A-Za-z_][\w.]{0,128}): (?:Extra inputs are not permitted|Field required|Input should|Input tag|Unable to extract)`),
	lazyregexp.New(`"([a-z]\w*(?:\.\w+)+)" is not supported`),
	lazyregexp.New(`#/([\w/]{1,128}): `),
	lazyregexp.New(`\b((?:messages|system|tools|toolConfig|inferenceConfig|additionalModelRequestFields|outputConfig|output_config|guardrailConfig|requestMetadata|performanceConfig|additionalModelResponseFieldPaths|promptVariables)(?:\.\w+)+)`),
	lazyregexp.New(`^(messages|system|tools|tool_choice|thinking|reasoning|temperature|top_p|top_k|max_tokens|stop_sequences|output_format|anthropic_beta): `),
	lazyregexp.New("`([a-z][\\w.]{1,64})`"),
	lazyregexp.New(`^The (\w{1,64}) field `),
}

// fieldPhrases identify a field that a message does not name. The list is read-only.
var fieldPhrases = []struct{ words, field string }{
	{"model identifier is invalid", "model"},
	{"tool use in streaming mode", "stream"},
	{"support tool use", "tools"},
	{"support system messages", "system"},
	{"beta flag", "anthropic_beta"},
	{"beta feature", "anthropic_beta"},
	{"service tier", "service_tier"},
	{"Latency performance configuration", "performanceConfig.latency"},
	{"guardrail identifier", "guardrailConfig.guardrailIdentifier"},
	{"guardrail version", "guardrailConfig.guardrailVersion"},
	{"assistant message prefill", "messages"},
}

// fronts are texts that precede the message of a model's server.
var fronts = []string{"The model returned the following errors: ", "Malformed input request: "} //nolint:gochecknoglobals // a table

// field returns the caller's name for the field that a refusal is about; empty if it
// names none.
func (c *Case) field(message string) string {
	for _, front := range fronts {
		message = strings.TrimPrefix(message, front)
	}
	if p := hintOf(message); p != nil {
		return p.where(c, message)
	}
	for _, pattern := range fieldPatterns {
		m := pattern.FindStringSubmatch(message)
		if m == nil {
			continue
		}
		path := strings.Trim(strings.Join(m[1:], "."), ".")
		return c.callers(strings.Split(strings.ReplaceAll(path, "/", "."), "."))
	}
	for _, p := range fieldPhrases {
		if strings.Contains(message, p.words) {
			return c.callers(strings.Split(p.field, "."))
		}
	}
	return ""
}

// sameField maps the names of fields used by AWS or a model's server to the fields. The map is read-only.
var sameField = map[string]llm.FieldKind{ //nolint:gochecknoglobals // a table
	"maxTokens": llm.FieldMaxTokens, "max_tokens": llm.FieldMaxTokens, "max_output_tokens": llm.FieldMaxTokens, "maxTokenCount": llm.FieldMaxTokens, "max_gen_len": llm.FieldMaxTokens,
	"topP": llm.FieldTopP, "topK": llm.FieldTopK, "k": llm.FieldTopK, "p": llm.FieldTopP, "stopSequences": llm.FieldStop, "stop_sequences": llm.FieldStop,
	"modelId": llm.FieldModel, "toolChoice": llm.FieldToolChoice, "reasoningConfig": llm.FieldEffort, "reasoning_config": llm.FieldEffort, "reasoning_effort": llm.FieldEffort,
	"serviceTier": llm.FieldServiceTier, "output_format": llm.FieldFormat, "textFormat": llm.FieldFormat, "thinking": llm.FieldThinking, "tool_choice": llm.FieldToolChoice,
	"system": llm.FieldMessages, "s3Uri": llm.FieldMessages, "s3Location": llm.FieldMessages, "document": llm.FieldMessages, "image": llm.FieldMessages, "video": llm.FieldMessages, "audio": llm.FieldMessages,
	"status": llm.FieldMessages, "cachePoint": llm.FieldMessages, "reasoningText": llm.FieldMessages, "reasoningContent": llm.FieldMessages, "content": llm.FieldMessages,
}

// callers returns the caller's name of a field at a path of AWS's.
func (c *Case) callers(path []string) string {
	path = slices.DeleteFunc(path, func(part string) bool { return part == "member" || part == "" })
	if len(path) == 0 {
		return ""
	}
	first, rest := path[0], path[1:]
	if own, ok := sameField[first]; ok {
		return c.name(own)
	}
	switch first {
	case "messages":
		return c.message(rest)
	case "tools":
		return c.tool(rest, false)
	case "toolConfig":
		switch {
		case len(rest) > 0 && rest[0] == "tools":
			return c.tool(rest[1:], true)
		case len(rest) > 0:
			return c.callers(rest)
		}
		return c.name(llm.FieldTools)
	case "inferenceConfig", "additionalModelRequestFields":
		if len(rest) > 0 {
			return c.callers(rest)
		}
	case "outputConfig", "output_config", "reasoning":
		switch {
		case len(rest) > 0 && rest[0] == "effort":
			return c.name(llm.FieldEffort)
		case first != "reasoning":
			return c.name(llm.FieldFormat)
		}
	}
	return strings.Join(path, ".")
}

// tool returns the path of one of the caller's tools, or of what AWS reports about it.
// In toolConfig, cache points stand among the tools.
func (c *Case) tool(path []string, points bool) string {
	if len(path) == 0 {
		return c.name(llm.FieldTools)
	}
	n, err := strconv.Atoi(path[0])
	if err != nil || n < 0 {
		return c.name(llm.FieldTools)
	}
	if c.Request != nil {
		place := 0
		for i := range c.Request.Tools {
			t := &c.Request.Tools[i]
			if place == n {
				n = t.At(i)
				break
			}
			if place++; points && t.Cache != nil {
				place++
			}
		}
	}
	for i, part := range path[1:] {
		switch part {
		case "custom", "toolSpec", "function":
		case "name":
			return c.named(llm.Field{Kind: llm.FieldToolName, Index: n})
		case "description":
			return c.named(llm.Field{Kind: llm.FieldToolDescription, Index: n})
		case "strict":
			return c.named(llm.Field{Kind: llm.FieldToolStrict, Index: n})
		case "inputSchema", "input_schema", "parameters":
			within := slices.DeleteFunc(slices.Clone(path[i+2:]), func(part string) bool { return part == "json" })
			return c.named(llm.Field{Kind: llm.FieldToolSchema, Index: n, Name: strings.Join(within, ".")})
		default:
			return c.named(llm.Field{Kind: llm.FieldTool, Index: n})
		}
	}
	return c.named(llm.Field{Kind: llm.FieldTool, Index: n})
}

// message returns the path of one of the caller's messages, or of the part that a block
// stands for. AWS counts the turns that it received; adjacent messages of one role form
// one turn.
func (c *Case) message(path []string) string {
	if len(path) == 0 || c.Request == nil {
		return c.name(llm.FieldMessages)
	}
	n, err := strconv.Atoi(path[0])
	if err != nil {
		return c.name(llm.FieldMessages)
	}
	turns := c.Request.Turns
	begin := 0
	for ; n > 0 && begin < len(turns); n-- {
		begin = endOf(turns, begin)
	}
	if n != 0 || begin >= len(turns) {
		return c.name(llm.FieldMessages)
	}
	name := c.turn
	if len(path) < 3 || path[1] != "content" {
		return name(begin)
	}
	block, err := strconv.Atoi(path[2])
	for i := begin; err == nil && block >= 0 && i < endOf(turns, begin); i++ {
		blocks := turns[i].Blocks
		if block >= len(blocks) {
			block -= len(blocks)
			continue
		}
		return c.part(i, block)
	}
	return name(begin)
}

// turn returns the path of the message of a turn.
func (c *Case) turn(i int) string {
	return c.inMessage(llm.FieldMessage, i)
}

// endOf returns the end of the run of turns of one role that starts at begin.
func endOf(turns []llm.Turn, begin int) int {
	end := begin + 1
	for end < len(turns) && turns[end].Role == turns[begin].Role {
		end++
	}
	return end
}

// inMessage returns the path of a field of the message of a turn.
func (c *Case) inMessage(kind llm.FieldKind, turn int) string {
	return c.named(llm.Field{Kind: kind, Index: c.Request.Turns[turn].Number(turn)})
}

// part returns the path of the part of a message that a block of its turn comes from.
func (c *Case) part(turn, block int) string {
	blocks := c.Request.Turns[turn].Blocks
	switch blocks[block].Kind {
	case llm.BlockToolUse:
		return c.named(c.call(turn, block))
	case llm.BlockReasoning, llm.BlockRedacted:
		return c.inMessage(llm.FieldReasoned, turn)
	default:
		return c.inMessage(llm.FieldContent, turn)
	}
}

// call is the field of a tool call.
func (c *Case) call(turn, block int) llm.Field {
	calls := 0
	for i := range c.Request.Turns[turn].Blocks[:block] {
		if c.Request.Turns[turn].Blocks[i].Kind == llm.BlockToolUse {
			calls++
		}
	}
	return llm.Field{Kind: llm.FieldToolCall, Index: c.Request.Turns[turn].Number(turn), Block: block, Number: calls}
}

// parameters are the members of the provider's API that a misspelled name is compared with, after
// those of the client's dialect. The list is read-only.
var parameters = []string{ //nolint:gochecknoglobals // a table
	"guardrailConfig", "performanceConfig", "requestMetadata", "promptVariables",
	"additionalModelRequestFields", "additionalModelResponseFieldPaths", "context_management", "anthropic_beta",
}

// meant returns the parameter that a misspelled one stands for; empty if none is close.
func (c *Case) meant(name string) string {
	all := parameters
	if c.Names != nil {
		all = slices.Concat(c.Names.Members(), parameters)
	}
	return levenshtein.Meant(name, all)
}

// bound is the limit in AWS's words on a value that breaks one.
var bound = lazyregexp.New(`(length|value|size) (less|greater) than or equal to (\d+)`) //nolint:gochecknoglobals // compiled once

// within returns the advice for a value that exceeds a limit; empty if the message
// names no limit.
func within(param, message string) string {
	m := bound.FindStringSubmatch(message)
	if m == nil || param == "" {
		return ""
	}
	most := "at most "
	if m[2] == "greater" {
		most = "at least "
	}
	if m[1] == "value" {
		return "Make " + param + " " + most + m[3] + "."
	}
	return "Make " + param + " " + most + m[3] + " long."
}

// required is the advice for a field that the message calls required; empty for others.
func required(param, message string) string {
	if !strings.Contains(message, "Field required") && !strings.Contains(message, "required key") {
		return ""
	}
	return "Add " + param + ", and try again."
}

// marked matches names between backquotes; a conflict has two or more.
var marked = lazyregexp.New("`([a-z][\\w.]{1,64})`") //nolint:gochecknoglobals // compiled once

// conflicting returns the caller's names of the settings that exclude each other.
func (c *Case) conflicting(message string) []string {
	var names []string
	for _, m := range marked.FindAllStringSubmatch(message, 4) {
		if name := c.callers(strings.Split(m[1], ".")); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
