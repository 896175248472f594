package upstream_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"outcrop/upstream"
)

func TestInterceptedCallsAreNotSent(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the call was sent") }))
	defer s.Close()
	to, err := url.Parse(s.URL + "/v1")
	if err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	var got string
	ctx := upstream.Intercept(t.Context(), func(r *upstream.Request) error {
		got = r.Method + " " + r.URL.Path + " " + string(r.Body[0])
		return enough
	})
	c := upstream.New()
	defer c.CloseIdle()
	if _, err := c.Do(ctx, &upstream.Request{Method: "POST", URL: to, Header: http.Header{}, Body: [][]byte{[]byte("stone")}}); !errors.Is(err, enough) || got != "POST /v1 stone" {
		t.Errorf("%q, %v", got, err)
	}
}
