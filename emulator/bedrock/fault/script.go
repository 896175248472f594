package fault

import (
	"math/rand/v2"
	"sync"
)

// Script decides which requests fail. It may be used by many goroutines.
type Script struct {
	mu     sync.Mutex
	random *rand.Rand
	faults []Fault
	left   []int          // how often each fault is still due; -1 without end
	marked map[string]int // how often each marked text has failed
}

// maxMarked is how many different texts with a count are remembered; then all
// are forgotten, and begin to count anew.
const maxMarked = 10_000

// NewScript makes a script: of the faults without a probability each is due in
// its turn, as often as its Times say; those with one are due by chance, the
// same chance for the same seed. Operation and Model restrict both: a fault that
// is not meant for a call is not used up by it.
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

// Marked gives the fault that a request asks for with the text; false if its
// count is used up or it is for another operation. An error says why the text is
// none.
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
