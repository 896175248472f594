package outcrop

import (
	"net/url"

	"outcrop/config"
	"outcrop/gateway"
	"outcrop/llm"
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
	headers := make([]llm.Label, 0, len(p.Headers))
	for _, own := range p.Headers {
		headers = append(headers, llm.Label{Name: own.Name, Value: own.Value.Reveal()})
	}
	return &transport.Forwarding{Client: c.upstream, Service: p.Path, Provider: PassThroughProvider, Root: root, Exact: true, Authorize: transport.Fixed(headers)}
}
