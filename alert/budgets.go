package alert

import (
	"context"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"outcrop/llm"
	"outcrop/quota"
	"outcrop/store"
)

// What events of budgets are about, in LiteLLM's words.
const (
	BudgetCrossed     = "budget_crossed"
	ThresholdCrossed  = "threshold_crossed"
	SoftBudgetCrossed = "soft_budget_crossed"
	ProjectedLimit    = "projected_limit_exceeded"
)

// Budget is a budget whose use is watched. It is not modified.
type Budget struct {
	// Counter is what was spent of it, and Window its period.
	Counter string
	Window  quota.Window
	// About is what events say of whose it is. Its MaxBudget and SoftBudget are the budget and the amount from which
	// it is told.
	About Event
}

// Ledger has what was spent of budgets, and what was told; *store.Store is one.
type Ledger interface {
	// Counters returns counters by their ids.
	Counters(ctx context.Context, ids []string) (map[string]store.Counter, error)
	// Claim reports whether this process is the first to claim something since the last claim of it has expired.
	Claim(ctx context.Context, what string, now, expires time.Time) (bool, error)
}

// BudgetOptions are the parts of Budgets.
type BudgetOptions struct {
	Ledger Ledger
	Sink   Sink
	// Again is after which time the same is told again; LiteLLM's alerting_args.budget_alert_ttl.
	Again  time.Duration
	Now    func() time.Time // time.Now if nil
	Logger *slog.Logger

	every time.Duration // what is due is looked at together after this time; 0 for the default
}

const (
	lookEvery  = 200 * time.Millisecond
	lookAgain  = 5 * time.Second // after the store has failed
	lookWithin = 10 * time.Second
	mostKnown  = 64 << 10
)

// Budgets watches what is spent of budgets, and tells each of their events once in a while, over all replicas that share
// a store. It looks when the cost of calls is in the store, and so never holds up a call. It is safe for concurrent use.
type Budgets struct {
	opt  BudgetOptions
	wake chan struct{}
	stop context.CancelFunc
	over sync.WaitGroup

	mu    sync.RWMutex
	known map[string]*Budget // by counter
	due   map[string]*Budget

	told map[string]time.Time // until when events need not be claimed; of the goroutine
}

// Watch starts to watch, until Close.
func Watch(ctx context.Context, opt BudgetOptions) *Budgets {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.every == 0 {
		opt.every = lookEvery
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	b := &Budgets{opt: opt, wake: make(chan struct{}, 1), stop: stop, known: map[string]*Budget{}, due: map[string]*Budget{}, told: map[string]time.Time{}}
	b.over.Go(func() { b.run(background) })
	return b
}

// same reports whether two budgets of a counter are told alike. It may be nil.
func (of *Budget) same(other *Budget) bool {
	if of == other || of == nil {
		return of == other
	}
	a, b := of.About, other.About
	same := slices.Equal(a.Emails, b.Emails)
	a.Emails, b.Emails = nil, nil
	return same && of.Window == other.Window && reflect.DeepEqual(a, b)
}

// Know is called before the cost of a call that counts for budgets goes to the store.
func (b *Budgets) Know(budgets []*Budget) {
	unknown := false
	b.mu.RLock()
	for _, of := range budgets {
		unknown = unknown || !b.known[of.Counter].same(of)
	}
	b.mu.RUnlock()
	if !unknown {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.known) >= mostKnown {
		clear(b.known)
	}
	for _, of := range budgets {
		b.known[of.Counter] = of
	}
}

// Refused is called when a call was refused because one of some budgets is used up.
func (b *Budgets) Refused(budgets []*Budget) {
	b.mu.Lock()
	for _, of := range budgets {
		b.due[of.Counter] = of
	}
	b.mu.Unlock()
	b.look()
}

// Posted is called when the cost of calls is in the store.
func (b *Budgets) Posted(rows []store.Row) {
	some := false
	b.mu.Lock()
	for i := range rows {
		for j := range rows[i].Charges {
			if of := b.known[rows[i].Charges[j].Counter]; of != nil {
				b.due[of.Counter], some = of, true
			}
		}
	}
	b.mu.Unlock()
	if some {
		b.look()
	}
}

func (b *Budgets) look() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// run looks at what is due until the context ends.
func (b *Budgets) run(ctx context.Context) {
	failed := false
	for {
		select {
		case <-b.wake:
		case <-ctx.Done():
			return
		}
		pause := b.opt.every
		if failed {
			pause = lookAgain
		}
		wait := time.NewTimer(pause)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return
		}
		err := b.check(ctx)
		if err != nil && !failed && ctx.Err() == nil {
			b.opt.Logger.Warn("budgets cannot be watched", slog.String("error", err.Error()))
		}
		if failed = err != nil; failed {
			b.look()
		}
	}
}

// check looks at the budgets that are due. After an error they are due again.
func (b *Budgets) check(ctx context.Context) error {
	b.mu.Lock()
	due := b.due
	b.due = map[string]*Budget{}
	b.mu.Unlock()
	if len(due) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	counters, err := b.opt.Ledger.Counters(ctx, slices.Sorted(maps.Keys(due)))
	if err == nil {
		for id, of := range due {
			if err = b.tell(ctx, of, counters[id]); err != nil {
				break
			}
		}
	}
	if err != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		for id, of := range due {
			if b.due[id] == nil {
				b.due[id] = of
			}
		}
	}
	return err
}

// tell sends the events of a budget that have not been told.
func (b *Budgets) tell(ctx context.Context, of *Budget, c store.Counter) error {
	now := b.opt.Now()
	for _, e := range of.events(llm.Cost(c.Used), c.Ends, now) {
		id := e.mark + "/" + of.Counter
		if now.Before(b.told[id]) {
			continue
		}
		until := now.Add(b.opt.Again)
		first, err := b.opt.Ledger.Claim(ctx, id, now, until)
		if err != nil {
			return err
		}
		if len(b.told) >= mostKnown {
			clear(b.told)
		}
		if !first {
			until = now.Add(time.Minute) // another has told it, until a time that is not known here
		}
		b.told[id] = until
		if first {
			b.opt.Sink.Send(Alert{Type: BudgetAlerts, Level: High, Text: e.text(), Event: &e.Event})
		}
	}
	return nil
}

// Close looks at what is due a last time, as far as the context lets it, and ends the goroutine.
func (b *Budgets) Close(ctx context.Context) {
	b.stop()
	b.over.Wait()
	if err := b.check(ctx); err != nil {
		b.opt.Logger.Warn("budgets cannot be watched", slog.String("error", err.Error()))
	}
}

// marked is an event, and what tells it apart from others of the same budget: a budget that was raised is told again.
type marked struct {
	Event

	mark string
}

// events are what has happened to a budget of which some was used, in a period that ends at a time. The thresholds
// are LiteLLM's (litellm/integrations/SlackAlerting/slack_alerting.py, _get_event_and_event_message).
func (of *Budget) events(used llm.Cost, ends, now time.Time) (all []marked) {
	add := func(name, mark, message string, change func(e *Event)) {
		e := of.About
		e.Spend, e.Name, e.Message = used, name, message
		if change != nil {
			change(&e)
		}
		all = append(all, marked{e, mark})
	}
	if soft := of.About.SoftBudget; soft.Set {
		if used >= soft.Value {
			add(SoftBudgetCrossed, SoftBudgetCrossed+"@"+soft.Value.String(), "Soft Budget Crossed: Total Soft Budget:`"+soft.Value.String()+"`", nil)
		} else if spend, day, over := of.projected(used, ends, now); over {
			add(ProjectedLimit, ProjectedLimit+"@"+soft.Value.String(), of.words()+"Projected Limit Exceeded", func(e *Event) {
				e.ProjectedSpend, e.ProjectedDate, e.MaxBudget = llm.Some(spend), day, soft // the budget of this event, in LiteLLM
			})
		}
	}
	most := of.About.MaxBudget
	if !most.Set {
		return all
	}
	left := most.Value - used
	switch limit := most.Value.String(); {
	case left <= 0:
		add(BudgetCrossed, BudgetCrossed+"@"+limit, of.words()+"Budget Crossed\n Total Budget:`"+limit+"`", nil)
	case left <= most.Value/20:
		add(ThresholdCrossed, ThresholdCrossed+"@5@"+limit, of.words()+"5% or less of budget remaining", nil)
	case left <= most.Value/100*15:
		add(ThresholdCrossed, ThresholdCrossed+"@15@"+limit, of.words()+"15% or less of budget remaining", nil)
	}
	return all
}

// words begin the message of an event, as in LiteLLM.
func (of *Budget) words() string {
	switch of.About.Group {
	case GroupUser:
		return "User Budget: "
	case GroupTeam:
		return "Team Budget: "
	case GroupMember:
		return "Team Member Budget: "
	case GroupProject:
		return "Project Budget: "
	case GroupOrganization:
		return "Organization Budget: "
	case GroupCustomer:
		return "Customer Budget: "
	case GroupAccessGroup:
		return "Model Access Group Budget: "
	case GroupTag:
		return "Tag Budget: "
	case GroupProxy:
		return "Proxy Budget: "
	case GroupKey:
	}
	return "Key Budget: "
}

// projected is what a key will have spent at the end of its budget's period if it goes on like this, and the day on which
// that is more than its soft budget, as LiteLLM projects it (litellm/proxy/utils.py, _project_within_window): at
// least a twenty-fourth of the period counts as passed.
func (of *Budget) projected(used llm.Cost, ends, now time.Time) (spend llm.Cost, day string, over bool) {
	if of.About.Group != GroupKey || used <= 0 || !ends.After(now) {
		return 0, "", false
	}
	begun := of.Window.Begun(ends)
	whole := ends.Sub(begun)
	if whole <= 0 {
		return 0, "", false
	}
	passed := max(now.Sub(begun), whole/24)
	rate := float64(used) / float64(passed)
	spend = used + llm.Cost(rate*float64(ends.Sub(now)))
	soft := of.About.SoftBudget.Value
	if spend <= soft {
		return 0, "", false
	}
	at := now.Add(time.Duration(float64(soft-used) / rate))
	if at.After(ends) {
		at = ends
	}
	return spend, at.UTC().Format(time.DateOnly), true
}
