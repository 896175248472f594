package fault

import (
	"math/rand/v2"
	"sync"
)

// Script decides which requests fail. It is safe for concurrent use.
type Script struct {
	mu     sync.Mutex
	random *rand.Rand
	faults []Fault
	left   []int          // remaining uses of each fault; -1 without end
	marked map[string]int // how often each marked text has failed
}

// maxMarked is how many different texts with a count are remembered; then all are
// forgotten, and their counts start again.
const maxMarked = 10_000

// NewScript creates a script. Faults without a probability apply one after the other,
// each as often as its Times; those with one apply at random, reproducibly for the same
// seed. Operation and Model restrict both: a call to which a fault does not apply does
// not use it up.
func NewScript(faults []Fault, seed uint64) *Script {
	s := &Script{
		random: rand.New(rand.NewPCG(seed, 0x6661756c74)), //nolint:gosec // which request fails is no secret
		faults: faults,
		left:   make([]int, len(faults)),
		marked: map[string]int{},
	}
	for i, f := range faults {
		switch {
		case f.Times > 0:
			s.left[i] = f.Times
		case f.Times < 0 || f.Probability > 0:
			s.left[i] = -1
		default:
			s.left[i] = 1
		}
	}
	return s
}

// Next returns the fault of the next request; false if it should succeed.
func (s *Script) Next(operation, model string) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults {
		switch {
		case s.left[i] == 0,
			!f.hits(operation, model, false),
			f.Probability > 0 && s.random.Float64() >= f.Probability:
			continue
		}
		if s.left[i] > 0 {
			s.left[i]--
		}
		return f, true
	}
	return Fault{}, false
}

// Marked returns the fault that a request asks for with the text; false if its count is
// used up or it is for another operation. It returns an error for an invalid text.
func (s *Script) Marked(operation, model, text string) (Fault, bool, error) {
	f, err := Parse(text)
	if err != nil || !f.hits(operation, model, true) {
		return Fault{}, false, err
	}
	if f.Times <= 0 {
		return f, true, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.marked) >= maxMarked {
		clear(s.marked)
	}
	s.marked[text]++
	return f, s.marked[text] <= f.Times, nil
}
