package llm

// EventQueue returns one by one the events that one event of a provider's became. The zero value is ready
// for use, by one goroutine.
type EventQueue struct {
	events []Event // events[at:] have been read and not returned
	at     int
	err    error // comes behind the events, and from then on
	told   bool  // Next has returned err
}

// usualEvents is how many events one of a provider's becomes at most, unless it is unusual: the start, the
// beginning of a block and its first text, or the ends of the block and of the response with the usage.
const usualEvents = 3

// Next fills ev with the next event. While there is none, it calls read, which appends to an empty list what
// the next event of the provider becomes. An error of read is returned behind the events that come with it,
// and ends the queue.
func (q *EventQueue) Next(ev *Event, read func(events []Event) ([]Event, error)) error {
	*ev = Event{}
	for q.at == len(q.events) {
		if q.err != nil {
			q.told = true
			return q.err
		}
		q.read(read)
	}
	*ev = q.events[q.at]
	q.events[q.at] = Event{} // its texts are not held longer than the caller needs them
	q.at++
	return nil
}

// More reports whether there is more that Next will return without waiting: an event that has been read, the
// end, or what read makes of what has arrived. more reports whether read would return without waiting.
func (q *EventQueue) More(read func(events []Event) ([]Event, error), more func() bool) bool {
	for q.at == len(q.events) && q.err == nil && more() {
		q.read(read)
	}
	return q.at < len(q.events) || q.err != nil && !q.told
}

// read reads what the next event of the provider becomes; nothing is left of the one before.
func (q *EventQueue) read(read func(events []Event) ([]Event, error)) {
	if q.events == nil {
		q.events = make([]Event, 0, usualEvents)
	}
	q.at = 0
	q.events, q.err = read(q.events[:0])
}
