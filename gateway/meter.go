package gateway

import (
	"cmp"
	"errors"
	"io"

	"outcrop/llm"
)

// metering is how a stream's end is recorded, whatever its events are.
type metering struct {
	call    *Call
	release func() // of the request's media
	warned  int    // warnings already recorded
	over    bool
	allowance
}

// end records the error that ends a stream, and returns it: io.EOF for a complete response, otherwise
// an *llm.Error.
func (m *metering) end(err error, meta *llm.Meta) error {
	m.over = true
	m.call.received()
	if errors.Is(err, io.EOF) {
		m.call.Warn(meta.Warnings[m.warned:]...)
		return err
	}
	return m.call.Fail(err)
}

// abandon records that a stream is closed before its end, and reports whether it was: the client has
// gone, unless a failure has been recorded.
func (m *metering) abandon() bool {
	if m.over {
		return false
	}
	m.over = true
	m.call.received()
	if m.call.record.Err == nil {
		_ = m.call.Fail(&llm.Error{Code: llm.CodeClientGone, Status: 499, Message: "the client went away"})
	}
	return true
}

// meteredStream records what happens in a stream. It does not keep the request, which may be large;
// a provider may, so the memory for its media is released when the stream is closed.
type meteredStream struct {
	llm.Stream
	metering
	prompt  int64   // characters of the request
	out     []int64 // characters so far of each response without usage; -1 for the others
	one     [1]int64
	counted int    // responses whose usage has arrived
	tier    string // the requested tier
}

func (m *meteredStream) Next(ev *llm.Event) error {
	err := m.Stream.Next(ev)
	if err == nil && m.made > m.enough && ev.Kind == llm.EventDelta {
		err = m.pay()
	}
	if err != nil {
		err = m.end(err, m.Meta())
		m.estimate()
		m.call.settle()
		return err
	}
	switch ev.Kind {
	case llm.EventDelta:
		m.made += int64(len(ev.Text))
		if m.out[ev.Choice] >= 0 {
			m.out[ev.Choice] += int64(len(ev.Text))
		}
	case llm.EventStop:
		m.call.record.Stop = cmp.Or(m.call.record.Stop, ev.RawStop)
	case llm.EventUsage:
		if ev.Usage != nil && m.out[ev.Choice] >= 0 {
			m.out[ev.Choice] = -1
			m.counted++
			m.call.price(ev.Usage, cmp.Or(ev.ServiceTier, m.tier))
			m.call.count(ev.Usage, m.counted)
		}
	default: // nothing to record
	}
	return nil
}

// pay has the budgets pay for more. It is apart from Next because its stack would come on top of what a waiting stream needs.
//
//go:noinline
func (m *meteredStream) pay() error {
	return m.afford(m.call, about(m.prompt*int64(len(m.out)), m.made), m.tier)
}

// Close ends the call to the provider.
func (m *meteredStream) Close() error {
	if m.abandon() {
		m.estimate()
		m.call.settle()
	}
	defer m.release()
	return m.Stream.Close()
}

// estimate replaces the missing usage of responses that ended without it.
func (m *meteredStream) estimate() {
	missing, out := int64(0), int64(0)
	for _, n := range m.out {
		if n >= 0 {
			missing++
			out += n
		}
	}
	if missing == 0 {
		return
	}
	counted := m.call.record.Usage
	m.call.estimate(m.prompt*missing, out, m.tier)
	if m.counted > 0 {
		m.call.record.Usage.Add(&counted)
	}
}
