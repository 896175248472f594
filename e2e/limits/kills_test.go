package limits

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"outcrop/internal/need"
	"outcrop/internal/valkey"
)

// number is that of an environment variable.
func number(t testing.TB, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s is %q; it must be a number", variable, text)
	}
	return n
}

// load are clients that ask without pause.
type load struct {
	key    string
	script *script
	ended  atomic.Int64 // calls
	over   atomic.Bool
	all    sync.WaitGroup

	mu       sync.Mutex
	answered []string // the ids of calls that were answered
	statuses map[int]int
}

// start starts clients, half of whose calls are streams.
func (l *load) start(c *cluster, clients int) {
	l.statuses = map[int]int{}
	for i := range clients {
		l.all.Go(func() {
			for n := 0; !l.over.Load(); n++ {
				a := c.ask(question{key: l.key, script: l.script, at: next, stream: (i+n)%2 == 1})
				l.mu.Lock()
				l.statuses[a.status]++
				if a.whole {
					l.answered = append(l.answered, a.id)
				}
				l.mu.Unlock()
				l.ended.Add(1)
				if !a.whole {
					time.Sleep(10 * time.Millisecond) // what refuses is not to be asked as fast as what answers
				}
			}
		})
	}
}

// goOn waits until more calls have ended, well or not.
func (l *load) goOn(t *testing.T, calls int64) {
	t.Helper()
	until := l.ended.Load() + calls
	eventually(t, "calls end", func() bool { return l.ended.Load() >= until })
}

// server is a database that can be killed.
type server interface {
	Kill() error
	Restart(ctx context.Context) error
}

// TestNothingIsLostWhenProcessesAreKilled kills gateways and databases at random moments. Every call that was answered
// must then be in the books once, nothing else than what reached the upstream, and nothing may stay reserved.
func TestNothingIsLostWhenProcessesAreKilled(t *testing.T) {
	kills := number(t, "OUTCROP_KILLS", 12)
	t.Run("three on PostgreSQL", func(t *testing.T) { killed(t, startCluster(t, 3, database(t)), kills, machine) })
	t.Run("three on PostgreSQL and Valkey", func(t *testing.T) {
		counters, err := valkey.Start(t.Context(), t.TempDir())
		need.Server(t, counters, err)
		killed(t, startCluster(t, 3, database(t), "router_settings: {redis_url: \"redis://"+counters.Address()+"\"}\n"), kills, machine, counters)
	})
	t.Run("one on SQLite", func(t *testing.T) { killed(t, startCluster(t, 1, ""), kills) })
}

// killed kills gateways, and each of the databases, so many times.
func killed(t *testing.T, c *cluster, kills int, databases ...server) {
	t.Helper()
	const places = 16
	l := &load{key: c.newKey(`{"max_budget":1000,"max_parallel_requests":%d}`, places), script: c.up.add(&script{pace: time.Millisecond})}
	l.start(c, places)
	defer l.all.Wait()
	defer l.over.Store(true)

	var victims []server // nil for a gateway
	for range kills {
		victims = append(append(victims, nil), databases...)
	}
	rand.Shuffle(len(victims), func(i, j int) { victims[i], victims[j] = victims[j], victims[i] })
	for _, database := range victims {
		l.goOn(t, 1+rand.Int64N(150))
		gateway := database == nil || rand.IntN(4) == 0
		r := c.replicas[rand.IntN(len(c.replicas))]
		if database != nil {
			if err := database.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		if gateway {
			r.kill()
			l.goOn(t, rand.Int64N(50))
		}
		if database != nil {
			if err := database.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if gateway {
			r.start()
		}
	}
	l.mu.Lock()
	more := len(l.answered) + 50 // the load goes on until all is well again
	l.mu.Unlock()
	eventually(t, "calls are answered again", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.answered) > more
	})
	l.over.Store(true)
	l.all.Wait()
	t.Logf("%d kills, %d calls by status %v, %d answered, %d reached the upstream", len(victims), l.ended.Load(), l.statuses, len(l.answered), l.script.calls())

	arrived := l.script.calls() + l.fill(t, c, places)
	c.posted(t)
	spent := l.check(t, c, arrived)

	// The limits hold: with the money used up nothing passes, and with money for five calls five.
	used := c.up.add(&script{})
	c.admin(0, "/key/update", fmt.Sprintf(`{"key":%q,"max_budget":%s,"max_parallel_requests":100}`, l.key, dollars(spent)), nil)
	for at := range c.replicas {
		eventually(t, fmt.Sprintf("replica %d knows that the money is used up", at), func() bool {
			return c.ask(question{key: l.key, script: used, at: at}).status == 422
		})
	}
	spent += int64(used.calls()) * cost // of calls at replicas that had not heard of it yet
	c.admin(0, "/key/update", fmt.Sprintf(`{"key":%q,"max_budget":%s}`, l.key, dollars(spent+5*cost)), nil)
	five := c.up.add(&script{})
	together := func() {
		var all sync.WaitGroup
		for range 30 {
			all.Go(func() { c.ask(question{key: l.key, script: five, at: next}) })
		}
		all.Wait()
	}
	eventually(t, "five calls pass", func() bool {
		together()
		return five.calls() >= 5
	})
	together()
	if n := five.calls(); n != 5 {
		t.Errorf("%d calls pass with money for 5", n)
	}
}

// fill checks that as many calls as a key may have at once pass and no more, which may take until the gateways have
// given back what the dead have had. It returns how many calls have reached the upstream.
func (l *load) fill(t *testing.T, c *cluster, places int) (arrived int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d calls at once pass", places), func() bool {
		s := c.up.add(&script{hold: true})
		defer s.release()
		clients := 3 * places
		answers := make(chan answer, clients)
		for range clients {
			go func() { answers <- c.ask(question{key: l.key, script: s, at: next}) }()
		}
		eventually(t, "each call is refused or reaches the upstream", func() bool { return len(answers)+s.calls() >= clients })
		s.release()
		for range clients {
			if a := <-answers; a.whole {
				l.answered = append(l.answered, a.id)
			}
		}
		arrived += s.calls()
		if s.calls() > places {
			t.Fatalf("%d calls at once pass, want %d", s.calls(), places)
		}
		return s.calls() == places
	})
	return arrived
}

// posted waits until the books have what the replicas have answered so far, by a call after it at each.
func (c *cluster) posted(t *testing.T) {
	t.Helper()
	key, s := c.newKey(`{}`), c.up.add(&script{})
	for at := range c.replicas {
		if a := c.ask(question{key: key, script: s, at: at}); !a.whole {
			t.Fatalf("replica %d: %v", at, a)
		}
	}
	eventually(t, "the last calls are in the spend log", func() bool {
		ids, _ := c.rows(key)
		return len(ids) == len(c.replicas)
	})
}

// check compares the books with what the clients and the upstream have seen, and returns what was spent.
func (l *load) check(t *testing.T, c *cluster, arrived int) (spent int64) {
	t.Helper()
	ids, sum := c.rows(l.key)
	booked := map[string]int{}
	for _, id := range ids {
		booked[id]++
	}
	lost, twice := 0, len(ids)-len(booked)
	for _, id := range l.answered {
		if booked[id] == 0 {
			lost++
		}
	}
	if lost > 0 || twice > 0 {
		t.Errorf("of %d calls that were answered %d are not in the spend log, and %d of its rows are there twice", len(l.answered), lost, twice)
	}
	for at := range c.replicas {
		if spent = c.spent(at, l.key); spent != sum {
			t.Errorf("replica %d says that %s was spent, the rows have %s", at, dollars(spent), dollars(sum))
		}
	}
	if least, most := int64(len(l.answered))*cost, int64(arrived)*cost; spent < least || spent > most {
		t.Errorf("%s was spent, want %s for what was answered to %s for what reached the upstream", dollars(spent), dollars(least), dollars(most))
	}
	return spent
}
