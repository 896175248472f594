package llm

import "outcrop/internal/jsonx"

// WriteVerdict writes the object error.outcrop, which errors have in every dialect of clients:
// the code, the cause, who has to act, and the next step (see WriteReference).
func (e *Error) WriteVerdict(w *jsonx.Writer) {
	w.Object()
	text := func(key, value string) {
		if value != "" {
			w.Key(key)
			w.String(value)
		}
	}
	text("code", string(e.Code))
	text("cause", e.Cause)
	text("actor", string(e.Responsible()))
	text("fix", e.Fix)
	if len(e.Statement) > 0 {
		w.Key("statement")
		w.Raw(e.Statement)
	}
	if len(e.Statements) > 0 {
		w.Key("statements")
		w.Array()
		for _, s := range e.Statements {
			w.Raw(s)
		}
		w.EndArray()
	}
	text("docs", e.Docs)
	text("request_id", e.RequestID)
	text("retry", string(e.CanRetry()))
	w.EndObject()
}
