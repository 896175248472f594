package roughbedrock

import (
	"fmt"
	"strconv"
	"strings"

	"outcrop/wire/eventstream"
)

// Words are the pieces of text in the answers of Complete and Story.
func Words() []string {
	return []string{"Gran", "ite ", "is ", "an ", "igneous ", "rock", "."}
}

// Text is the concatenation of Words.
func Text() string { return strings.Join(Words(), "") }

// Event returns the frame of an event, such as contentBlockDelta, with its JSON.
func Event(kind, payload string) []byte {
	return eventstream.Append(nil, []eventstream.Header{
		{Name: eventstream.HeaderEventType, Value: kind},
		{Name: eventstream.HeaderContentType, Value: "application/json"},
		{Name: eventstream.HeaderMessageType, Value: "event"},
	}, []byte(payload))
}

// Exception returns the frame of one of the service model's exceptions, with its name
// in streams, such as throttlingException.
func Exception(kind, message string) []byte {
	return eventstream.Append(nil, []eventstream.Header{
		{Name: eventstream.HeaderExceptionType, Value: kind},
		{Name: eventstream.HeaderContentType, Value: "application/json"},
		{Name: eventstream.HeaderMessageType, Value: "exception"},
	}, []byte(`{"message":`+strconv.Quote(message)+`}`))
}

// ErrorFrame returns the frame of an error that the service model does not declare: its
// code and message are in headers.
func ErrorFrame(code, message string) []byte {
	return eventstream.Append(nil, []eventstream.Header{
		{Name: eventstream.HeaderMessageType, Value: "error"},
		{Name: eventstream.HeaderErrorCode, Value: code},
		{Name: eventstream.HeaderErrorMessage, Value: message},
	}, nil)
}

// Start returns the first frame of an answer.
func Start() []byte { return Event("messageStart", `{"p":"abc","role":"assistant"}`) }

// Delta returns a frame of text.
func Delta(text string) []byte {
	return Event("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":`+strconv.Quote(text)+`},"p":"abcdef"}`)
}

// Thought returns a frame of reasoning.
func Thought(text string) []byte {
	return Event("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":`+strconv.Quote(text)+`}}}`)
}

// ToolStart returns the first frame of a tool call.
func ToolStart(id, name string) []byte {
	return Event("contentBlockStart", fmt.Sprintf(`{"contentBlockIndex":0,"start":{"toolUse":{"name":%q,"toolUseId":%q}}}`, name, id))
}

// ToolInput returns a frame with a piece of a tool call's arguments.
func ToolInput(piece string) []byte {
	return Event("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"toolUse":{"input":`+strconv.Quote(piece)+`}}}`)
}

// BlockStop returns the last frame of a block.
func BlockStop() []byte { return Event("contentBlockStop", `{"contentBlockIndex":0}`) }

// MessageStop returns the frame with the stop reason.
func MessageStop(reason string) []byte {
	return Event("messageStop", `{"stopReason":`+strconv.Quote(reason)+`}`)
}

// Metadata returns the last frame, with the usage of Story.
func Metadata() []byte {
	return Event("metadata", `{"metrics":{"latencyMs":300},"usage":{"inputTokens":9,"outputTokens":7,"totalTokens":16}}`)
}

// Begun returns the beginning of an answer: its start and the first four Words.
func Begun() [][]byte {
	frames := [][]byte{Start()}
	for _, w := range Words()[:4] {
		frames = append(frames, Delta(w))
	}
	return frames
}

// BegunText returns the text of Begun.
func BegunText() string { return strings.Join(Words()[:4], "") }

// Ending returns the frames after the last word.
func Ending(reason string) [][]byte {
	return [][]byte{BlockStop(), MessageStop(reason), Metadata()}
}

// Story returns a complete streamed answer with the stop reason.
func Story(reason string) [][]byte {
	frames := Begun()
	for _, w := range Words()[4:] {
		frames = append(frames, Delta(w))
	}
	return append(frames, Ending(reason)...)
}
