package config

import (
	"cmp"
	"strings"
	"time"
)

// calls are the call settings that an entry of model_list can override. One that is
// not set is nil, or 0 for a duration.
type calls struct {
	timeout       time.Duration
	streamTimeout time.Duration
	firstTimeout  time.Duration // ttft_timeout
	idleTimeout   time.Duration // stream_idle_timeout
	keepAlive     time.Duration
	numRetries    *int
	dropParams    *bool
}

// read reads a setting if it is one of these.
func (c *calls) read(l *loader, k Key, n *node, path string) {
	switch k.Name {
	case "timeout":
		c.timeout = l.seconds(k, n, path)
	case "stream_timeout":
		c.streamTimeout = l.seconds(k, n, path)
	case "ttft_timeout":
		c.firstTimeout = l.seconds(k, n, path)
	case "stream_idle_timeout":
		c.idleTimeout = l.seconds(k, n, path)
	case "keepalive_seconds":
		c.keepAlive = l.seconds(k, n, path)
	case "sse_keepalive_ping_interval_seconds": // LiteLLM's other name of it, which it precedes
		c.keepAlive = cmp.Or(c.keepAlive, l.seconds(k, n, path))
	case "num_retries":
		if f, ok := l.number(k, n, path); ok {
			v := int(f)
			c.numRetries = &v
		}
	case "drop_params":
		if v, ok := l.boolean(k, n, path); ok {
			c.dropParams = &v
		}
	}
}

// or fills the settings that c leaves unset from d.
func (c calls) or(d calls) calls {
	c.timeout = cmp.Or(c.timeout, d.timeout)
	c.streamTimeout = cmp.Or(c.streamTimeout, d.streamTimeout)
	c.firstTimeout = cmp.Or(c.firstTimeout, d.firstTimeout)
	c.idleTimeout = cmp.Or(c.idleTimeout, d.idleTimeout)
	c.keepAlive = cmp.Or(c.keepAlive, d.keepAlive)
	c.numRetries = cmp.Or(c.numRetries, d.numRetries)
	c.dropParams = cmp.Or(c.dropParams, d.dropParams)
	return c
}

// globals are the settings in litellm_settings and router_settings for all calls.
type globals struct {
	litellm, router calls
	requestTimeout  time.Duration // the older name of timeout
	tls             map[string]settingAt
	limits          allLimits
}

func (g *globals) read(l *loader, k Key, n *node, path string) {
	switch {
	case k.Name == "request_timeout":
		g.requestTimeout = l.seconds(k, n, path)
	case k.Name == "ssl_verify" || k.Name == "ssl_certificate":
		if s, ok := l.text(k, n, path); ok {
			g.tls[k.Name] = settingAt{s, place{l.position(n), path}}
		}
	case k.Section == "router_settings":
		g.router.read(l, k, n, path)
	default:
		g.litellm.read(l, k, n, path)
	}
}

// settle fills in the defaults: router_settings takes precedence over
// litellm_settings, and LITELLM_DROP_PARAMS applies if drop_params is not set.
func (g *globals) settle(l *loader) calls {
	retries := 2
	env, _ := l.env("LITELLM_DROP_PARAMS")
	drop := strings.EqualFold(env, "true")
	all := g.router.or(g.litellm)
	return all.or(calls{
		timeout:    cmp.Or(g.requestTimeout, 600*time.Second),
		keepAlive:  15 * time.Second,
		numRetries: &retries,
		dropParams: &drop,
	})
}
