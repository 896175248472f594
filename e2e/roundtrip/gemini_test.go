package roundtrip

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// generate is Gemini's generateContent, as https://ai.google.dev/api/generate-content has it.
type generate struct {
	// bare is whether function calls have no ids, as on Vertex AI.
	bare bool
}

type (
	genBlob struct {
		Type string `json:"mimeType"`
		Data string `json:"data"`
	}
	genCall struct {
		ID   string  `json:"id,omitempty"`
		Name string  `json:"name"`
		Args rawJSON `json:"args"`
	}
	genResult struct {
		ID       string             `json:"id,omitempty"`
		Name     string             `json:"name"`
		Response map[string]rawJSON `json:"response"`
		Parts    []genPart          `json:"parts,omitempty"`
	}
	genPart struct {
		Text      *string    `json:"text,omitempty"`
		Thought   bool       `json:"thought,omitempty"`
		Signature string     `json:"thoughtSignature,omitempty"`
		Inline    *genBlob   `json:"inlineData,omitempty"`
		Call      *genCall   `json:"functionCall,omitempty"`
		Result    *genResult `json:"functionResponse,omitempty"`
	}
	genContent struct {
		Role  string    `json:"role,omitempty"`
		Parts []genPart `json:"parts"`
	}
	genFunction struct {
		Name        string  `json:"name"`
		Description string  `json:"description"`
		Schema      rawJSON `json:"parametersJsonSchema,omitempty"`
		Parameters  rawJSON `json:"parameters,omitempty"`
	}
	genTool struct {
		Functions []genFunction `json:"functionDeclarations"`
	}
	genCalling struct {
		Mode  string   `json:"mode"`
		Names []string `json:"allowedFunctionNames,omitempty"`
	}
	genToolConfig struct {
		Calling genCalling `json:"functionCallingConfig"`
	}
	genThinking struct {
		Include bool     `json:"includeThoughts,omitempty"`
		Budget  *float64 `json:"thinkingBudget,omitempty"`
		Level   string   `json:"thinkingLevel,omitempty"`
	}
	genConfig struct {
		MaxTokens   rawJSON      `json:"maxOutputTokens,omitempty"`
		Temperature rawJSON      `json:"temperature,omitempty"`
		TopP        rawJSON      `json:"topP,omitempty"`
		TopK        rawJSON      `json:"topK,omitempty"`
		Stop        rawJSON      `json:"stopSequences,omitempty"`
		Seed        rawJSON      `json:"seed,omitempty"`
		Presence    rawJSON      `json:"presencePenalty,omitempty"`
		Frequency   rawJSON      `json:"frequencyPenalty,omitempty"`
		Type        string       `json:"responseMimeType,omitempty"`
		Schema      rawJSON      `json:"responseJsonSchema,omitempty"`
		OldSchema   rawJSON      `json:"responseSchema,omitempty"`
		Candidates  int          `json:"candidateCount,omitempty"`
		Modalities  []string     `json:"responseModalities,omitempty"`
		Thinking    *genThinking `json:"thinkingConfig,omitempty"`
	}
	genRequest struct {
		System   *genContent       `json:"systemInstruction,omitempty"`
		Contents []genContent      `json:"contents"`
		Tools    []genTool         `json:"tools,omitempty"`
		Choice   *genToolConfig    `json:"toolConfig,omitempty"`
		Config   *genConfig        `json:"generationConfig,omitempty"`
		Labels   map[string]string `json:"labels,omitempty"`
	}
)

func (g generate) parts(parts []part) []genPart {
	out := []genPart{}
	for i := range parts {
		p := &parts[i]
		one := genPart{Signature: p.signature}
		switch p.kind {
		case kindText:
			one.Text = &p.text
		case kindThought:
			one.Text, one.Thought = &p.text, true
		case kindImage:
			one.Inline = &genBlob{"image/png", p.text}
		case kindDocument:
			one.Inline = &genBlob{"application/pdf", p.text}
		case kindCall:
			one.Call = &genCall{p.id, p.name, rawJSON(p.args)}
			if g.bare {
				one.Call.ID = ""
			}
		case kindResult:
			one.Result = &genResult{ID: p.id, Name: p.name, Response: map[string]rawJSON{}}
			key := "output"
			if p.failed {
				key = "error"
			}
			for j := range p.parts {
				if in := &p.parts[j]; in.kind == kindText {
					one.Result.Response[key] = raw(in.text)
				} else {
					one.Result.Parts = append(one.Result.Parts, genPart{Inline: &genBlob{"image/png", in.text}})
				}
			}
		}
		out = append(out, one)
	}
	return out
}

func (g generate) writeRequest(r *request, _ string, _ bool) []byte {
	q := genRequest{}
	if len(r.system) > 0 {
		q.System = &genContent{Parts: g.parts(r.system)}
	}
	for _, t := range r.turns {
		q.Contents = append(q.Contents, genContent{map[string]string{"user": "user", "assistant": "model"}[t.role], g.parts(t.parts)})
	}
	if len(r.tools) > 0 {
		q.Tools = []genTool{{}}
		for _, t := range r.tools {
			q.Tools[0].Functions = append(q.Tools[0].Functions, genFunction{Name: t.name, Description: t.help, Schema: rawJSON(t.schema)})
		}
	}
	switch r.choice {
	case "":
	case "auto", "none", "any":
		q.Choice = &genToolConfig{genCalling{Mode: strings.ToUpper(r.choice)}}
	default:
		q.Choice = &genToolConfig{genCalling{"ANY", []string{r.choice}}}
	}
	q.Config = &genConfig{
		MaxTokens: r.setting(setMaxTokens), Temperature: r.setting(setTemp), TopP: r.setting(setTopP), TopK: r.setting(setTopK), Stop: r.setting(setStop),
		Seed: r.setting(setSeed), Presence: r.setting(setPresence), Frequency: r.setting(setFrequency), Schema: r.setting(setSchema),
	}
	if q.Config.Schema != nil {
		q.Config.Type = "application/json"
	}
	if r.settings[setThinking] != "" {
		budget := 2048.0
		q.Config.Thinking = &genThinking{Include: true, Budget: &budget}
	}
	return raw(q)
}

func (g generate) read(parts []genPart) ([]part, error) {
	var out []part
	for i := range parts {
		one := &parts[i]
		p := part{signature: one.Signature}
		switch {
		case one.Text != nil && one.Thought:
			p.kind, p.text = kindThought, *one.Text
		case one.Text != nil:
			p.kind, p.text = kindText, *one.Text
		case one.Inline != nil:
			p.kind, p.text = kindImage, one.Inline.Data
			if one.Inline.Type == "application/pdf" {
				p.kind = kindDocument
			}
		case one.Call != nil:
			p.kind, p.id, p.name, p.args = kindCall, one.Call.ID, one.Call.Name, string(one.Call.Args)
			if p.id == "" {
				p.id = p.name
			}
		case one.Result != nil:
			p.kind, p.id, p.name = kindResult, one.Result.ID, one.Result.Name
			if p.id == "" {
				p.id = p.name
			}
			for key, value := range one.Result.Response {
				var s string
				if json.Unmarshal(value, &s) != nil {
					s = string(value)
				}
				p.failed = p.failed || key == "error"
				p.parts = append(p.parts, text(s))
			}
			inner, err := g.read(one.Result.Parts)
			if err != nil {
				return nil, err
			}
			p.parts = append(p.parts, inner...)
		case one.Signature != "":
			p.kind = kindThought
		default:
			return nil, errors.New("a part of no kind")
		}
		out = append(out, p)
	}
	return out, nil
}

// skipSignature is the value by which Gemini 3 accepts a call without its signature
// (https://ai.google.dev/gemini-api/docs/thought-signatures).
const skipSignature = "skip_thought_signature_validator"

// camel is a request with its members in camelCase; Google's API takes snake_case as well.
func camel(body []byte) []byte {
	var v any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return body
	}
	return raw(camelValue(v))
}

func camelValue(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = camelValue(v[i])
		}
		return v
	case object:
		out := object{}
		for name, value := range v {
			words := strings.Split(name, "_")
			for i := 1; i < len(words); i++ {
				if words[i] != "" {
					words[i] = strings.ToUpper(words[i][:1]) + words[i][1:]
				}
			}
			name = strings.Join(words, "")
			switch name {
			case "args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema": // the client's own
			default:
				value = camelValue(value)
			}
			out[name] = value
		}
		return out
	default:
		return v
	}
}

func (g generate) readRequest(body []byte) (*request, error) {
	var q genRequest
	if err := strict(camel(body), &q); err != nil {
		return nil, err
	}
	r := &request{}
	var err error
	if q.System != nil {
		if r.system, err = g.read(q.System.Parts); err != nil {
			return nil, err
		}
	}
	for _, c := range q.Contents {
		parts, err := g.read(c.Parts)
		if err != nil {
			return nil, err
		}
		for i := range parts {
			if parts[i].signature == skipSignature || parts[i].signature == "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=" {
				parts[i].signature = ""
			}
		}
		role := map[string]string{"user": "user", "model": "assistant"}[c.Role]
		if role == "" {
			return nil, fmt.Errorf("a content of %q", c.Role)
		}
		r.turns = append(r.turns, turn{role, parts})
	}
	if err := alternating(r.turns); err != nil {
		return nil, err
	}
	for _, t := range q.Tools {
		for _, f := range t.Functions {
			r.tools = append(r.tools, tool{name: f.Name, help: f.Description, schema: string(f.Schema) + string(f.Parameters)})
		}
	}
	if q.Choice != nil {
		r.choice = strings.ToLower(q.Choice.Calling.Mode)
		if len(q.Choice.Calling.Names) == 1 {
			r.choice = q.Choice.Calling.Names[0]
		}
	}
	if c := q.Config; c != nil {
		r.settle(setMaxTokens, c.MaxTokens)
		r.settle(setTemp, c.Temperature)
		r.settle(setTopP, c.TopP)
		r.settle(setTopK, c.TopK)
		r.settle(setStop, c.Stop)
		r.settle(setSeed, c.Seed)
		r.settle(setPresence, c.Presence)
		r.settle(setFrequency, c.Frequency)
		r.settle(setSchema, c.OldSchema)
		r.settle(setSchema, c.Schema)
		if t := c.Thinking; t != nil && (t.Level != "" || t.Budget == nil || *t.Budget != 0) {
			r.settle(setThinking, rawJSON("true"))
		}
	}
	if u := q.Labels["user"]; u != "" {
		r.settle(setUser, raw(u))
	}
	return r, nil
}

var genStops = map[string]string{stopEnd: "STOP", stopSequence: "STOP", stopTool: "STOP", stopLength: "MAX_TOKENS", stopFilter: "SAFETY"}

func genUsage(a *answer) object {
	u := object{
		"promptTokenCount": a.usage[countInput], "candidatesTokenCount": a.usage[countOutput] - a.usage[countThink], "totalTokenCount": a.usage[countInput] + a.usage[countOutput],
		"promptTokensDetails": []object{{"modality": "TEXT", "tokenCount": a.usage[countInput]}},
	}
	if a.has(countRead) {
		u["cachedContentTokenCount"] = a.usage[countRead]
	}
	if a.has(countThink) {
		u["thoughtsTokenCount"] = a.usage[countThink]
	}
	return u
}

// signed are the parts of an answer as Gemini signs them: the call that follows a thought has the
// signature.
func (g generate) signed(a *answer) []part {
	var out []part
	sign := ""
	for _, p := range a.parts {
		if p.kind == kindThought {
			sign, p.signature = p.signature, ""
		} else if sign != "" {
			p.signature, sign = sign, ""
		}
		out = append(out, p)
	}
	return out
}

func (g generate) piece(parts []genPart, finish string, a *answer, model string, cited bool) object {
	c := object{"content": object{"parts": parts, "role": "model"}, "index": 0}
	if finish != "" {
		c["finishReason"] = finish
	}
	for i := range a.parts {
		p := &a.parts[i]
		for j, cite := range p.citations {
			if !cited {
				continue
			}
			c["groundingMetadata"] = object{
				"webSearchQueries":  []string{"granite"},
				"groundingChunks":   []object{{"web": object{"uri": cite.url, "title": cite.title}}},
				"groundingSupports": []object{{"segment": object{"startIndex": 0, "endIndex": len(p.text), "text": p.text}, "groundingChunkIndices": []int{j}}},
			}
		}
	}
	return object{"candidates": []object{c}, "usageMetadata": genUsage(a), "modelVersion": model, "responseId": "resp-1"}
}

func (g generate) writeAnswer(a *answer, model string) string {
	return encoded(g.piece(g.parts(g.signed(a)), a.stopWord(genStops), a, model, true))
}

func (g generate) writeStream(a *answer, model string) []string {
	var pieces []genPart
	for _, p := range g.signed(a) {
		if p.kind != kindText && p.kind != kindThought {
			pieces = append(pieces, g.parts([]part{p})...)
			continue
		}
		for _, s := range halves(p.text) {
			half := p
			half.text = s
			pieces = append(pieces, g.parts([]part{half})...)
		}
	}
	if len(pieces) == 0 { // a filter has left nothing
		return []string{"data: " + encoded(g.piece([]genPart{}, a.stopWord(genStops), a, model, true)) + "\r\n\r\n"}
	}
	var out []string
	for i := range pieces {
		finish, last := "", i == len(pieces)-1
		if last {
			finish = a.stopWord(genStops)
		}
		out = append(out, "data: "+encoded(g.piece(pieces[i:i+1], finish, a, model, last))+"\r\n\r\n")
	}
	return out
}

// genGot is a response, or a piece of one.
type genGot struct {
	Candidates []struct {
		Content struct {
			Parts []genPart `json:"parts"`
		} `json:"content"`
		Finish    string `json:"finishReason"`
		Grounding struct {
			Chunks []struct {
				Web struct {
					URI   string `json:"uri"`
					Title string `json:"title"`
				} `json:"web"`
			} `json:"groundingChunks"`
		} `json:"groundingMetadata"`
	} `json:"candidates"`
	Error rawJSON `json:"error"`
	Usage *struct {
		Prompt   int `json:"promptTokenCount"`
		Answer   int `json:"candidatesTokenCount"`
		Thoughts int `json:"thoughtsTokenCount"`
		Cached   int `json:"cachedContentTokenCount"`
	} `json:"usageMetadata"`
}

func (g generate) readAnswer(body []byte, stream bool) (*answer, error) {
	pieces := [][]byte{body}
	if stream {
		pieces = sseData(body)
	}
	a := &answer{}
	finished := false
	for _, piece := range pieces {
		var got genGot
		if err := json.Unmarshal(piece, &got); err != nil {
			return nil, err
		}
		if got.Error != nil {
			return nil, fmt.Errorf("an error: %s", got.Error)
		}
		for i := range got.Candidates {
			c := &got.Candidates[i]
			parts, err := g.read(c.Content.Parts)
			if err != nil {
				return nil, err
			}
			for _, p := range parts {
				last := len(a.parts) - 1
				switch {
				case last >= 0 && a.parts[last].kind == p.kind && p.kind != kindCall:
					a.parts[last].text += p.text
					a.parts[last].signature += p.signature
				case p.text == "" && p.kind == kindText && p.signature == "":
				default:
					a.parts = append(a.parts, p)
				}
			}
			for _, chunk := range c.Grounding.Chunks {
				for j := range a.parts {
					if a.parts[j].kind == kindText {
						a.parts[j].citations = append(a.parts[j].citations, citation{chunk.Web.URI, chunk.Web.Title})
					}
				}
			}
			switch c.Finish {
			case "":
				continue
			case "MAX_TOKENS":
				a.stop = stopLength
			case "SAFETY", "PROHIBITED_CONTENT", "RECITATION", "BLOCKLIST", "SPII":
				a.stop = stopFilter
			case "STOP":
				a.stop = stopEnd
			default:
				a.stop = c.Finish
			}
			finished = true
		}
		if u := got.Usage; u != nil {
			a.usage = nil
			a.count(countInput, u.Prompt)
			a.count(countOutput, u.Answer+u.Thoughts)
			a.count(countRead, u.Cached)
			a.count(countThink, u.Thoughts)
		}
	}
	for i := range a.parts {
		if a.parts[i].kind == kindCall && a.stop == stopEnd {
			a.stop = stopTool
		}
	}
	if !finished {
		return nil, errors.New("there is no finishReason")
	}
	return a, nil
}
