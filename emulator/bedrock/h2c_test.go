package bedrock

import (
	"net/http"
	"testing"
)

func TestHTTP2WithPriorKnowledgeIsServedOnTheSamePort(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	two := new(http.Protocols)
	two.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: two}
	defer transport.CloseIdleConnections()
	h2 := &server{s.Server, &http.Client{Transport: transport}}
	for _, operation := range []string{"converse", "converse-stream"} {
		var protocol string
		a := h2.send(t, http.MethodPost, "/model/"+micro+"/"+operation, hello, signed(demo, "us-east-1", "bedrock", noon))
		if a.status != 200 {
			t.Errorf("%s: got %d %s", operation, a.status, a.body)
		}
		resp, err := h2.client.Get(s.URL() + "/foundation-models")
		if err == nil {
			protocol = resp.Proto
			_ = resp.Body.Close()
		}
		if protocol != "HTTP/2.0" {
			t.Errorf("got protocol %q", protocol)
		}
		if one := s.post(t, micro, operation, hello); one.status != 200 {
			t.Errorf("HTTP/1.1, %s: got %d %s", operation, one.status, one.body)
		}
	}
}
