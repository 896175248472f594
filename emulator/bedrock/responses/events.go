package responses

import (
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Event is one event of a stream.
type Event struct {
	// Data is the event's data.
	Data []byte
	// Type is its type.
	Type string
	// Delta is whether it is content, and Text the content.
	Delta bool
	Text  string
	// Last is whether it follows the content.
	Last bool
}

// stream writes the events of an answer.
type stream struct {
	*Answer

	all []Event
}

// event adds an event whose other members rest writes.
func (s *stream) event(kind string, rest func(*jsonx.Writer)) *Event {
	w := &jsonx.Writer{}
	w.Object()
	w.Key("type")
	w.Word(kind)
	w.Key("sequence_number")
	w.Int(int64(len(s.all)))
	rest(w)
	w.EndObject()
	s.all = append(s.all, Event{Data: w.Buf, Type: kind})
	return &s.all[len(s.all)-1]
}

// whole adds an event with the response.
func (s *stream) whole(kind, status string, over bool) *Event {
	return s.event(kind, func(w *jsonx.Writer) {
		w.Key("response")
		s.write(w, status, over)
	})
}

// Events returns the answer as a stream. steps are its events in the common form, whose deltas are kept.
func (a *Answer) Events(steps []llm.Event) []Event {
	s := &stream{Answer: a}
	s.whole("response.created", inProgress, false)
	s.whole("response.in_progress", inProgress, false)
	for i := range a.Blocks {
		var deltas []string
		for j := range steps {
			if steps[j].Kind == llm.EventDelta && steps[j].Index == i {
				deltas = append(deltas, steps[j].Text)
			}
		}
		s.block(i, deltas)
	}
	kind := "response.completed"
	if a.status() == incomplete {
		kind = "response.incomplete"
	}
	s.whole(kind, a.status(), true).Last = true
	return s.all
}

// block adds the events of an item.
func (s *stream) block(i int, deltas []string) {
	b := &s.Blocks[i]
	item := func(kind, status string, whole bool) {
		s.event(kind, func(w *jsonx.Writer) {
			w.Key("output_index")
			w.Int(int64(i))
			w.Key("item")
			s.item(w, i, status, whole)
		})
	}
	item("response.output_item.added", inProgress, false)
	switch {
	case b.Kind == llm.BlockToolUse && s.custom(b):
		s.value(i, "response.custom_tool_call_input", "input", input(b), []string{input(b)})
	case b.Kind == llm.BlockToolUse:
		s.value(i, "response.function_call_arguments", "arguments", string(b.ToolUse.Input), deltas)
	case !thought(b):
		s.parts(i, "response.content_part", "content_index", func(w *jsonx.Writer, text string) { s.part(w, text) }, "response.output_text", b.Text, deltas, true)
	case s.Open:
		s.parts(i, "response.content_part", "content_index", func(w *jsonx.Writer, text string) { s.thought(w, text) }, "response.reasoning_text", b.Text, deltas, false)
	case s.summarized(b):
		text := reasoningText(b)
		s.parts(i, "response.reasoning_summary_part", "summary_index", summary, "response.reasoning_summary_text", text, []string{text}, false)
	}
	item("response.output_item.done", s.statusOf(i), true)
}

// at writes where an event belongs.
func (s *stream) at(w *jsonx.Writer, i int, index string) {
	w.Key("item_id")
	w.String(s.itemID(i))
	w.Key("output_index")
	w.Int(int64(i))
	if index != "" {
		w.Key(index)
		w.Int(0)
	}
}

// value adds the events of a call's arguments or input.
func (s *stream) value(i int, kind, key, whole string, deltas []string) {
	for _, text := range deltas {
		e := s.event(kind+".delta", func(w *jsonx.Writer) {
			s.at(w, i, "")
			w.Key("delta")
			w.String(text)
		})
		e.Delta, e.Text = true, text
	}
	s.event(kind+".done", func(w *jsonx.Writer) {
		s.at(w, i, "")
		if key == "arguments" {
			w.Key("name")
			w.String(s.Request.tools[s.Blocks[i].ToolUse.Name].name)
		}
		w.Key(key)
		w.String(whole)
	})
}

// parts adds the events of the one part of an item: the part begins and ends by events of one kind, and its
// text comes by those of another.
func (s *stream) parts(i int, kind, index string, part func(*jsonx.Writer, string), textKind, whole string, deltas []string, logprobs bool) {
	edge := func(kind, text string) {
		s.event(kind, func(w *jsonx.Writer) {
			s.at(w, i, index)
			w.Key("part")
			part(w, text)
		})
	}
	piece := func(kind, key, text string) *Event {
		return s.event(kind, func(w *jsonx.Writer) {
			s.at(w, i, index)
			w.Key(key)
			w.String(text)
			if logprobs {
				w.Key("logprobs")
				w.Array()
				w.EndArray()
			}
		})
	}
	edge(kind+".added", "")
	for _, text := range deltas {
		e := piece(textKind+".delta", "delta", text)
		e.Delta, e.Text = true, text
	}
	piece(textKind+".done", "text", whole)
	edge(kind+".done", whole)
}

// Failed returns the last event of a stream whose response fails, with the number that it has there.
func (a *Answer) Failed(number int, code, message string) Event {
	w := &jsonx.Writer{}
	a.write(w, "failed", false)
	fault := jsonx.Writer{}
	fault.Object()
	fault.Key("code")
	fault.String(code)
	fault.Key("message")
	fault.String(message)
	fault.EndObject()
	members, err := jsonx.Members(w.Buf)
	if err != nil {
		members = nil // what has just been written is an object
	}
	for i := range members {
		if members[i].Name == "error" {
			members[i].Value = fault.Buf
		}
	}
	e := jsonx.Writer{}
	e.Object()
	e.Key("type")
	e.Word("response.failed")
	e.Key("sequence_number")
	e.Int(int64(number))
	e.Key("response")
	e.Object()
	e.Members(members)
	e.EndObject()
	e.EndObject()
	return Event{Data: e.Buf, Type: "response.failed"}
}

// Error returns the event for an error outside the response, with the number that it has in a stream.
func Error(number int, code, message string) Event {
	w := jsonx.Writer{}
	w.Object()
	w.Key("type")
	w.Word("error")
	w.Key("sequence_number")
	w.Int(int64(number))
	w.Key("code")
	w.String(code)
	w.Key("message")
	w.String(message)
	w.Key("param")
	w.Null()
	w.EndObject()
	return Event{Data: w.Buf, Type: "error"}
}
