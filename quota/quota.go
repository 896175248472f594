// Package quota counts units against limits: requests, tokens, parallel calls, or money. It knows neither what
// a unit is nor whose a counter is. See docs/adr/0013-who-calls-and-what-is-left.md.
package quota

import (
	"context"
	"errors"
	"time"
)

// ErrAway is returned by a Bank whose server does not answer. It may answer again.
var ErrAway = errors.New("the counters cannot be reached")

// Bank keeps counters that several processes share. A process draws shares of a counter, uses units of them
// without asking again, and returns what it does not need. The sum of what was used and of all shares is at
// most the limit; in a sliding window, that of all slices which still count is. It is safe for concurrent use.
type Bank interface {
	// Draw asks for shares. The grants are in the order of the draws. An error means that none was granted.
	Draw(ctx context.Context, draws []Draw) ([]Grant, error)
	// Return gives back units of shares. Units of a period that is over are ignored, unless the window slides and the period
	// still counts. After an error that is
	// ErrAway nothing was returned and it can be repeated; after another one the bank itself sees to it.
	Return(ctx context.Context, returns []Return) error
	// Recalls sends the ids of counters of which this process has a share that another process needs, and
	// an empty id if some may have been missed. It is closed when the bank is closed; nil if the bank is not
	// shared.
	Recalls() <-chan string
	// Seen is when this process last proved to the bank that it is alive. Lifetime later its shares are no longer its
	// own. It does not matter if the bank is not shared.
	Seen() time.Time
}

// Lifetime is how long the shares of a process are its own after it was last seen.
const Lifetime = 10 * time.Second

// Draw asks for a share of a counter.
type Draw struct {
	// Counter is the counter's id, such as key:HASH/requests.
	Counter string
	// Limit is the most units in a period of Window.
	Limit  int64
	Window Window
	// Need is the least that helps, and Want the most that is wanted; both are at least 1. Ahead are the units
	// of Want that no call waits for. A process that is granted another number of units than Want-Ahead may have
	// some that it does not need, so its answers to earlier recalls do not count any more.
	Need, Want, Ahead int64
	// Debt are units of a sliding window that calls have used and that are of no share. They count from now on, before
	// the draw and whatever is left, also if nothing is granted.
	Debt int64
	// Recall is Grant.Recall of the draw that this one repeats; 0 for a first draw.
	Recall int64
}

// Grant is the answer to a Draw.
type Grant struct {
	// Units were granted: 0, or from Need to Want.
	Units int64
	// Left is the rest of the limit that nobody has drawn or used, after this draw. It is negative if the
	// limit was lowered below what was used.
	Left int64
	// Used is what was used in the period, shares aside.
	Used int64
	// Period numbers the counter's periods; a share is good for its period only.
	Period int64
	// Ends is how long the period lasts from now; 0 if it does not end.
	Ends time.Duration
	// Frees is, for a sliding window, how long it takes until what was needed and not granted is free, or, after a grant,
	// until the next units are, unless they are returned before; 0 if none are in use.
	Frees time.Duration
	// Recall is not 0 if nothing was granted, and other processes, which have been asked, may still return
	// units: the draw should be repeated with it. If it is 0, a draw without units is a refusal.
	Recall int64
}

// Return gives back units of a share.
type Return struct {
	Counter string
	Period  int64
	// Units that no call has reserved; 0 to only answer a recall.
	Units int64
	// Keeps says that the process has more units that no call has reserved, and so that this answers no recall.
	Keeps bool
}
