package valkey

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	client "github.com/valkey-io/valkey-go"
	"go.uber.org/goleak"

	"outcrop/internal/need"
	server "outcrop/internal/valkey"
	"outcrop/quota"
	"outcrop/quota/banktest"
)

func TestMain(m *testing.M) {
	// The client's refreshes of a cluster's nodes wait a second, also after its end.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/valkey-io/valkey-go.(*call).DelayDo.func1"))
}

// start starts a server for a test.
func start(t testing.TB, args ...string) *server.Server {
	t.Helper()
	s, err := server.Start(t.Context(), t.TempDir(), args...)
	need.Server(t, s, err)
	return s
}

// open opens the bank of a replica, until the test ends.
func open(t testing.TB, opt Options) *Bank {
	t.Helper()
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	if opt.Timeout == 0 {
		opt.Timeout = 10 * time.Second // a busy machine is no reason to fail
	}
	b, err := Open(t.Context(), opt)
	for began := time.Now(); errors.Is(err, quota.ErrAway) && time.Since(began) < time.Minute; { // it took longer than opt.Timeout
		b, err = Open(t.Context(), opt)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// admin is a connection of the test.
func admin(t testing.TB, s *server.Server) client.Client {
	t.Helper()
	c, err := client.NewClient(client.ClientOption{InitAddress: []string{s.Address()}, DisableCache: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func do(t testing.TB, c client.Client, words ...string) client.ValkeyResult {
	t.Helper()
	r := c.Do(t.Context(), c.B().Arbitrary(words...).Build())
	if err := r.Error(); err != nil && !client.IsValkeyNil(err) {
		t.Fatalf("%s: %v", words, err)
	}
	return r
}

// hang makes the server answer no script until goOn, for an hour at most.
func hang(t testing.TB, c client.Client) (goOn func()) {
	t.Helper()
	do(t, c, "CLIENT", "PAUSE", "3600000", "WRITE")
	return func() {
		t.Helper()
		do(t, c, "CLIENT", "UNPAUSE")
	}
}

// cluster makes a server a cluster of one node.
func cluster(t *testing.T) *server.Server {
	t.Helper()
	s := start(t, "--cluster-enabled", "yes")
	c, err := client.NewClient(client.ClientOption{InitAddress: []string{s.Address()}, DisableCache: true, ForceSingleClient: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	do(t, c, "CLUSTER", "ADDSLOTSRANGE", "0", "16383")
	for began := time.Now(); ; {
		info, err := c.Do(t.Context(), c.B().Arbitrary("CLUSTER", "INFO").Build()).ToString()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(info, "cluster_state:ok") {
			return s
		}
		if time.Since(began) > time.Minute {
			t.Fatalf("the cluster is not ready: %s", info)
		}
	}
}

func TestTheBankPassesTheSuite(t *testing.T) {
	for name, start := range map[string]func(*testing.T) *server.Server{
		"one server": func(t *testing.T) *server.Server { t.Helper(); return start(t) },
		"a cluster":  cluster,
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			c := admin(t, s)
			for _, test := range banktest.Cases() {
				t.Run(test.Name, func(t *testing.T) {
					prefix := fmt.Sprintf("test%d:", rand.Uint64())
					test.Test(t, banktest.Banks{
						Open: func(replica string) banktest.Bank {
							return open(t, Options{URL: "redis://" + s.Address(), Prefix: prefix, Replica: replica})
						},
						Die: func(replica string) { do(t, c, "DEL", prefix+"replica:{"+replica+"}") },
					})
				})
			}
		})
	}
}

func TestTheScriptsKnowWhenAPeriodEnds(t *testing.T) {
	c := admin(t, start(t))
	script := client.NewLuaScript(windowLua + "return string.format('%.0f', window_end(tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])))")
	first := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 5000 {
		now := first.Add(time.Duration(rand.Int64N(int64(40 * 365 * 24 * time.Hour)))).Truncate(time.Microsecond)
		if i%4 == 0 { // where periods begin
			now = time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rand.IntN(3)-1) * time.Microsecond)
		}
		w := quota.Window{}
		switch i % 3 {
		case 0:
			w.Months = 1 + rand.IntN(15)
		case 1:
			w.Days = 1 + rand.IntN(15)
		default:
			w.Length = time.Duration(1+rand.IntN(1_000_000_000)) * time.Microsecond
			if rand.IntN(2) == 0 {
				w.Anchor = first.Add(time.Duration(rand.Int64N(int64(50 * 365 * 24 * time.Hour)))).Truncate(time.Microsecond)
			}
		}
		anchor := ""
		if !w.Anchor.IsZero() {
			anchor = number(w.Anchor.UnixMicro())
		}
		got, err := script.Exec(t.Context(), c, nil, []string{number(now.UnixMicro()), number(w.Length.Microseconds()), anchor, fmt.Sprint(w.Days), fmt.Sprint(w.Months)}).AsInt64()
		if want := w.End(now).UnixMicro(); err != nil || got != want {
			t.Fatalf("%s in %+v: %d, %v; want %d", now, w, got, err, want)
		}
	}
}

func TestEachKeyExpires(t *testing.T) {
	s := start(t)
	b, c := open(t, Options{URL: "redis://" + s.Address(), Replica: "a"}), admin(t, s)
	_, err := b.Draw(t.Context(), []quota.Draw{
		{Counter: "key:x/requests", Limit: 10, Window: quota.Window{Length: time.Minute}, Need: 1, Want: 1},
		{Counter: "key:x/parallel", Limit: 10, Need: 1, Want: 1},
		{Counter: "key:y/requests", Limit: 10, Window: quota.Sliding(time.Minute, 5*time.Second), Need: 1, Want: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	for key, most := range map[string]time.Duration{
		"outcrop:counter:{key:x/requests}": 2*time.Minute + time.Second, "outcrop:counter:{key:x/parallel}": idle,
		"outcrop:counter:{key:y/requests}": 2*time.Minute + 6*time.Second, "outcrop:replica:{a}": Lifetime,
	} {
		ms, err := do(t, c, "PTTL", key).AsInt64()
		if left := time.Duration(ms) * time.Millisecond; err != nil || left <= 0 || left > most {
			t.Errorf("%s expires in %s, %v; want at most %s", key, left, err, most)
		}
	}
	keys, err := do(t, c, "KEYS", "*").AsStrSlice()
	if err != nil || len(keys) != 4 {
		t.Errorf("keys %q, %v", keys, err)
	}
	do(t, c, "PEXPIRE", "outcrop:counter:{key:x/parallel}", "60000")
	b.keep(t.Context())
	if ms, err := do(t, c, "PTTL", "outcrop:counter:{key:x/parallel}").AsInt64(); err != nil || ms <= 60_000 {
		t.Errorf("a counter with a share expires in %d ms, %v", ms, err)
	}
}

// log keeps what is logged.
type log struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestADrawFailsAtOnceWhileTheServerIsAwayAndWorksAfterIt(t *testing.T) {
	s, l := start(t), &log{}
	b := open(t, Options{URL: "redis://" + s.Address(), Replica: "a", Logger: slog.New(slog.NewTextHandler(l, nil))})
	other := open(t, Options{URL: "redis://" + s.Address(), Replica: "b"})
	d := []quota.Draw{{Counter: "key:x/parallel", Limit: 10, Need: 1, Want: 4}}
	if _, err := b.Draw(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	for range 1000 { // with a timeout each, they would take hours
		if _, err := b.Draw(t.Context(), d); !errors.Is(err, quota.ErrAway) {
			t.Fatalf("Draw: %v", err)
		}
	}
	if err := b.Return(t.Context(), []quota.Return{{Counter: "key:x/parallel", Units: 1}}); !errors.Is(err, quota.ErrAway) {
		t.Errorf("Return: %v", err)
	}
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	draw := func(b *Bank) quota.Grant {
		t.Helper()
		for began := time.Now(); ; { // until the next sign of life
			grants, err := b.Draw(t.Context(), d)
			if err == nil {
				return grants[0]
			}
			if !errors.Is(err, quota.ErrAway) || time.Since(began) > time.Minute {
				t.Fatal(err)
			}
		}
	}
	if g := draw(b); g.Units != 4 || g.Left != 2 {
		t.Errorf("after the restart: %+v", g)
	}
	if g := draw(other); g.Units != 2 {
		t.Errorf("after the restart: %+v", g)
	}
	for draw(other).Recall == 0 {
		t.Fatal("nothing is recalled")
	}
	for id := range b.Recalls() { // the subscription works again
		if id == "key:x/parallel" {
			break
		}
	}
	// Draws succeed a moment before it is logged.
	for began := time.Now(); !strings.Contains(l.String(), "answers again") && time.Since(began) < time.Minute; {
		runtime.Gosched()
	}
	if text := l.String(); strings.Count(text, "does not answer") != 1 || strings.Count(text, "answers again") != 1 {
		t.Errorf("the log:\n%s", text)
	}
}

func TestADrawOfAServerThatHangsIsBounded(t *testing.T) {
	s := start(t)
	b, c := open(t, Options{URL: "redis://" + s.Address(), Replica: "a", Timeout: 50 * time.Millisecond}), admin(t, s)
	d := []quota.Draw{{Counter: "key:x/parallel", Limit: 10, Need: 1, Want: 4}}
	hang(t, c)
	for range 1000 {
		if _, err := b.Draw(t.Context(), d); !errors.Is(err, quota.ErrAway) {
			t.Fatalf("Draw: %v", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Draw(ctx, d); err == nil {
		t.Error("a draw of a caller that is gone succeeds")
	}
}

// soon repeats a draw until it is granted.
func soon(t *testing.T, b *Bank, d quota.Draw) quota.Grant {
	t.Helper()
	for began := time.Now(); ; {
		grants, err := b.Draw(t.Context(), []quota.Draw{d})
		if err == nil && grants[0].Units > 0 {
			return grants[0]
		}
		if err != nil && !errors.Is(err, quota.ErrAway) || time.Since(began) > time.Minute {
			t.Fatal(grants, err)
		}
	}
}

func TestACommandWhoseAnswerIsLostChangesNothing(t *testing.T) {
	const counter = "key:x/parallel"
	s := start(t)
	c := admin(t, s)
	a := open(t, Options{URL: "redis://" + s.Address(), Replica: "a", Timeout: 50 * time.Millisecond})
	b := open(t, Options{URL: "redis://" + s.Address(), Replica: "b"})
	d := quota.Draw{Counter: counter, Limit: 10, Need: 4, Want: 4}
	first := soon(t, a, d)
	goOn := hang(t, c) // the server runs the commands later
	if _, err := a.Draw(t.Context(), []quota.Draw{d}); !errors.Is(err, quota.ErrAway) {
		t.Fatal(err)
	}
	goOn()
	d.Need, d.Want = 6, 6
	if g := soon(t, b, d); g.Left != 0 {
		t.Errorf("%+v", g)
	}
	back := []quota.Return{{Counter: counter, Period: first.Period, Units: 3}}
	soon(t, a, quota.Draw{Counter: "key:y/requests", Limit: 10, Need: 1, Want: 1})
	goOn = hang(t, c)
	if err := a.Return(t.Context(), back); !errors.Is(err, quota.ErrAway) {
		t.Fatal(err)
	}
	goOn()
	for began := time.Now(); ; {
		err := a.Return(t.Context(), back)
		if err == nil {
			break
		}
		if !errors.Is(err, quota.ErrAway) || time.Since(began) > time.Minute {
			t.Fatal(err)
		}
	}
	d.Need, d.Want = 1, 10
	if g := soon(t, b, d); g.Units != 3 {
		t.Errorf("three units were returned twice, and are %+v", g)
	}
}

func TestACommandThatComesAfterItWasGivenUpDoesNothing(t *testing.T) {
	const counter = "key:x/parallel"
	s := start(t)
	a, b := open(t, Options{URL: "redis://" + s.Address(), Replica: "a"}), open(t, Options{URL: "redis://" + s.Address(), Replica: "b"})
	d := quota.Draw{Counter: counter, Limit: 10, Need: 1, Want: 6}
	late := a.drawRun(a.epoch, &attempt{draw: d})
	a.doubts(1, func(int) string { return counter })
	if err := a.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if values, err := a.runAll(t.Context(), a.drawing, []run{late})[0].ToArray(); err != nil || len(values) != 0 {
		t.Errorf("%d values, %v", len(values), err)
	}
	if g := soon(t, b, d); g.Left != 4 {
		t.Errorf("%+v", g)
	}
	if g := soon(t, a, d); g.Units != 4 {
		t.Errorf("%+v", g)
	}
}

func TestACallerThatGoesSaysNothingAboutTheServer(t *testing.T) {
	s := start(t)
	b := open(t, Options{URL: "redis://" + s.Address(), Replica: "a"})
	d := []quota.Draw{{Counter: "key:x/parallel", Limit: 10, Need: 1, Want: 4}}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Draw(ctx, d); !errors.Is(err, context.Canceled) {
		t.Errorf("Draw: %v", err)
	}
	if _, err := b.Draw(t.Context(), d); err != nil {
		t.Errorf("the next Draw: %v", err)
	}
}

// A replica that was taken for dead may live, only slowly. What it returns of its old shares must not be taken from those
// that it has drawn since.
func TestAReplicaThatComesBackToLifeBeginsAnew(t *testing.T) {
	s, l := start(t), &log{}
	c := admin(t, s)
	a := open(t, Options{URL: "redis://" + s.Address(), Replica: "a", Logger: slog.New(slog.NewTextHandler(l, nil))})
	b := open(t, Options{URL: "redis://" + s.Address(), Replica: "b"})
	d := []quota.Draw{{Counter: "key:x/parallel", Limit: 10, Need: 1, Want: 6}}
	old, err := a.Draw(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	do(t, c, "DEL", "outcrop:replica:{a}")
	if err := a.sign(t.Context()); err != nil {
		t.Fatal(err)
	}
	fresh, err := a.Draw(t.Context(), d)
	if err != nil || fresh[0].Units != 6 || fresh[0].Left != 4 || fresh[0].Period <= old[0].Period {
		t.Fatalf("%+v, %v after %+v", fresh, err, old)
	}
	if err := a.Return(t.Context(), []quota.Return{{Counter: "key:x/parallel", Period: old[0].Period, Units: 6}}); err != nil {
		t.Fatal(err)
	}
	if g, err := b.Draw(t.Context(), d); err != nil || g[0].Units != 4 {
		t.Errorf("%+v, %v", g, err)
	}
	if !strings.Contains(l.String(), "begins anew") {
		t.Errorf("the log:\n%s", l)
	}
}

func TestAServerMayRequireAPassword(t *testing.T) {
	const password = "s3cr&t/p@ss"
	s := start(t, "--requirepass", password)
	if b, err := Open(t.Context(), Options{URL: "redis://" + s.Address(), Replica: "a", Logger: slog.New(slog.DiscardHandler)}); err == nil {
		t.Errorf("no password is needed: %v", b.Close())
	}
	open(t, Options{URL: "redis://" + s.Address(), Password: password, Replica: "a"})
	open(t, Options{URL: "redis://:s3cr%26t%2Fp%40ss@" + s.Address() + "/0", Replica: "b"})
	open(t, Options{Addresses: []string{s.Address()}, Password: password, Replica: "c"})
	for _, opt := range []Options{
		{URL: "redis://default:" + password + "@" + s.Address()},
		{URL: "redis://default:wrong%2Fp%40ss@" + s.Address()},
		{URL: "redis://default:p%40ss@127.0.0.1:1"},
		{URL: "http://default:p%40ss@" + s.Address()},
		{URL: "redis://default:p%40ss@" + s.Address() + "/p%40ss"},
		{Addresses: []string{"127.0.0.1:1"}, Password: password},
		{},
	} {
		opt.Logger = slog.New(slog.DiscardHandler)
		b, err := Open(t.Context(), opt)
		if err == nil {
			t.Errorf("it opens: %v", b.Close())
			continue
		}
		l := &log{}
		slog.New(slog.NewTextHandler(l, nil)).Info("open", slog.String("error", err.Error()), slog.Any("options", opt), slog.Any("pointer", &opt))
		for _, text := range []string{err.Error(), fmt.Sprintf("%v %+v %#v %s", opt, opt, &opt, &opt), l.String()} {
			if strings.Contains(text, "p@ss") || strings.Contains(text, "p%40ss") || strings.Contains(text, "://default") {
				t.Errorf("this contains the password or the URL: %s", text)
			}
		}
	}
}

func TestWhatAReaderMissesIsToldAsAnEmptyID(t *testing.T) {
	n := newNotes()
	for i := range maxNotes + 10 {
		n.send(fmt.Sprint(i))
	}
	for range maxNotes {
		if id := <-n.c; id == "" {
			t.Fatal("an empty id comes too early")
		}
	}
	n.flush()
	n.send("next")
	if first, second := <-n.c, <-n.c; first != "" || second != "next" {
		t.Errorf("%q and %q", first, second)
	}
	n.close()
	n.send("late")
	n.flush()
	if id, ok := <-n.c; ok {
		t.Errorf("%q after the end", id)
	}
}

func BenchmarkDraw(b *testing.B) {
	bank := open(b, Options{URL: "redis://" + start(b).Address(), Replica: "a"})
	for name, counters := range map[string]int{"1 counter": 1, "4 counters": 4} {
		draws := make([]quota.Draw, counters)
		for i := range draws {
			draws[i] = quota.Draw{Counter: fmt.Sprintf("key:%d/requests", i), Limit: 1 << 50, Window: quota.Window{Days: 1}, Need: 1, Want: 10}
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := bank.Draw(b.Context(), draws); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+" in parallel", func(b *testing.B) {
			b.SetParallelism(16)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := bank.Draw(b.Context(), draws); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
