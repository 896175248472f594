package inbound

import (
	"net/http"
	"time"
)

// unreadTimeout is how long the rest of a body is waited for that nobody wants.
const unreadTimeout = 2 * time.Second

// Unread has a request's connection closed with its answer, and bounds the wait for the
// rest of its body, until Reader.Read has read all of it. net/http looks for a body's end
// before it answers or closes, whether the handler wanted the body or not, and has no
// deadline of its own for that: without one, requests whose body never comes would hold
// their connections for as long as the client likes.
func Unread(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		w.Header()["Connection"] = []string{"close"}
		abandon(http.NewResponseController(w))
	}
}

// abandon bounds the wait for a body that will not be read.
func abandon(control *http.ResponseController) {
	_ = control.SetReadDeadline(time.Now().Add(unreadTimeout)) // a ResponseWriter without deadlines has none
}
