package http1

import "slices"

// Continue has rest called after the handler has returned: a response that takes long does not keep the stack that
// its request has needed. The response ends when rest returns. A handler may call Continue once.
func (w *response) Continue(rest func()) { w.rest = rest }

// Continues reports whether Continue has been called.
func (w *response) Continues() bool { return w.rest != nil }

// After has f called when rest has returned or panics, which f can recover. What was given first is called first.
func (w *response) After(f func()) {
	if w.after == nil {
		w.after = w.usual[:0]
	}
	w.after = append(w.after, f)
}

// proceed does what Continue and After have left to do.
func (w *response) proceed() {
	for _, f := range slices.Backward(w.after) {
		defer f() // the first, of the innermost function, runs first
	}
	rest := w.rest
	w.rest, w.after, w.goesOn = nil, nil, true
	w.req = nil
	if w.sent {
		w.forget()
	}
	rest()
}
