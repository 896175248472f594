package llm

// EventQueue returns one by one the events that one event of a provider's became. The zero value is ready
// for use, by one goroutine.
type EventQueue struct {
	events []Event // events[at:] have been read and not returned
	at     int
	err    error // comes behind the events, and from then on
}

// Next fills ev with the next event. While there is none, it calls read, which appends to an empty list what
// the next event of the provider becomes. An error of read is returned behind the events that come with it,
// and ends the queue.
func (q *EventQueue) Next(ev *Event, read func(events []Event) ([]Event, error)) error {
	*ev = Event{}
	for q.at == len(q.events) {
		if q.err != nil {
			return q.err
		}
		q.at = 0
		q.events, q.err = read(q.events[:0])
	}
	*ev = q.events[q.at]
	q.events[q.at] = Event{} // its texts are not held longer than the caller needs them
	q.at++
	return nil
}

// Ready reports whether Next will return an event that has been read.
func (q *EventQueue) Ready() bool { return q.at < len(q.events) }

// Ended reports whether read has returned an error: Next will not call it again.
func (q *EventQueue) Ended() bool { return q.err != nil }
