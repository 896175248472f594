// Package inventory knows what an account can call: the lists of models and
// inference profiles of the regions in use, read from AWS in the background, kept
// on disk, and laid over the catalogue that comes with the program; and what
// AWS's refusals have taught that no list says.
package inventory

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"outcrop/provider/bedrock/catalog"
)

// Get makes one call of the control plane in a region, GET with the segments of a
// path and a query, and gives the body of the answer. An error is an *llm.Error.
type Get func(ctx context.Context, region, query string, path ...string) ([]byte, error)

// Options are an inventory's parts.
type Options struct {
	// Base is the catalogue that the lists are laid over.
	Base *catalog.Catalogue
	// Overlays lays lists over Base for several inventories; nil if this is the only
	// one. Bounded is whether that may be refused for want of room, as for credentials
	// that callers bring.
	Overlays *catalog.Overlays
	Bounded  bool
	// Dir is a folder in which lists outlast a restart; empty for none. Name tells
	// the account's files from those of others.
	Dir, Name string
	Now       func() time.Time
	Logger    *slog.Logger
}

// Inventory is what is known of one account. It is safe for use by many
// goroutines.
type Inventory struct {
	opt    Options
	state  atomic.Pointer[State]
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	// running are the readings under way.
	running sync.WaitGroup

	mu           sync.Mutex
	regions      map[string]*region
	observations map[observationKey]observation
	warnedDenied bool // the warning that an action is denied was logged
	warnedFailed bool // the warning that an action fails for another reason was logged
	pace         pace // of look-ups
	closed       bool
	endLay       func() // says that the catalogue in use is not used any more

	saving  sync.Mutex // held while lists are written to disk, so that the newest are written last
	unsaved bool       // whether it was said that they cannot be
}

// region is what was read in one region.
type region struct {
	name      string
	live      *catalog.Live   // nil before anything was read
	err       error           // of the last reading
	tried     time.Time       // when the last reading began
	access    time.Time       // when access was last asked about
	again     time.Time       // when a refused call last had the lists read
	refreshes pace            // of readings that anybody else asks for
	flight    *flight         // the reading under way; nil if there is none
	wishes    map[string]wish // the ARNs whose models were asked for
	looking   bool            // ARNs are being looked up
	asking    bool            // single models are being asked about
}

// flight is one reading, for all who want it.
type flight struct {
	lists chan struct{} // closed when the lists are read
	done  chan struct{} // closed when all is read
}

// State is all that is known at one moment. It does not change.
type State struct {
	// Generation tells states apart, so that what was made of one can be kept without
	// keeping it.
	Generation   uint64
	Catalogue    *catalog.Catalogue
	observations map[observationKey]observation
	expires      time.Time // when the first lesson does; zero if there is none
}

// New makes an inventory that knows what Base knows.
func New(opt Options) *Inventory {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	if opt.Overlays == nil {
		opt.Overlays = catalog.NewOverlays(opt.Base, 0)
		opt.Bounded = false
	}
	opt.Base = opt.Overlays.Base()
	v := &Inventory{opt: opt, endLay: func() {}, regions: map[string]*region{}, observations: map[observationKey]observation{}, pace: pace{burst: lookUpBurst, every: lookUpEvery}}
	v.ctx, v.cancel = context.WithCancel(context.Background())
	v.state.Store(&State{Catalogue: opt.Base})
	return v
}

// Close ends the readings under way and waits for their goroutines. What is known
// stays.
func (v *Inventory) Close() {
	v.mu.Lock()
	v.closed = true
	v.mu.Unlock()
	v.cancel()
	v.running.Wait()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.endLay()
}

// Snapshot gives what is known. It waits for no reading, and two calls give the same
// pointer as long as nothing new is known.
func (v *Inventory) Snapshot() *State {
	s := v.state.Load()
	if s.expires.IsZero() || v.opt.Now().Before(s.expires) {
		return s
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.publish(false)
	return v.state.Load()
}

// publish makes a new State of what is known; mu is held. lists says whether
// there are new lists; else only the lessons are new.
func (v *Inventory) publish(lists bool) {
	next := *v.state.Load()
	next.Generation++
	if lists {
		var live []*catalog.Live
		for _, r := range v.regions {
			if r.live != nil {
				live = append(live, r.live)
			}
		}
		slices.SortFunc(live, func(a, b *catalog.Live) int { return cmp.Compare(a.Region, b.Region) })
		made, end, ok := v.opt.Overlays.Lay(v.opt.Bounded, live...)
		if !ok {
			v.opt.Logger.Warn("no memory left for the model lists of another account; using the built-in catalogue for it")
		}
		v.endLay()
		next.Catalogue, v.endLay = made, end
	}
	v.forget(next.Catalogue)
	next.observations, next.expires = maps.Clone(v.observations), time.Time{}
	for _, l := range next.observations {
		if next.expires.IsZero() || l.until.Before(next.expires) {
			next.expires = l.until
		}
	}
	v.state.Store(&next)
}

// AddRegion says that calls go to a region, and takes up what is kept of it on disk. It
// calls nothing.
func (v *Inventory) AddRegion(name string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.addRegion(name)
}

// addRegion is Use; mu is held.
func (v *Inventory) addRegion(name string) *region {
	if r := v.regions[name]; r != nil {
		return r
	}
	r := &region{name: name, wishes: map[string]wish{}, refreshes: pace{burst: refreshBurst, every: refreshEvery}}
	v.regions[name] = r
	if r.live = v.load(name); r.live != nil {
		v.publish(true)
	}
	return r
}

// Status says how the lists of a region stand.
type Status struct {
	Region string
	// Account is the account's number; empty if no list has told it.
	Account string
	// At is when the lists were read, maybe by an earlier process; zero if they
	// never were.
	At               time.Time
	Models, Profiles int
	// Err is why the last reading failed, in whole or in part; nil if it did not.
	Err error
}

// Status gives the state of the regions in use, by name.
func (v *Inventory) Status() []Status {
	v.mu.Lock()
	defer v.mu.Unlock()
	var all []Status
	for _, name := range slices.Sorted(maps.Keys(v.regions)) {
		r := v.regions[name]
		s := Status{Region: name, Err: r.err}
		if r.live != nil {
			s.Account, s.At = r.live.Account, r.live.At
			s.Models, s.Profiles = len(r.live.Models.Value), len(r.live.Profiles.Value)
		}
		all = append(all, s)
	}
	return all
}
