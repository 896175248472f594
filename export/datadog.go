package export

import (
	"bytes"
	"compress/gzip"
	"context"
	"net/http"
	"strings"

	"outcrop/internal/jsonx"
)

// Datadog is Datadog's intake of logs (https://docs.datadoghq.com/api/latest/logs/#send-logs), or an agent with the same API.
type Datadog struct {
	// Endpoint is the address of the intake, with its path.
	Endpoint string
	Key      Secret // empty for an agent that has its own
	// Source, Service, Host and Tags are what Datadog knows the logs by.
	Source, Service, Host, Tags string
	Form                        Form
}

type datadog struct {
	*Poster

	opt    Datadog
	header http.Header
}

// NewDatadog makes the sender.
func NewDatadog(opt Datadog) Sender {
	h := http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}}
	if opt.Key != "" {
		h.Set("DD-API-KEY", opt.Key.Reveal())
	}
	return &datadog{NewPoster(nil), opt, h}
}

// maxDatadog bounds the body of a request before it is compressed; Datadog takes 5 MB.
const maxDatadog = 4 << 20

func (s *datadog) Send(ctx context.Context, batch []*Record) ([]*Record, error) {
	for len(batch) > 0 {
		body, n := s.body(batch)
		if _, err := s.Do(ctx, http.MethodPost, s.opt.Endpoint, s.header, body); err != nil {
			return batch, err
		}
		batch = batch[n:]
	}
	return nil, nil
}

// body writes as many records as fit into a request, at least one.
func (s *datadog) body(batch []*Record) (compressed []byte, n int) {
	var w jsonx.Writer
	w.Array()
	for _, r := range batch {
		message := s.opt.Form.Append(nil, r)
		if n > 0 && len(w.Buf)+len(message) > maxDatadog {
			break
		}
		status := "info"
		if r.Failed() {
			status = "error"
		}
		tags := s.opt.Tags
		if r.Who.TeamAlias != "" && !s.opt.Form.HideKeys {
			tags += ",team:" + r.Who.TeamAlias
		}
		if len(r.Who.Tags) > 0 {
			tags += ",request_tag:" + strings.Join(r.Who.Tags, ",request_tag:")
		}
		w.Object()
		for _, m := range [...]struct{ key, value string }{
			{"ddsource", s.opt.Source}, {"ddtags", tags}, {"hostname", s.opt.Host}, {"message", string(message)}, {"service", s.opt.Service}, {"status", status},
		} {
			w.Key(m.key)
			w.String(m.value)
		}
		w.EndObject()
		n++
	}
	w.EndArray()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(w.Buf) // a buffer takes everything
	_ = z.Close()
	return out.Bytes(), n
}
