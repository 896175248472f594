package roughbedrock

import (
	"fmt"
	"strconv"
	"strings"

	"outcrop/wire/eventstream"
)

// Words are the pieces of the text that Complete and Story answer with.
func Words() []string {
	return []string{"Gran", "ite ", "is ", "an ", "igneous ", "rock", "."}
}

// Text is what the Words say.
func Text() string { return strings.Join(Words(), "") }

// Event is a frame of an event, such as contentBlockDelta, with its JSON.
func Event(kind, payload string) []byte {
	return eventstream.Append(nil, []eventstream.Header{
		{Name: eventstream.HeaderEventType, Value: kind},
		{Name: eventstream.HeaderContentType, Value: "application/json"},
		{Name: eventstream.HeaderMessageType, Value: "event"},
	}, []byte(payload))
}

// Exception is a frame of one of the service model's exceptions, named as in a
// stream: throttlingException.
func Exception(kind, message string) []byte {
	return eventstream.Append(nil, []eventstream.Header{
		{Name: eventstream.HeaderExceptionType, Value: kind},
		{Name: eventstream.HeaderContentType, Value: "application/json"},
		{Name: eventstream.HeaderMessageType, Value: "exception"},
	}, []byte(`{"message":`+strconv.Quote(message)+`}`))
}

// ErrorFrame is a frame of an error that the service model does not declare: its
// code and message stand in headers.
func ErrorFrame(code, message string) []byte {
	return eventstream.Append(nil, []eventstream.Header{
		{Name: eventstream.HeaderMessageType, Value: "error"},
		{Name: eventstream.HeaderErrorCode, Value: code},
		{Name: eventstream.HeaderErrorMessage, Value: message},
	}, nil)
}

// Start is the frame that an answer begins with.
func Start() []byte { return Event("messageStart", `{"p":"abc","role":"assistant"}`) }

// Delta is a frame of text.
func Delta(text string) []byte {
	return Event("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":`+strconv.Quote(text)+`},"p":"abcdef"}`)
}

// Thought is a frame of reasoning.
func Thought(text string) []byte {
	return Event("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":`+strconv.Quote(text)+`}}}`)
}

// ToolStart is the frame that a tool call begins with.
func ToolStart(id, name string) []byte {
	return Event("contentBlockStart", fmt.Sprintf(`{"contentBlockIndex":0,"start":{"toolUse":{"name":%q,"toolUseId":%q}}}`, name, id))
}

// ToolInput is a piece of a tool call's arguments.
func ToolInput(piece string) []byte {
	return Event("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"toolUse":{"input":`+strconv.Quote(piece)+`}}}`)
}

// BlockStop is the frame that ends a block.
func BlockStop() []byte { return Event("contentBlockStop", `{"contentBlockIndex":0}`) }

// MessageStop is the frame that gives the stop reason.
func MessageStop(reason string) []byte {
	return Event("messageStop", `{"stopReason":`+strconv.Quote(reason)+`}`)
}

// Metadata is the last frame, with the usage of Story.
func Metadata() []byte {
	return Event("metadata", `{"metrics":{"latencyMs":300},"usage":{"inputTokens":9,"outputTokens":7,"totalTokens":16}}`)
}

// Begun is the beginning of an answer: its start and the first four Words.
func Begun() [][]byte {
	frames := [][]byte{Start()}
	for _, w := range Words()[:4] {
		frames = append(frames, Delta(w))
	}
	return frames
}

// BegunText is the text of Begun.
func BegunText() string { return strings.Join(Words()[:4], "") }

// Ending is what follows the last word.
func Ending(reason string) [][]byte {
	return [][]byte{BlockStop(), MessageStop(reason), Metadata()}
}

// Story is a whole streamed answer with the stop reason.
func Story(reason string) [][]byte {
	frames := Begun()
	for _, w := range Words()[4:] {
		frames = append(frames, Delta(w))
	}
	return append(frames, Ending(reason)...)
}
