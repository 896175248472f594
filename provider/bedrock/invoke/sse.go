package invoke

// EventWriter writes events as server-sent events, in the form of Anthropic's API
// (https://platform.claude.com/docs/en/build-with-claude/streaming).
type EventWriter struct {
	// Model is the client's name for the model; if it is empty, AWS's stays.
	Model string
}

// Append appends an event.
func (w EventWriter) Append(dst []byte, ev *Event) []byte {
	dst = append(dst, "event: "...)
	dst = append(dst, ev.Type...)
	dst = append(dst, "\ndata: "...)
	if ev.Type == "message_start" && w.Model != "" {
		if segments, err := renamed(ev.Data, w.Model, "message", "model"); err == nil {
			for _, s := range segments {
				dst = append(dst, s...)
			}
			return append(dst, "\n\n"...)
		}
	}
	dst = append(dst, ev.Data...)
	return append(dst, "\n\n"...)
}
