package outcrop

import (
	"context"
	"net/http"
	"net/url"

	"outcrop/config"
	"outcrop/gateway"
	"outcrop/provider/transport"
)

// PassThroughProvider is the provider in the record of requests of an endpoint of the operator's.
const PassThroughProvider = "pass_through"

// PassThrough makes requests for an endpoint of the operator's, with its headers, to its target and no other address.
func (c *Client) PassThrough(p *config.PassThrough) gateway.Forwarder {
	root, err := url.Parse(p.Target.Reveal())
	if err != nil { // the configuration has checked it
		root = &url.URL{}
	}
	return &transport.Forwarding{
		Client: c.upstream, Service: p.Path, Provider: PassThroughProvider, Root: root, Exact: true,
		Authorize: func(_ context.Context, h http.Header) (secrets []string, err error) {
			set := map[string]bool{}
			for _, own := range p.Headers {
				if !set[own.Name] {
					h.Del(own.Name)
				}
				set[own.Name] = true
				h.Add(own.Name, own.Value.Reveal())
				secrets = append(secrets, own.Value.Reveal())
			}
			return secrets, nil
		},
	}
}
