package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"outcrop/internal/port"
)

func TestUnknownNamesAreRefused(t *testing.T) {
	for _, args := range [][]string{{"-only", "speed"}, {"-beside", "speed"}, {"-beside", ""}, {"-nginx", filepath.Join(t.TempDir(), "speed")}} {
		if err := run(t.Context(), args, nil); err == nil || !strings.Contains(err.Error(), args[1]) {
			t.Errorf("%q: %v; want an error that names it", args, err)
		}
	}
}

// program writes an executable file.
func program(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestNeighboursAreMeasuredWhereTheyAreInstalled(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("PATH", filepath.Join(dir, "bin"))
	s := settings{with: litellm}
	found, missing, err := s.neighbours()
	if err != nil || len(found) != 0 || len(missing) != 1 || !strings.Contains(missing[0], "litellm is not installed") {
		t.Errorf("found %v, missing %q, %v; want a sentence about litellm", found, missing, err)
	}
	for _, place := range []string{filepath.Join(".cache", "litellm", "bin", litellm), filepath.Join("bin", litellm), "elsewhere"} {
		program(t, place)
		if place == "elsewhere" {
			s.litellm = "./elsewhere"
		}
		found, missing, err = s.neighbours()
		if err != nil || len(missing) != 0 || !slices.Equal(found, []neighbour{{litellm, filepath.Join(dir, place)}}) {
			t.Errorf("found %v, missing %q, %v; want %s", found, missing, err, place)
		}
	}
	s.with = "none"
	if found, missing, err := s.neighbours(); len(found)+len(missing) != 0 || err != nil {
		t.Errorf("found %v, missing %q, %v; want nothing", found, missing, err)
	}
}

func TestSlowOnesGetFewerCalls(t *testing.T) {
	b := &bench{neighbours: []neighbour{{nginx, "/n"}, {litellm, "/l"}}}
	servers := b.servers(1)
	if len(servers) != 4 {
		t.Fatalf("%d servers; want 4", len(servers))
	}
	for _, s := range servers[:3] {
		if s.share(20000, 16) != 20000 || !s.joins(1) {
			t.Errorf("%s gets %d calls; want all", s.name, s.share(20000, 16))
		}
	}
	if got := fewer(servers, 20000, 16); got != "; litellm 200" {
		t.Errorf("the note says %q", got)
	}
	if s := servers[3]; s.share(20000, 16) != 200 || s.share(400, 16) != 16 || !s.joins(0) || s.joins(1) {
		t.Errorf("%s gets %d and %d calls", s.name, s.share(20000, 16), s.share(400, 16))
	}
}

func TestSidesChangePlaces(t *testing.T) {
	const n = 4
	first := make(map[int]bool)
	for round := range n {
		order := slices.Collect(turns(round, n))
		first[order[0]] = true
		slices.Sort(order)
		if !slices.Equal(order, []int{0, 1, 2, 3}) {
			t.Errorf("round %d has %v", round, order)
		}
	}
	if len(first) != n {
		t.Errorf("only %v come first in a round", first)
	}
}

// startBench returns a bench that runs this binary as Outcrop, with neighbours.
func startBench(t *testing.T, neighbours ...neighbour) *bench {
	t.Helper()
	b, err := newBench(t.Context(), settings{profile: t.TempDir(), every: 5 * time.Millisecond}, neighbours)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.close)
	b.settle = 0
	return b
}

// installed returns the neighbours that can be tested here.
func installed(t *testing.T) []neighbour {
	t.Helper()
	t.Chdir("..") // where .cache is
	found, missing, err := settings{with: nginx + "," + litellm}.neighbours()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range missing {
		t.Log("NOT TESTED here:", m)
	}
	return found
}

func TestEveryServerAnswersWhole(t *testing.T) {
	png, err := picture()
	if err != nil {
		t.Fatal(err)
	}
	b := startBench(t, installed(t)...)
	for _, s := range b.servers(2) {
		t.Run(s.name, func(t *testing.T) {
			running, err := s.run(t.Context(), kind{})
			if err != nil {
				t.Fatal(err)
			}
			for what, k := range map[string]kind{
				"a whole answer":       {model: modelBurst},
				"an image":             {model: modelBurst, picture: png},
				"a stream at once":     {model: modelBurst, stream: true},
				"a stream with pauses": {model: modelPaced, stream: true},
			} {
				if err := closedLoop(t.Context(), running.address, s.asked(k), 2, 4); err != nil {
					t.Errorf("%s: %v", what, err)
				}
			}
			for what, k := range map[string]kind{
				"AWS's API":                  {api: apiAWS, model: modelBurst},
				"AWS's API, a stream":        {api: apiAWS, model: modelPaced, stream: true},
				"Anthropic's API":            {api: apiMessages, model: claudeBurst},
				"Anthropic's API, a stream":  {api: apiMessages, model: claudeBurst, stream: true},
				"Anthropic's API, in pauses": {api: apiMessages, model: claudePaced, stream: true},
			} {
				if !slices.ContainsFunc(b.serversFor(k, 2), func(o server) bool { return o.name == s.name }) {
					continue
				}
				if err := closedLoop(t.Context(), running.address, s.asked(k), 2, 4); err != nil {
					t.Errorf("%s: %v", what, err)
				}
			}
			if rss, err := running.rss(); rss < 1<<20 || err != nil {
				t.Errorf("%d bytes are resident, %v", rss, err)
			}
			if _, err := running.cpu(); err != nil {
				t.Error(err)
			}
			if err := running.stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestEveryServerHoldsStreams(t *testing.T) {
	const streams = 40
	b := startBench(t, installed(t)...)
	for _, s := range b.servers(streams) {
		if s.slow > 1 {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			h, err := b.openIn(t.Context(), s, streams, true)
			if err != nil {
				t.Fatal(err)
			}
			// nginx may distribute them among its workers.
			if least := 2 * streams / h.processes; h.files < least || h.total < 1 {
				t.Errorf("got %+v; want at least %d files", h, least)
			}
		})
	}
}

func TestAServerThatEndsByItselfIsNotWaitedFor(t *testing.T) {
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	nobody, err := port.Reserve()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = nobody.Release() }() // nothing listens on it
	_, err = launchAt(t.Context(), log, nobody.Address(), "/health", t.TempDir(), nil, "/bin/sh", "-c", "exit 3")
	if err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("got %v; want how it has ended", err)
	}
}

func TestProcessorTimeIsUserAndSystemTimeWithChildren(t *testing.T) {
	got, err := parseStat("42 (a ) name) S 7 1 1 0 -1 4194304 101 0 0 0 150 25 30 5 20 0 1 0 372030")
	if want := (stat{parent: 7, cpu: 2100 * time.Millisecond}); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	for _, text := range []string{"nonsense", "42 (name) S 7", "42 (name) S x 1 1 0 -1 1 1 0 0 0 1 1 1 1 20 0"} {
		if _, err := parseStat(text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}

func TestChildrenCount(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", `/bin/sh -c 'echo; read line'; :`)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd}
	members, err := family(cmd.Process.Pid)
	if err != nil || len(members) != 2 || members[0].pid != cmd.Process.Pid || members[1].parent != cmd.Process.Pid {
		t.Errorf("got %+v, %v; want the shell and its child", members, err)
	}
	own, err := memoryOf(cmd.Process.Pid, "VmRSS:")
	if err != nil {
		t.Fatal(err)
	}
	if all, err := p.rss(); all <= own || err != nil {
		t.Errorf("%d bytes of all, %v; want more than the %d of the first", all, err, own)
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if _, err := family(cmd.Process.Pid); err == nil {
		t.Error("a process that has ended has a family")
	}
}
