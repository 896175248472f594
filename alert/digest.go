package alert

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// digests gathers alerts of some types that Slack would get, and hands over one in place of all that are of one type and model, when its
// time is over: LiteLLM's alert_type_config. It is safe for concurrent use.
type digests struct {
	every map[Type]time.Duration
	now   func() time.Time
	// woken has an element when the first alert of a model has been gathered.
	woken chan struct{}

	mu   sync.Mutex
	open map[digestKey]*digest
}

type digestKey struct {
	about Type
	model string
}

// digest are the alerts of one type and model: the first of them, and how many there are.
type digest struct {
	first       Alert
	count       int
	begun, last time.Time
}

func newDigests(every map[Type]time.Duration, now func() time.Time) *digests {
	return &digests{every: every, now: now, woken: make(chan struct{}, 1), open: map[digestKey]*digest{}}
}

// gathers reports whether alerts of a type are gathered.
func (d *digests) gathers(t Type) bool { return d.every[t] > 0 }

// add gathers an alert.
func (d *digests) add(a *Alert) {
	now, key := d.now(), digestKey{a.Type, a.Model}
	d.mu.Lock()
	defer d.mu.Unlock()
	one := d.open[key]
	if one == nil && len(d.open) >= mostMarks { // the others of the type are one then
		key.model = ""
		one = d.open[key]
	}
	if one != nil {
		one.count++
		one.last = now
		return
	}
	d.open[key] = &digest{first: *a, count: 1, begun: now, last: now}
	select {
	case d.woken <- struct{}{}:
	default:
	}
}

// take returns what is due, or everything, and how long it takes until more is; 0 for never.
func (d *digests) take(all bool) (due []*digest, next time.Duration) {
	now := d.now()
	d.mu.Lock()
	defer d.mu.Unlock()
	for key, one := range d.open {
		left := one.begun.Add(d.every[key.about]).Sub(now)
		switch {
		case all || left <= 0:
			due = append(due, one)
			delete(d.open, key)
		case next == 0 || left < next:
			next = left
		}
	}
	return due, next
}

// run sends what is due, until the context ends.
func (d *digests) run(ctx context.Context, send func(*digest)) {
	var timer <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.woken:
		case <-timer:
		}
		due, next := d.take(false)
		for _, one := range due {
			send(one)
		}
		timer = nil
		if next > 0 {
			timer = time.After(next)
		}
	}
}

// text is a digest in LiteLLM's form.
func (one *digest) text() string {
	return fmt.Sprintf("Alert type: `%s` (Digest)\nLevel: `%s`\nStart: `%s`\nEnd: `%s`\nCount: `%d`\n\nMessage: %s",
		one.first.Type, one.first.Level, one.begun.Format(time.DateTime), one.last.Format(time.DateTime), one.count, one.first.Text)
}
