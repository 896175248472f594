package transport

import "net/http"

// Absent reports whether the status of a response says that the server does not have what was called: not
// the path, or not for this method.
func Absent(status int) bool {
	switch status {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return true
	default:
		return false
	}
}
