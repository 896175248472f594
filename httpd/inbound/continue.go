package inbound

import "net/http"

// continuer is a ResponseWriter whose response can go on after its handler has returned.
type continuer interface {
	Continue(rest func())
	After(f func())
	Continues() bool
}

// Continue writes the rest of a response by calling rest: if the server can, after the handler has returned, and otherwise at once. A stream
// is open for long, and the stack on which its request was read, routed and sent is several times as large as what passing on
// events needs. It is the last thing that a handler does.
//
// Every function between the handler and the server that has something to do at the response's end asks Continues when the handler has
// returned, and leaves it to After then.
func Continue(w http.ResponseWriter, rest func()) {
	if c := continuerOf(w); c != nil {
		c.Continue(rest)
		return
	}
	rest()
}

// Continues reports whether a response goes on after its handler has returned.
func Continues(w http.ResponseWriter) bool {
	c := continuerOf(w)
	return c != nil && c.Continues()
}

// After has f called at the end of a response that Continues, or when it panics, which f can recover as a deferred function can. Those of the
// inner functions are called first.
func After(w http.ResponseWriter, f func()) { continuerOf(w).After(f) }

// continuerOf returns what a ResponseWriter can do itself, or what it wraps; nil for nothing.
func continuerOf(w http.ResponseWriter) continuer {
	for {
		if c, ok := w.(continuer); ok {
			return c
		}
		wrapped, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return nil
		}
		w = wrapped.Unwrap()
	}
}
