package export

import (
	"context"
	"maps"
	"net/http"
)

// Webhook is LiteLLM's callback generic_api (litellm/integrations/generic_api, 1.110.2): records are posted to an address.
type Webhook struct {
	Endpoint Secret
	// Headers are sent with each request; their values may be secret.
	Headers map[string]Secret
	// Lines is whether a batch is a line for each record, and Single whether each record is posted alone. Otherwise a batch
	// is an array.
	Lines, Single bool
	Form          Form
}

type webhook struct {
	*Poster

	opt    Webhook
	header http.Header
}

// NewWebhook makes the sender.
func NewWebhook(opt Webhook) Sender {
	h := http.Header{"Content-Type": {"application/json"}}
	for name, value := range maps.All(opt.Headers) {
		h.Set(name, value.Reveal())
	}
	return &webhook{NewPoster(nil), opt, h}
}

func (s *webhook) Send(ctx context.Context, batch []*Record) ([]*Record, error) {
	if s.opt.Single {
		return Each(batch, func(r *Record) error {
			_, err := s.Do(ctx, http.MethodPost, s.opt.Endpoint.Reveal(), s.header, s.opt.Form.Append(nil, r))
			return err
		})
	}
	var body []byte
	for i, r := range batch {
		switch {
		case s.opt.Lines && i > 0:
			body = append(body, '\n')
		case s.opt.Lines:
		case i == 0:
			body = append(body, '[')
		default:
			body = append(body, ',')
		}
		body = s.opt.Form.Append(body, r)
	}
	if !s.opt.Lines {
		body = append(body, ']')
	}
	if _, err := s.Do(ctx, http.MethodPost, s.opt.Endpoint.Reveal(), s.header, body); err != nil {
		return batch, err
	}
	return nil, nil
}
