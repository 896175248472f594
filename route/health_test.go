package route

import (
	"testing"
	"time"

	"outcrop/llm"
)

// after plays outcomes on the health of a deployment, one a second: s is a success, f a failure of the service, l a limit, k a
// wrong key. It reports whether the deployment is well after them.
func after(h *health, p *Policy, own *time.Duration, now *time.Time, outcomes string) bool {
	for _, o := range outcomes {
		switch o {
		case 's':
			h.succeeded(sample{took: time.Second, tokens: 1}, *now)
		case 'f':
			h.failed(unavailable(), p, own, *now)
		case 'l':
			h.failed(&llm.Error{Code: llm.CodeLimitRequests, Status: 429, Upstream: true, RetryAfter: "20"}, p, own, *now)
		case 'k':
			h.failed(&llm.Error{Code: llm.CodeAPIKeyInvalid, Status: 401, Upstream: true}, p, own, *now)
		}
		*now = now.Add(time.Second)
	}
	return h.well(*now)
}

func TestWhenADeploymentIsLeftAlone(t *testing.T) {
	two, zero, none := 2, 0, time.Duration(0)
	for _, tt := range []struct {
		about, outcomes string
		policy          Policy
		own             *time.Duration
		well            bool
	}{
		{"a failure and nothing else", "f", Policy{}, nil, false},
		{"one failure among successes", "sssssf", Policy{}, nil, true},
		{"three in a row after many successes", "sssssssssssfff", Policy{}, nil, false},
		{"every other call", "sfsfsf", Policy{}, nil, true},
		{"most calls", "sffsf", Policy{}, nil, false},
		{"a limit among successes", "ssssssl", Policy{}, nil, false},
		{"a wrong key among successes", "ssssssk", Policy{}, nil, false},
		{"a success ends it", "fs", Policy{}, nil, true},
		{"as many failures as are allowed", "ff", Policy{AllowedFails: FailurePolicy{Others: &two}}, nil, true},
		{"one more", "fff", Policy{AllowedFails: FailurePolicy{Others: &two}}, nil, false},
		{"none allowed, among successes", "ssssf", Policy{AllowedFails: FailurePolicy{Others: &zero}}, nil, false},
		{"allowed limits do not count as others", "ll", Policy{AllowedFails: FailurePolicy{ByClass: map[Class]int{RateLimit: 2}, Others: &zero}}, nil, true},
		{"too many limits", "lll", Policy{AllowedFails: FailurePolicy{ByClass: map[Class]int{RateLimit: 2}}}, nil, false},
		{"no cooldowns", "fffffff", Policy{NoCooldowns: true}, nil, true},
		{"no cooldowns of this one", "fffffff", Policy{}, &none, true},
	} {
		t.Run(tt.about, func(t *testing.T) {
			var h health
			now := time.Unix(1_800_000_000, 0)
			if well := after(&h, &tt.policy, tt.own, &now, tt.outcomes); well != tt.well {
				t.Errorf("well: %t", well)
			}
		})
	}
}

func TestHowLongADeploymentIsLeftAlone(t *testing.T) {
	own := 7 * time.Second
	for _, tt := range []struct {
		about, outcomes string
		policy          Policy
		own             *time.Duration
		want            time.Duration
	}{
		{"the default", "f", Policy{}, nil, 5 * time.Second},
		{"as the provider asks", "l", Policy{}, nil, 20 * time.Second},
		{"the setting", "f", Policy{Cooldown: 90 * time.Second}, nil, 90 * time.Second},
		{"twice as long the second time", "ff", Policy{}, nil, 10 * time.Second},
		{"a minute at most", "ffffffff", Policy{}, nil, time.Minute},
		{"its own", "fl", Policy{Cooldown: 90 * time.Second}, &own, own},
		{"from the beginning after a success", "fffsf", Policy{}, nil, 5 * time.Second},
	} {
		t.Run(tt.about, func(t *testing.T) {
			var h health
			now := time.Unix(1_800_000_000, 0)
			after(&h, &tt.policy, tt.own, &now, tt.outcomes)
			want := int64(0)
			if tt.want > 0 {
				want = now.Add(tt.want - time.Second).UnixNano()
			}
			if got := h.until.Load(); got != want {
				t.Errorf("until %v, want %v", time.Unix(0, got).Sub(now), time.Unix(0, want).Sub(now))
			}
		})
	}
}

// TestOneCallTriesADeploymentAfterItsCooldown holds the others back until the one has succeeded.
func TestOneCallTriesADeploymentAfterItsCooldown(t *testing.T) {
	var h health
	now := time.Unix(1_800_000_000, 0)
	after(&h, &Policy{}, nil, &now, "f")
	if h.claim(now) {
		t.Fatal("claimed in the cooldown")
	}
	now = now.Add(cooldown)
	if !h.claim(now) || h.claim(now) {
		t.Error("not exactly one call has it after the cooldown")
	}
	h.release()
	if !h.claim(now) {
		t.Error("a claim that was given back is not to be had")
	}
	if now = now.Add(trialFor + 1); !h.claim(now) {
		t.Error("a call that never ends keeps it")
	}
	h.succeeded(sample{took: time.Second}, now)
	for range 2 {
		if !h.claim(now) {
			t.Error("it is not well after a success")
		}
	}
}

// TestSilenceCountsBeforeItEnds compares a deployment that answers nobody by how long it has been silent, although none of the
// calls that wait for it has ended.
func TestSilenceCountsBeforeItEnds(t *testing.T) {
	var h health
	now := time.Unix(1_800_000_000, 0)
	h.succeeded(sample{took: time.Second, tokens: 10}, now)
	h.waiting.begin(now)
	for _, tt := range []struct {
		after time.Duration
		want  float64
	}{{time.Second, 0.1}, {2 * time.Second, 0.1}, {4 * time.Second, 0.2}, {20 * time.Second, 1}} {
		if got := h.time(false, now.Add(tt.after)); got != tt.want {
			t.Errorf("%v after %v, want %v", got, tt.after, tt.want)
		}
	}
	h.waiting.begin(now.Add(20 * time.Second))
	h.waiting.end(false, now.Add(21*time.Second)) // one has given up
	if got := h.time(false, now.Add(22*time.Second)); got != 1.1 {
		t.Errorf("%v after one call has given up, want 1.1", got)
	}
	h.waiting.end(true, now.Add(22*time.Second))
	if got := h.time(false, now.Add(22*time.Second)); got >= 0.1 {
		t.Errorf("%v after an answer", got)
	}
}

// TestOneCallAtATimeFindsOut lets what is known of a deployment fade only while nobody waits for it, so that not all calls go to
// one of which little is known.
func TestOneCallAtATimeFindsOut(t *testing.T) {
	var old, unknown health
	now := time.Unix(1_800_000_000, 0)
	old.succeeded(sample{took: 10 * time.Second, tokens: 1}, now)
	now = now.Add(10 * stale)
	for _, h := range []*health{&old, &unknown} {
		if got := h.time(false, now); got > 0.01 {
			t.Errorf("%v, want to find out", got)
		}
		h.waiting.begin(now)
		if got := h.time(false, now); got < 10 {
			t.Errorf("%v while one finds out", got)
		}
	}
}

func TestCallsWithoutTokensYetAreALoadToo(t *testing.T) {
	var h health
	now := time.Unix(1_800_000_000, 0)
	h.used(100, now)
	h.inFlight.Add(2)
	if got := h.load(now); got != 300 {
		t.Errorf("%v with two in flight, want 300", got)
	}
	h.failed(unavailable(), &Policy{}, nil, now)
	if got := h.load(now); got != 400 {
		t.Errorf("%v after a failure, want 400", got)
	}
	if got := h.load(now.Add(time.Minute)); got != 200 {
		t.Errorf("%v in the next minute, want 200", got)
	}
}

// TestADeploymentThatAnswersNobodyIsLeftAlone goes by several calls that wait, and not by one that takes long.
func TestADeploymentThatAnswersNobodyIsLeftAlone(t *testing.T) {
	var h health
	now := time.Unix(1_800_000_000, 0)
	h.succeeded(sample{took: 2 * time.Second, tokens: 1}, now)
	wait := func(n int) {
		for range n {
			h.waiting.begin(now)
		}
	}
	wait(manyInRow - 1)
	if now = now.Add(time.Hour); !h.open(now) || !h.claim(now) {
		t.Error("left alone because of a few long calls")
	}
	wait(1)
	if h.open(now) || h.claim(now) {
		t.Error("not left alone")
	}
	h.waiting.end(true, now)
	wait(1)
	if !h.open(now) || !h.claim(now) {
		t.Error("left alone after it has answered")
	}
	if now = now.Add(lost*2*time.Second + 1); h.open(now) {
		t.Error("not left alone when it is silent again")
	}
}
