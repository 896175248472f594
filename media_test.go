package outcrop_test

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"outcrop"
	"outcrop/llm"
)

func TestAnImageAtAnAddressReachesTheModel(t *testing.T) {
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 2, 2))); err != nil {
		t.Fatal(err)
	}
	served := 0
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		served++
		_, _ = w.Write(picture.Bytes())
	}))
	defer files.Close()
	allowed := anyModel + "outcrop_settings: {media: {allow: ['" + strings.TrimPrefix(files.URL, "http://") + "']}}\n"
	tests := []struct {
		name, config string
		code         llm.Code // empty if it is fetched
		served       int
	}{
		{"where its host is open", allowed, "", 1},
		{"where only public ones are", anyModel, llm.CodeUnsupported, 0},
		{"where none are", anyModel + "outcrop_settings: {media: {fetch: false}}\n", llm.CodeUnsupported, 0},
		{"through a proxy that is not there", anyModel + "outcrop_settings: {media: {allow: [127.0.0.1], proxy: 'http://127.0.0.1:1'}}\n", llm.CodeMedia, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := open(t, tt.config, keys())
			served = 0
			req := &outcrop.Request{Call: outcrop.Call{Model: "granite"}, Turns: []outcrop.Turn{outcrop.User("look")}}
			req.Turns[0].Blocks = append(req.Turns[0].Blocks, outcrop.Block{Kind: llm.BlockImage, Media: &llm.Media{URI: files.URL + "/a.png"}})
			var answer string
			resp, err := a.Complete(t.Context(), req)
			if err == nil {
				answer = outcrop.Text(resp)
			}
			streamed, streamErr := readAll(a.Stream(t.Context(), req))
			if served != 2*tt.served || !req.Turns[0].Blocks[1].Media.Base64.IsZero() {
				t.Errorf("served %d times; the request became %+v", served, req.Turns[0].Blocks[1].Media)
			}
			for _, err := range []error{err, streamErr} {
				if tt.code == "" {
					if err != nil {
						t.Error(err)
					}
				} else if e, ok := errors.AsType[*outcrop.Error](err); !ok || e.Code != tt.code || e.Fix == "" || e.Param != "" && e.Param != "turns[0].blocks[1].media.uri" {
					t.Errorf("got %v", err)
				}
			}
			if proof := fmt.Sprintf("an image (png, %d bytes)", picture.Len()); tt.code == "" && (!strings.Contains(answer, proof) || streamed != answer) {
				t.Errorf("answered %q, streamed %q; want both to speak of %s", answer, streamed, proof)
			}
		})
	}
}

// readAll reads the text of a stream.
func readAll(s outcrop.Stream, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer s.Close()
	var text strings.Builder
	for {
		var ev outcrop.Event
		switch err := s.Next(&ev); {
		case errors.Is(err, io.EOF):
			return text.String(), nil
		case err != nil:
			return text.String(), err
		case ev.Kind == llm.EventDelta:
			text.WriteString(ev.Text)
		}
	}
}
