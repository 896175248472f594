package anthropic_test

import (
	"encoding/base64"
	"slices"

	"outcrop/wire/eventstream"
)

// frames are frames of ConverseStream: each event with its payload.
func frames(events ...string) []byte {
	var b []byte
	for pair := range slices.Chunk(events, 2) {
		b = frame(b, pair[0], pair[1])
	}
	return b
}

// chunks are frames of InvokeModelWithResponseStream.
func chunks(events ...string) []byte {
	var b []byte
	for _, e := range events {
		b = frame(b, "chunk", `{"bytes":"`+base64.StdEncoding.EncodeToString([]byte(e))+`"}`)
	}
	return b
}

func frame(b []byte, kind, payload string) []byte {
	return eventstream.Append(b, []eventstream.Header{
		{Name: eventstream.HeaderEventType, Value: kind},
		{Name: eventstream.HeaderContentType, Value: "application/json"},
		{Name: eventstream.HeaderMessageType, Value: "event"},
	}, []byte(payload))
}
