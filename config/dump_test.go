package config

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"outcrop/guard"
	"outcrop/route"
)

// dump writes a configuration for the golden files, with all values in the
// clear, since they are the fixtures' own.
func dump(c *Config) string {
	var b strings.Builder
	fmt.Fprintf(&b, "timeout %v, stream %v, retries %d, keepalive %v, drop_params %t\n", c.Timeout, c.StreamTimeout, c.NumRetries, c.KeepAlive, c.DropParams)
	fmt.Fprintf(&b, "master key %q, largest request %d bytes\n", c.General.MasterKey.Reveal(), c.General.MaxRequestSize)
	if n := c.General.MaxInFlight; n != 0 {
		fmt.Fprintf(&b, "in flight at most %d bytes\n", n)
	}
	if m := c.Media; !m.Fetch || m.Allow != nil || m.Proxy != "" || m.MaxSize != 25<<20 || m.Timeout != 30*time.Second {
		fmt.Fprintf(&b, "media fetched %t, from %v, up to %d bytes in %v, through %v\n", m.Fetch, m.Allow, m.MaxSize, m.Timeout, m.Proxy.Reveal())
	}
	if g := c.General; g.AllowedIPs != nil {
		fmt.Fprintf(&b, "calls from %v, forwarded %t\n", g.AllowedIPs, g.ForwardedFor)
	}
	if t := c.Accounting.Tokens; t.Enabled {
		fmt.Fprintf(&b, "tokens by %q for %q from %q, keys for %v and %v\n  %+v\n  %+v\n", t.URLs, t.Audience, t.Issuer, t.TTL, t.Stale, t.Fields, t.Policy)
	}
	if r := c.Routing; !reflect.DeepEqual(r, route.Policy{Queue: route.Queue{Size: 1000, Wait: 30 * time.Second}}) {
		fmt.Fprintf(&b, "calls by %q (%g) and %q, fitting %t, by tags %t (all %t), other names %v\n", r.Strategy, r.LatencyBuffer, r.Affinity, r.FitWindow, r.ByTags, r.AllTags, r.Aliases)
		fmt.Fprintf(&b, "  fallbacks %v, for windows %v, for content %v, else %v, at most %d\n", r.Fallbacks.General, r.Fallbacks.Window, r.Fallbacks.Content, r.Fallbacks.Default, r.MaxFallbacks)
		fmt.Fprintf(&b, "  left alone for %v, never %t, after %v and %s others\n", r.Cooldown, r.NoCooldowns, r.AllowedFails.ByClass, number(r.AllowedFails.Others))
		fmt.Fprintf(&b, "  retries %v, else %s, after %v", r.Retries.ByClass, number(r.Retries.Default), r.RetryAfter)
		for _, name := range slices.Sorted(maps.Keys(r.NameRetries)) {
			fmt.Fprintf(&b, ", of %s %v, else %s", name, r.NameRetries[name].ByClass, number(r.NameRetries[name].Default))
		}
		b.WriteString("\n")
	}
	for _, r := range c.Guardrails {
		fmt.Fprintf(&b, "guardrail %s, %s, in %v, always %t, open %d, for %v, without system %t\n", r.Name, r.Kind, r.Mode.Names(), r.Always, r.Open, r.Timeout, r.SkipSystem)
		for _, tag := range slices.Sorted(maps.Keys(r.Tags)) {
			fmt.Fprintf(&b, "  with the tag %s in %v\n", tag, r.Tags[tag].Names())
		}
		fmt.Fprintf(&b, "  id %s, shown as %s, with %s\n", r.ID, r.Params, r.Info)
		if s := r.Service; s != nil {
			for _, settings := range []any{s.Bedrock, s.Presidio, s.Lakera, s.Generic, s.Moderation} {
				if !reflect.ValueOf(settings).IsNil() {
					fmt.Fprintf(&b, "  %+v\n", settings)
				}
			}
			continue
		}
		v, err := r.Check(context.Background(), &guard.Input{Texts: []string{"jo@example.org EMP-1234"}})
		fmt.Fprintf(&b, "  %v, %v\n", v.Texts, err)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Environment)) {
		fmt.Fprintf(&b, "environment %s=%s\n", name, c.Environment[name].Reveal())
	}
	for _, m := range c.Models {
		fmt.Fprintf(&b, "\n%s at %s:%d:%d\n", m.Path, m.Position.File, m.Position.Line, m.Position.Column)
		fmt.Fprintf(&b, "  %q is %q of %s\n", m.Name, m.Model, m.Provider)
		fmt.Fprintf(&b, "  id %s\n", m.ID)
		fmt.Fprintf(&b, "  timeout %v, stream %v, retries %d, keepalive %v, drop_params %t\n", m.Timeout, m.StreamTimeout, m.NumRetries, m.KeepAlive, m.DropParams)
		if m.Order != 0 || m.Weight != 0 || m.Tags != nil || m.TagPatterns != nil || m.Cooldown != nil || m.FirstTimeout+m.IdleTimeout != 0 {
			fmt.Fprintf(&b, "  order %d, weight %g, tags %v, for %v, first %v, idle %v", m.Order, m.Weight, m.Tags, m.TagPatterns, m.FirstTimeout, m.IdleTimeout)
			if m.Cooldown != nil {
				fmt.Fprintf(&b, ", left alone for %v", *m.Cooldown)
			}
			b.WriteString("\n")
		}
		for _, name := range slices.Sorted(maps.Keys(m.Values)) {
			fmt.Fprintf(&b, "  %s=%s\n", name, m.Values[name])
		}
		for _, p := range m.Parameters {
			fmt.Fprintf(&b, "  parameter %s=%s\n", p.Name, p.Value)
		}
		if m.Callers.Any() {
			fmt.Fprintf(&b, "  callers may bring all: %t", m.Callers.All)
			for _, name := range slices.Sorted(maps.Keys(m.Callers.Names)) {
				fmt.Fprintf(&b, ", %s %v", name, m.Callers.Names[name])
			}
			b.WriteString("\n")
		}
		if m.Info != nil {
			fmt.Fprintf(&b, "  info %s\n", m.Info)
		}
	}
	return b.String()
}

func number(n *int) string {
	if n == nil {
		return "no"
	}
	return strconv.Itoa(*n)
}
