package e2e

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"outcrop/e2e/roughbedrock"
)

// counts are what a process has done since its start.
type counts struct {
	allocations, reads, writes float64
}

// counts reads the counts of the program: allocations from its metrics, and system calls that read or write from the kernel
// (proc_pid_io(5)), which counts those of sockets too.
func (p *process) counts(ctx context.Context, t *testing.T) (c counts) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+masterKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	metrics, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	kernel, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", p.cmd.Process.Pid))
	if err != nil {
		t.Skipf("the kernel does not count system calls: %v", err)
	}
	for line := range strings.Lines(string(metrics) + string(kernel)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.ParseFloat(value, 64)
		switch {
		case err != nil:
		case name == "go_memstats_mallocs_total":
			c.allocations = n
		case name == "syscr:":
			c.reads = n
		case name == "syscw:":
			c.writes = n
		}
	}
	return c
}

// TestACallAllocatesAndAsksTheKernelNoMoreThanItDid bounds what a warm call costs, beyond which a change is to be looked at. The bounds
// are what was counted on 2026-11-30 (85 allocations, of which 4 are LiteLLM's headers of costs and times, 3.1 reads and 2.2 writes of a chat), and a little more: how often is read depends on
// when the pieces arrive. A stream has five more since 2026-12-01, because it goes on after its handler, which halves what it holds while it waits.
func TestACallAllocatesAndAsksTheKernelNoMoreThanItDid(t *testing.T) {
	upstream, err := roughbedrock.Listen(func(c *roughbedrock.Call) { c.Complete("end_turn") })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(upstream.Close)
	p := startBinary(t, upstream.URL())
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	for _, tt := range []struct {
		name   string
		stream bool
		most   counts
	}{
		{"a chat", false, counts{90, 6, 3}},
		{"a stream", true, counts{120, 30, 16}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := fmt.Sprintf(`{"model":"granite","stream":%t,"messages":[{"role":"user","content":"Name three rocks."}]}`, tt.stream)
			call := func() {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+"/v1/chat/completions", strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Authorization", "Bearer "+masterKey)
				req.Header.Set("Content-Type", "application/json")
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				if text, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
					t.Fatalf("%d %v %s", resp.StatusCode, err, text)
				}
			}
			const n = 500
			least := counts{math.Inf(1), math.Inf(1), math.Inf(1)}
			for range 3 { // what happens beside the calls differs
				for range 50 {
					call()
				}
				before := p.counts(t.Context(), t)
				for range n {
					call()
				}
				after := p.counts(t.Context(), t)
				least.allocations = min(least.allocations, (after.allocations-before.allocations)/n)
				least.reads = min(least.reads, (after.reads-before.reads)/n)
				least.writes = min(least.writes, (after.writes-before.writes)/n)
			}
			t.Logf("%s: %.1f allocations, %.2f reads, %.2f writes", tt.name, least.allocations, least.reads, least.writes)
			if least.allocations > tt.most.allocations || least.reads > tt.most.reads || least.writes > tt.most.writes {
				t.Errorf("a call costs %+v, and may cost %+v", least, tt.most)
			}
		})
	}
}
