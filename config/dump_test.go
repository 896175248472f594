package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
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
	for _, name := range slices.Sorted(maps.Keys(c.Environment)) {
		fmt.Fprintf(&b, "environment %s=%s\n", name, c.Environment[name].Reveal())
	}
	for _, m := range c.Models {
		fmt.Fprintf(&b, "\n%s at %s:%d:%d\n", m.Path, m.Position.File, m.Position.Line, m.Position.Column)
		fmt.Fprintf(&b, "  %q is %q of %s\n", m.Name, m.Model, m.Provider)
		fmt.Fprintf(&b, "  id %s\n", m.ID)
		fmt.Fprintf(&b, "  timeout %v, stream %v, retries %d, keepalive %v, drop_params %t\n", m.Timeout, m.StreamTimeout, m.NumRetries, m.KeepAlive, m.DropParams)
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
