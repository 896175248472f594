package llm

import "io"

// Forward is a request for a provider's own API that is passed on as it is.
type Forward struct {
	// Method is the HTTP method, and Path the path below the provider's address, escaped, with a slash in
	// front. Query is the query as it was sent.
	Method, Path, Query string
	// Header are the headers for the provider: none of the connection, and no credentials.
	Header []Label
	Body   []byte
}

// Forwarded is the response to a Forward, whatever its status.
type Forwarded struct {
	Status int
	// Meta describes where the response came from. Its Header are the headers for the client.
	Meta Meta
	// Body is read as it arrives; the caller closes it. The errors of its Read are those of the connection.
	Body io.ReadCloser
}
