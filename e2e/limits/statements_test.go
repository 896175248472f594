package limits

import (
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
)

// gate is a way to PostgreSQL that counts the statements and can be closed for what clients send: they wait then.
type gate struct {
	listener   net.Listener
	to         string
	done       sync.WaitGroup
	statements atomic.Int64

	pass sync.RWMutex // held for writing while it is closed

	mu    sync.Mutex
	conns []net.Conn
}

// startGate opens a gate to a database until the test ends, and returns the database's address through it.
func startGate(t testing.TB, databaseURL string) (g *gate, through string) {
	t.Helper()
	u, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	g = &gate{to: u.Host}
	if g.listener, err = (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	u.Host = g.listener.Addr().String()
	g.done.Go(g.serve)
	t.Cleanup(func() {
		_ = g.listener.Close()
		g.mu.Lock()
		for _, c := range g.conns {
			_ = c.Close()
		}
		g.mu.Unlock()
		g.done.Wait()
	})
	return g, u.String()
}

func (g *gate) serve() {
	for {
		client, err := g.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", g.to)
		if err != nil {
			_ = client.Close()
			continue
		}
		g.mu.Lock()
		g.conns = append(g.conns, client, server)
		g.mu.Unlock()
		g.done.Go(func() {
			_, _ = io.Copy(client, server)
			_ = client.Close()
		})
		g.done.Go(func() {
			_ = g.forward(server, client)
			_ = server.Close()
		})
	}
}

// forward passes on the messages of a client: postgresql.org/docs/current/protocol-message-formats.html. The first has
// no type. The length of each includes itself.
func (g *gate) forward(server io.Writer, client io.Reader) error {
	head, size := make([]byte, 5), 4
	for {
		if _, err := io.ReadFull(client, head[:size]); err != nil {
			return err
		}
		body := make([]byte, binary.BigEndian.Uint32(head[size-4:size])-4)
		if _, err := io.ReadFull(client, body); err != nil {
			return err
		}
		if size == 5 && (head[0] == 'Q' || head[0] == 'E') { // Query and Execute
			g.statements.Add(1)
		}
		g.pass.RLock()
		_, err := server.Write(append(head[:size:size], body...))
		g.pass.RUnlock()
		if err != nil {
			return err
		}
		size = 5
	}
}

// TestCallsOfAWarmKeyNeedNoStatement checks that calls are answered while no statement gets to PostgreSQL, for a key
// whose limits leave room.
func TestCallsOfAWarmKeyNeedNoStatement(t *testing.T) {
	g, through := startGate(t, database(t))
	c := startCluster(t, 1, through)
	c.admin(0, "/team/new", `{"team_id":"geology","max_budget":1000,"rpm_limit":1000000}`, nil)
	c.admin(0, "/user/new", `{"user_id":"ann","max_budget":1000,"auto_create_key":false}`, nil)
	c.admin(0, "/customer/new", `{"user_id":"carl","max_budget":1000}`, nil)
	key := c.newKey(`{"user_id":"ann","team_id":"geology","max_budget":1000,"rpm_limit":1000000,"tpm_limit":100000000,"max_parallel_requests":1000}`)
	s := c.up.add(&script{})
	ask := func(i int) answer {
		return c.ask(question{key: key, script: s, stream: i%2 == 1, user: "carl", tag: "field trip"})
	}
	for i := range 200 {
		if a := ask(i); !a.whole {
			t.Fatal(a)
		}
	}
	// In parts, so that a slow machine does not take longer than a gateway does without its database.
	before := g.statements.Load()
	for range 10 {
		g.pass.Lock()
		failed := 0
		for i := range 100 {
			if a := ask(i); !a.whole {
				failed++
				t.Logf("call %d: %v", i, a)
			}
		}
		g.pass.Unlock()
		if failed > 0 {
			t.Fatalf("%d of 100 calls were not answered while no statement got to PostgreSQL", failed)
		}
		c.posted(t)
	}
	t.Logf("%d statements in the background of 1,000 calls and of what tells that they are posted", g.statements.Load()-before)
}
