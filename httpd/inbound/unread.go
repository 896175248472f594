package inbound

import (
	"net/http"
	"time"
)

// unreadTimeout is how long to wait for the rest of a body that will not be read.
const unreadTimeout = 2 * time.Second

// Unread makes a request's connection close after its response, and bounds the wait for the rest of
// its body, until Reader.Read has read all of it. net/http reads to the end of a body before it
// responds or closes, whether or not the handler reads the body, and has no deadline of its own for
// that: without one, requests whose body never arrives would hold their connections for as long as
// the client likes. Over HTTP/2 only the request's own stream ends.
func Unread(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		if r.ProtoMajor < 2 {
			w.Header()["Connection"] = []string{"close"}
		}
		abandon(http.NewResponseController(w))
	}
}

// abandon bounds the wait for a body that will not be read.
func abandon(control *http.ResponseController) {
	_ = control.SetReadDeadline(time.Now().Add(unreadTimeout)) // not every ResponseWriter supports deadlines
}
