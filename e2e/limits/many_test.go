package limits

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"outcrop/store"
	"outcrop/tenant"
)

const manyKeys = 100_000

// secret is the key of a number.
func secret(i int) string { return fmt.Sprintf("sk-of-many-keys-%06d", i) }

// fillKeys writes keys with a budget and a rate to a database.
func fillKeys(t testing.TB, opt store.Options, n int) {
	t.Helper()
	s := openStore(t, opt)
	now := time.Now()
	for from := 0; from < n; from += 1000 {
		change := store.Change{Create: true, By: "a test", Action: "/key/generate"}
		for i := from; i < min(from+1000, n); i++ {
			hash := tenant.Hash(secret(i))
			change.Put = append(change.Put, store.Entity{
				Kind: store.KindKey, ID: hash, Created: now, Updated: now,
				Doc: fmt.Appendf(nil, `{"token":%q,"key_name":"sk-...%04d","max_budget":1,"rpm_limit":1000,"models":[],"metadata":{"purpose":"one of many"}}`, hash, i%10_000),
			})
		}
		if _, err := s.Change(t.Context(), &change); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// resident is the memory of a process that is in RAM, in bytes.
func resident(t testing.TB, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skip("it needs the proc file system: ", err)
	}
	_, rest, _ := bytes.Cut(status, []byte("VmRSS:"))
	fields := bytes.Fields(rest)
	kib, err := strconv.Atoi(string(fields[0]))
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

// startWithKeys starts a gateway whose database has keys.
func startWithKeys(t testing.TB, keys int) *cluster {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	fillKeys(t, store.Options{Dir: filepath.Join(dir, "data")}, keys)
	c := startCluster(t, 0, "")
	c.replicas = append(c.replicas, startReplica(t, c.up.url, "", dir))
	return c
}

// TestManyKeysCostLittleMemory checks that a gateway with many keys, with which it is called, needs at most 60 MB more
// than one that has ten of them, after as many calls. To write 100,000 keys takes minutes with the race detector.
func TestManyKeysCostLittleMemory(t *testing.T) {
	const calls = 4000
	manyKeys := number(t, "OUTCROP_KEYS", 5000)
	used := func(keys int) int {
		c := startWithKeys(t, keys)
		s := c.up.add(&script{})
		var all sync.WaitGroup
		var turn atomic.Int64
		for range 8 {
			all.Go(func() {
				for i := turn.Add(1); i <= int64(calls); i = turn.Add(1) {
					if a := c.ask(question{key: secret(int(i) % keys), script: s}); !a.whole {
						t.Errorf("call %d failed: %v", i, a)
					}
				}
			})
		}
		all.Wait()
		c.posted(t)
		return resident(t, c.replicas[0].cmd.Process.Pid)
	}
	few, many := used(10), used(manyKeys)
	t.Logf("%d calls: %.1f MB with 10 keys, %.1f MB with %d", calls, float64(few)/1e6, float64(many)/1e6, manyKeys)
	if many > few+60e6 {
		t.Errorf("%d MB with %d keys, %d MB with 10", many/1e6, manyKeys, few/1e6)
	}
}

// BenchmarkCall measures calls one after the other, with few keys and with many, each of which is new or known.
func BenchmarkCall(b *testing.B) {
	for _, keys := range []int{10, manyKeys} {
		b.Run(fmt.Sprintf("%d keys", keys), func(b *testing.B) {
			c := startWithKeys(b, keys)
			s := c.up.add(&script{})
			i := 0
			for b.Loop() {
				if a := c.ask(question{key: secret(i % keys), script: s}); !a.whole {
					b.Fatal(a)
				}
				i++
			}
		})
	}
}
