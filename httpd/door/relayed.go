package door

import (
	"errors"
	"io"
	"maps"
	"net/http"

	"outcrop/gateway"
	"outcrop/httpd/inbound"
	"outcrop/llm"
)

// WriteRaw writes a complete response in the client's dialect, with the headers that belong to the client:
// JSON, unless its content type is another.
func WriteRaw(w http.ResponseWriter, resp *llm.RawResponse) {
	own := http.Header{"Content-Type": {"application/json"}}
	for _, l := range resp.Meta.Header {
		own.Set(l.Name, l.Value)
	}
	kind := own.Get("Content-Type")
	own.Del("Content-Type")
	maps.Copy(w.Header(), own)
	writeWhole(w, http.StatusOK, kind, resp.Body)
}

// Relayed serves a call whose response is relayed as its bytes arrive: audio, or a file. A client that is
// slow to read slows the provider. A response that breaks off ends the connection, because bytes of a file
// cannot report a failure.
func Relayed(w http.ResponseWriter, r *http.Request, call *gateway.Call, raw *llm.Raw, write func(http.ResponseWriter, *llm.Error)) {
	stream, err := call.RelayStream(r.Context(), raw, nil)
	if err != nil {
		write(w, Fail(w, call, err))
		return
	}
	defer stream.Close()
	Head(w.Header(), call)
	w.Header().Set("Content-Type", "application/octet-stream")
	for _, l := range stream.Meta().Header {
		w.Header().Set(l.Name, l.Value)
	}
	frames := inbound.NewFrames(w)
	defer frames.Close()
	var ev llm.RawEvent
	for {
		err := stream.Next(&ev)
		switch {
		case errors.Is(err, io.EOF):
			return
		case err != nil:
			panic(http.ErrAbortHandler) //nolint:forbidigo // the client must not take the response for a whole one
		}
		if frames.Write(ev.Data, stream.More()) != nil {
			return // the client is gone; closing the stream records it
		}
	}
}
