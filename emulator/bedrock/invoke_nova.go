package bedrock

import (
	"outcrop/emulator/bedrock/bodyschema"
	"outcrop/emulator/bedrock/catalogue"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/converse"
)

// novaChat is the Messages API of Amazon's Nova, which Converse was made after
// (https://docs.aws.amazon.com/nova/latest/userguide/complete-request-schema.html).
type novaChat struct{}

// object returns the schema of an object with these members and no others.
func object(required []string, properties map[string]bodyschema.Schema) bodyschema.Schema {
	return bodyschema.Schema{Type: bodyschema.Object, Required: required, Properties: properties}
}

// number returns the schema of a number between two bounds.
func number(kind bodyschema.Type, lowest, highest float64) bodyschema.Schema {
	least, most := bodyschema.Bounds(lowest, highest)
	return bodyschema.Schema{Type: kind, Min: least, Max: most}
}

// textOf returns the schema of a non-empty string; most is 0 for no limit.
func textOf(most int) bodyschema.Schema {
	return bodyschema.Schema{Type: bodyschema.String, MinLength: 1, MaxLength: most}
}

func oneOfWords(words ...string) bodyschema.Schema {
	return bodyschema.Schema{Type: bodyschema.String, Enum: words}
}

// listOf returns the schema of an array with 1 to most elements; most is 0 for no limit.
func listOf(items bodyschema.Schema, most int) bodyschema.Schema {
	return bodyschema.Schema{Type: bodyschema.Array, Items: &items, MinItems: 1, MaxItems: most}
}

func novaSchema() bodyschema.Schema {
	stops := bodyschema.Schema{Type: bodyschema.Array, Items: &bodyschema.Schema{Type: bodyschema.String}, MaxItems: 4}
	return object([]string{"messages"}, map[string]bodyschema.Schema{
		"schemaVersion": oneOfWords("messages-v1"),
		"messages":      {Type: bodyschema.Array, MinItems: 1},
		"system":        {Type: bodyschema.Array},
		"toolConfig":    {Type: bodyschema.Object},
		"inferenceConfig": object(nil, map[string]bodyschema.Schema{
			"maxTokens": {Type: bodyschema.Integer}, "max_new_tokens": {Type: bodyschema.Integer},
			"temperature": number(bodyschema.Number, 0, 1), "topP": number(bodyschema.Number, 0, 1), "topK": number(bodyschema.Integer, 0, 128),
			"top_p": number(bodyschema.Number, 0, 1), "top_k": number(bodyschema.Integer, 0, 128), "stopSequences": stops,
		}),
		"reasoningConfig": {Type: bodyschema.Object},
	})
}

// malformedBody returns InvokeModel's refusal of a body that violates its schema.
func malformedBody(fault string) error {
	return invalid("Malformed input request: %s, please reformat your input and try again.", fault)
}

// checkBody checks a body against its schema.
func checkBody(body []byte, schema bodyschema.Schema) error {
	var anything jsonx.Raw
	if err := jsonx.Unmarshal(body, &anything); err != nil {
		return err
	}
	if fault := schema.Check(anything); fault != "" {
		return malformedBody(fault)
	}
	return nil
}

// read converts the body into one of Converse, which has the same messages, system and
// tools, and decodes that.
func (novaChat) read(body []byte, _ *catalogue.Model) (*llm.Request, error) {
	if err := checkBody(body, novaSchema()); err != nil {
		return nil, err
	}
	members, err := jsonx.Members(body)
	if err != nil {
		return nil, err
	}
	var w, native jsonx.Writer
	w.Object()
	native.Object()
	for _, m := range members {
		switch m.Name {
		case "messages", "system", "toolConfig":
			w.Key(m.Name)
			w.Raw(m.Value)
		case "reasoningConfig":
			native.Key(m.Name)
			native.Raw(m.Value)
		case "inferenceConfig":
			novaInference(m.Value, &w, &native)
		}
	}
	native.EndObject()
	if len(native.Buf) > len("{}") {
		w.Key("additionalModelRequestFields")
		w.Raw(native.Buf)
	}
	w.EndObject()
	req, err := converse.DecodeRequest(w.Buf)
	if err != nil {
		return nil, malformed(err, w.Buf)
	}
	return req, nil
}

// novaInference divides Nova's settings into those of Converse and Nova's own.
func novaInference(value jsonx.Raw, w, native *jsonx.Writer) {
	members, err := jsonx.Members(value)
	if err != nil {
		return
	}
	w.Key("inferenceConfig")
	w.Object()
	for _, m := range members {
		switch m.Name {
		case "max_new_tokens":
			w.Key("maxTokens")
		case "top_p":
			w.Key("topP")
		case "topK", "top_k":
			native.Key("inferenceConfig")
			native.Object()
			native.Key("topK")
			native.Raw(m.Value)
			native.EndObject()
			continue
		default:
			w.Key(m.Name)
		}
		w.Raw(m.Value)
	}
	w.EndObject()
}

func (novaChat) check(e *Emulator, q *question) error { return e.check(q) }

func (novaChat) whole(a *reply) []byte {
	full := converse.AppendResponse(nil, a.Response)
	members, err := jsonx.Members(full)
	if err != nil {
		return full
	}
	var w jsonx.Writer
	w.Object()
	w.Key("output")
	w.Raw(jsonx.Find(members, "output"))
	w.Key("stopReason")
	w.Raw(jsonx.Find(members, "stopReason"))
	w.Key("usage")
	a.novaUsage(&w)
	w.EndObject()
	return w.Buf
}

func (a *reply) novaUsage(w *jsonx.Writer) {
	u := &a.Usage
	w.Object()
	w.Key("inputTokens")
	w.Int(u.Input)
	w.Key("outputTokens")
	w.Int(u.Output)
	w.Key("totalTokens")
	w.Int(u.Total)
	w.Key("cacheReadInputTokenCount")
	w.Int(u.CacheRead.Value)
	w.Key("cacheWriteInputTokenCount")
	w.Int(u.CacheWrite.Value)
	w.EndObject()
}

// Sizes of a frame before its headers and after its payload.
const (
	frameHead = 12
	frameTail = 4
)

// pieces returns Converse's events, each in a member with its name.
func (novaChat) pieces(a *reply, steps []llm.Event) []piece {
	var all []piece
	for i := range steps {
		s := &steps[i]
		if s.Kind == llm.EventUsage {
			var w jsonx.Writer
			w.Object()
			w.Key("metadata")
			w.Object()
			w.Key("usage")
			a.novaUsage(&w)
			w.Key("metrics")
			w.Raw(jsonx.Raw("{}"))
			w.Key("trace")
			w.Raw(jsonx.Raw("{}"))
			w.EndObject()
			a.invocationMetrics(&w)
			w.EndObject()
			all = append(all, piece{json: w.Buf, stop: true})
			continue
		}
		name := novaEvents[s.Kind]
		frame := converse.AppendEvent(nil, s, "")
		if name == "" || len(frame) == 0 {
			continue
		}
		var w jsonx.Writer
		w.Object()
		w.Key(name)
		w.Raw(payload(frame))
		w.EndObject()
		all = append(all, piece{json: w.Buf, delta: s.Kind == llm.EventDelta, text: s.Text, stop: s.Kind == llm.EventStop})
	}
	return all
}

var novaEvents = map[llm.EventKind]string{ // never written to
	llm.EventStart: "messageStart", llm.EventBlockStart: "contentBlockStart", llm.EventDelta: "contentBlockDelta",
	llm.EventBlockEnd: "contentBlockStop", llm.EventStop: "messageStop",
}

// payload returns the payload of a valid frame.
func payload(frame []byte) jsonx.Raw {
	headers := int(frame[4])<<24 | int(frame[5])<<16 | int(frame[6])<<8 | int(frame[7])
	return frame[frameHead+headers : len(frame)-frameTail]
}
