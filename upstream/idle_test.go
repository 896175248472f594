package upstream

import (
	"fmt"
	"net"
	"net/url"
	"testing"
	"time"
)

func TestIdleConnectionsAreBoundedOverAllHosts(t *testing.T) {
	c := New()
	defer c.CloseIdle()
	open := 0
	start := time.Now()
	idleConn := func(to origin, since time.Duration) {
		near, far := net.Pipe()
		_ = far.Close()
		open++
		c.mu.Lock()
		c.hosts[to].idle = append(c.hosts[to].idle, &conn{Conn: near, tcp: near, client: c, dest: to, since: start.Add(since)})
		c.idle++
		c.mu.Unlock()
	}
	host := func(n int) (origin, *url.URL) {
		u := parse(t, fmt.Sprintf("http://h%d.example", n))
		return origin{u.Scheme, u.Host}, u
	}
	for n := range maxHosts + 1 {
		to, u := host(n)
		if _, err := c.proxied(to, u); err != nil {
			t.Fatal(err)
		}
		idleConn(to, time.Duration(n)*time.Millisecond)
	}
	first, _ := host(0)
	if c.hosts[first] != nil || len(c.hosts) != maxHosts || c.idle != maxHosts {
		t.Errorf("%d hosts are remembered with %d connections, the one used least among them: %v", len(c.hosts), c.idle, c.hosts[first] != nil)
	}
	last, _ := host(maxHosts)
	for n := 2; c.idle < maxIdleAll; n++ {
		some, _ := host(n%200 + 2)
		idleConn(some, time.Hour)
	}
	near, far := net.Pipe()
	defer far.Close()
	c.keep(&conn{Conn: near, tcp: near, client: c, dest: last})
	second, _ := host(1)
	if len(c.hosts[second].idle) != 0 || c.idle != maxIdleAll {
		t.Errorf("%d connections are idle, the oldest among them: %v", c.idle, len(c.hosts[second].idle) != 0)
	}
}
