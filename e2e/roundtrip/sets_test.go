package roundtrip

// png is an image of one pixel, and pdf a document, in base64.
const (
	png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
	pdf = "JVBERi0xLjQKMSAwIG9iajw8L1R5cGUvQ2F0YWxvZz4+ZW5kb2JqCnRyYWlsZXI8PC9Sb290IDEgMCBSPj4K"
)

// conversation is a request with its answer, and what the client asks next.
type conversation struct {
	name   string
	ask    request
	answer answer
	// results answer the calls of the answer, in order, and then is the answer to them.
	results [][]part
	then    answer
}

func text(s string) part { return part{kind: kindText, text: s} }

func user(parts ...part) turn { return turn{role: "user", parts: parts} }

func assistant(parts ...part) turn { return turn{role: "assistant", parts: parts} }

func set(pairs ...string) map[string]string {
	m := map[string]string{setMaxTokens: "4000"}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}

func plainAnswer() answer {
	return answer{parts: []part{text("Granite is an igneous rock – \U0001FAA8 \"hard\".")}, stop: stopEnd, usage: map[string]int{countInput: 21, countOutput: 9}}
}

// conversations are what is sent through every pair.
func conversations() []conversation {
	const schema = `{"type":"object","properties":{"rock":{"type":"string"}},"required":["rock"],"additionalProperties":false}`
	find := tool{name: "find", help: "Finds a rock.", schema: schema}
	weigh := tool{name: "weigh", help: "Weighs a rock.", schema: schema}
	exact := find
	exact.strict = true
	both := []tool{find, weigh}
	hi := []turn{user(text("What is granite?"))}
	call := func(id, name, rock string) part {
		return part{kind: kindCall, id: id, name: name, args: `{"rock":"` + rock + `"}`}
	}
	result := func(id, name string, parts ...part) part {
		return part{kind: kindResult, id: id, name: name, parts: parts}
	}
	asked := answer{parts: []part{call("toolu_1", "find", "granite")}, stop: stopTool, usage: map[string]int{countInput: 30, countOutput: 12}}
	out := []conversation{
		{name: "text", ask: request{turns: hi}},
		{name: "system prompt", ask: request{system: []part{text("Be brief.")}, turns: hi}},
		{name: "several turns", ask: request{turns: []turn{user(text("Hi.")), assistant(text("Hello – \U0001FAA8.")), user(text("And now?"))}}},
		{name: "image", ask: request{turns: []turn{user(text("What is it?"), part{kind: kindImage, text: png})}}},
		{name: "PDF", ask: request{turns: []turn{user(part{kind: kindDocument, text: pdf, title: "survey.pdf"}, text("Read."))}}},
		{name: "tools", ask: request{turns: hi, tools: both}, answer: asked},
		{name: "strict tool", ask: request{turns: hi, tools: []tool{exact}}, answer: asked},
		{
			name: "parallel calls", ask: request{turns: hi, tools: both},
			answer:  answer{parts: []part{text("Both."), call("toolu_1", "find", "granite"), call("toolu_2", "weigh", "slate")}, stop: stopTool, usage: map[string]int{countInput: 30, countOutput: 22}},
			results: [][]part{{text("in the Alps")}, {text("2 kg")}},
		},
		{name: "result with an image", ask: request{turns: []turn{
			user(text("Look.")), assistant(call("toolu_1", "find", "granite")), user(result("toolu_1", "find", text("here"), part{kind: kindImage, text: png})),
		}, tools: both}},
		{name: "failed tool", ask: request{turns: []turn{
			user(text("Look.")), assistant(call("toolu_1", "find", "granite")), user(part{kind: kindResult, id: "toolu_1", name: "find", parts: []part{text("no such rock")}, failed: true}),
		}, tools: both}},
		{
			name: "reasoning over two turns", ask: request{turns: hi, tools: both, settings: set(setThinking, "true")},
			answer: answer{
				parts: []part{{kind: kindThought, text: "The user asks for granite.", signature: "c2lnbmF0dXJlLW9uZQ=="}, call("toolu_1", "find", "granite")},
				stop:  stopTool, usage: map[string]int{countInput: 30, countOutput: 40, countThink: 20},
			},
			results: [][]part{{text("in the Alps")}},
		},
		{name: "usage of a cache", ask: request{turns: hi}, answer: answer{
			parts: []part{text("It is.")}, stop: stopEnd, usage: map[string]int{countInput: 100, countOutput: 9, countRead: 60, countWrite: 20},
		}},
		{name: "cache points", ask: request{
			system: []part{{kind: kindText, text: "Be brief.", cache: true}}, turns: []turn{user(part{kind: kindText, text: "What is granite?", cache: true})},
			tools: []tool{find, {name: "weigh", help: "Weighs a rock.", schema: schema, cache: true}},
		}},
		{name: "JSON schema", ask: request{turns: hi, settings: set(setSchema, schema)}, answer: answer{
			parts: []part{text(`{"rock":"granite"}`)}, stop: stopEnd, usage: map[string]int{countInput: 21, countOutput: 9},
		}},
		{name: "temperature", ask: request{turns: hi, settings: set(setTemp, "0.5")}},
		{name: "top p", ask: request{turns: hi, settings: set(setTopP, "0.5")}},
		{name: "top k", ask: request{turns: hi, settings: set(setTopK, "5")}},
		{name: "seed", ask: request{turns: hi, settings: set(setSeed, "7")}},
		{name: "presence penalty", ask: request{turns: hi, settings: set(setPresence, "0.5")}},
		{name: "frequency penalty", ask: request{turns: hi, settings: set(setFrequency, "0.25")}},
		{name: "user", ask: request{turns: hi, settings: set(setUser, `"u-1"`)}},
		{name: "stop sequences", ask: request{turns: hi, settings: set(setStop, `["END","STOP"]`)}, answer: answer{
			parts: []part{text("It is")}, stop: stopSequence, usage: map[string]int{countInput: 21, countOutput: 9},
		}},
		{name: "no more tokens", ask: request{turns: hi}, answer: answer{
			parts: []part{text("It is")}, stop: stopLength, usage: map[string]int{countInput: 21, countOutput: 9},
		}},
		{name: "content filter", ask: request{turns: hi}, answer: answer{
			parts: []part{text("It is")}, stop: stopFilter, usage: map[string]int{countInput: 21, countOutput: 9},
		}},
		{name: "citations", ask: request{turns: hi}, answer: answer{
			parts: []part{{kind: kindText, text: "Granite is hard.", citations: []citation{{"https://example.com/granite", "Granite"}}}},
			stop:  stopEnd, usage: map[string]int{countInput: 21, countOutput: 9},
		}},
		{name: "one call at a time", ask: request{turns: hi, tools: both, settings: set(setParallel, "false")}, answer: asked},
	}
	for _, choice := range []string{"auto", "none", "any", "find"} {
		name := "tool choice: " + choice
		if choice == "find" {
			name = "tool choice: named"
		}
		c := conversation{name: name, ask: request{turns: hi, tools: both, choice: choice}, answer: asked}
		if choice == "none" {
			c.answer = answer{}
		}
		out = append(out, c)
	}
	for i := range out {
		c := &out[i]
		if c.ask.settings == nil {
			c.ask.settings = set()
		}
		if c.answer.stop == "" {
			c.answer = plainAnswer()
		}
		if c.results != nil {
			c.then = plainAnswer()
		}
	}
	return out
}
