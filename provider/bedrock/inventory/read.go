package inventory

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/url"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/modelid"
)

// Bounds of a refresh.
const (
	// listTimeout is how long the lists of a region may take, and accessTimeout all look-ups of
	// single models.
	listTimeout   = 30 * time.Second
	accessTimeout = 2 * time.Minute
	// mantleTimeout is how long the list of bedrock-mantle may take: a private network may have a way to the other
	// hosts alone.
	mantleTimeout = 3 * time.Second
	// maxPages bounds the pages of a list, should it never end.
	maxPages = 50
	// accessAge is how long the account's access, as AWS reported it, is considered valid; looking
	// it up takes one call per model.
	accessAge = time.Hour
	// maxRefused is the number of failures after which the account's access is not looked up any
	// more.
	maxRefused = 3
	// failedAge is how long lists that could not be read are not tried again, regardless of what
	// the caller accepts.
	failedAge = 30 * time.Second
	// againPause is the minimum interval between refreshes that refused calls trigger.
	againPause = 2 * time.Second
	// Anything else can refresh the lists refreshBurst times at once, and then once every
	// refreshEvery: AWS's limits for the lists are low, and the account's other tools share them.
	refreshBurst = 4
	refreshEvery = 5 * time.Second
)

// errFault is the error of a refresh that panicked.
var errFault = errors.New("an internal error in Outcrop")

// errClosed is the error after Close.
var errClosed = errors.New("the gateway is shutting down")

// Refresh reads the lists of a region unless that was attempted after the given time, and waits for
// the look-ups of single models as well. Concurrent calls for a region share one refresh, and calls
// beyond refreshBurst and refreshEvery get the result of the last one, because clients can call it
// as often as they like.
func (v *Inventory) Refresh(ctx context.Context, name string, after time.Time, get Get) error {
	f, err := v.begin(name, after, true, get)
	if f == nil {
		return err
	}
	return v.wait(ctx, name, f.done)
}

// RefreshLists is Refresh without waiting for the look-ups of single models.
func (v *Inventory) RefreshLists(ctx context.Context, name string, after time.Time, get Get) error {
	f, err := v.begin(name, after, true, get)
	if f == nil {
		return err
	}
	return v.wait(ctx, name, f.lists)
}

// RefreshAfterRefusal refreshes the lists of a region after a refused call, and waits for them. It
// does so only once per againPause, because clients can make up ids that are refused; calls in
// between share that refresh.
func (v *Inventory) RefreshAfterRefusal(ctx context.Context, name string, get Get) error {
	v.mu.Lock()
	r, now := v.addRegion(name), v.opt.Now()
	f := r.flight
	due := r.again.IsZero() || now.Sub(r.again) >= againPause
	if due && f == nil {
		r.again = now
	}
	v.mu.Unlock()
	var err error
	if due && f == nil {
		f, err = v.begin(name, now, false, get)
	}
	if f == nil {
		return err
	}
	return v.wait(ctx, name, f.lists)
}

func (v *Inventory) wait(ctx context.Context, name string, done <-chan struct{}) error {
	select {
	case <-done:
	case <-ctx.Done():
		return ctx.Err()
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.regions[name].err
}

// begin returns the refresh of a region that is in progress, or starts one. If the last one began
// after the given time, or if refreshes are limited and there were too many lately, begin returns
// nil and the last one's error.
func (v *Inventory) begin(name string, after time.Time, limited bool, get Get) (*flight, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return nil, errClosed
	}
	r := v.addRegion(name)
	now := v.opt.Now()
	switch {
	case r.flight != nil:
		return r.flight, nil
	case r.err != nil && !denied(r.err):
		if again := now.Add(-failedAge); after.Before(again) {
			after = again
		}
	}
	if r.tried.After(after) || limited && r.refreshes.take(now) > 0 {
		return nil, r.err
	}
	r.tried = now
	r.flight = &flight{lists: make(chan struct{}), done: make(chan struct{})}
	f := r.flight
	v.running.Go(func() { v.read(r, f, get) })
	return f, nil
}

// read refreshes a region: first the lists, which are usable at once, then the look-ups of single
// models and ARNs. The flight ends with the lists, so that later calls get newer ones.
func (v *Inventory) read(r *region, f *flight, get Get) {
	defer close(f.done)
	defer v.survive()
	v.lists(r, f, get)
	v.askAccess(r, get)
	v.lookUpNow(r, get)
}

// lists reads the lists of a region and publishes them.
func (v *Inventory) lists(r *region, f *flight, get Get) {
	defer close(f.lists)
	v.mu.Lock()
	before := r.live
	v.mu.Unlock()
	var live *catalog.Live
	err := errFault
	defer func() { v.settle(r, live, err) }()
	live, err = v.readLists(r.name, before, get)
}

// survive recovers a panic in a goroutine of the inventory. Its work is repeated later, and must
// not end the process.
func (v *Inventory) survive() {
	if p := recover(); p != nil {
		v.opt.Logger.Error("reading the model lists failed because of an internal error; Outcrop tries again later", slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
	}
}

// settle publishes what was read and ends the refresh, so that the next one builds on its result.
func (v *Inventory) settle(r *region, live *catalog.Live, err error) {
	v.mu.Lock()
	r.flight, r.err = nil, err
	if live != nil {
		if r.live != nil { // look-ups may have added to it
			twin := *live
			twin.Availability, twin.BaseModel = r.live.Availability, r.live.BaseModel
			live = &twin
		}
		r.live = live
	}
	v.unlock(live != nil)
	if live != nil {
		v.save(r)
	}
}

// unlock publishes new lists, if any, and releases mu.
func (v *Inventory) unlock(lists bool) {
	defer v.mu.Unlock()
	if lists {
		v.publish(true)
	}
}

// readLists reads the two lists, and beside them that of bedrock-mantle. A list that cannot be read stays unchanged;
// the result is nil if neither of the two can.
func (v *Inventory) readLists(region string, before *catalog.Live, get Get) (*catalog.Live, error) {
	ctx, cancel := context.WithTimeout(v.ctx, listTimeout)
	defer cancel()
	live := &catalog.Live{Region: region}
	if before != nil {
		*live = *before
	}
	mantle := make(chan llm.Opt[[]string], 1)
	v.running.Go(func() {
		defer close(mantle)
		defer v.survive()
		mantle <- v.readMantle(ctx, region, get)
	})
	models, err := readModels(ctx, region, get)
	if err == nil {
		live.Models = llm.Some(models)
	}
	profiles, profileErr := readPages(ctx, region, "SYSTEM_DEFINED", get)
	own, ownErr := readPages(ctx, region, "APPLICATION", get)
	if profileErr == nil {
		if ownErr != nil { // those of the account stay unchanged
			own = slices.DeleteFunc(slices.Clone(live.Profiles.Value), func(p catalog.LiveProfile) bool { return p.Type != "APPLICATION" })
		}
		live.Profiles = llm.Some(append(profiles, own...))
		live.Account = cmp.Or(account(live.Profiles.Value), live.Account)
	}
	if ids := <-mantle; ids.Set {
		live.Mantle = ids
	}
	v.warnOnce(region, "bedrock:ListFoundationModels", err)
	v.warnOnce(region, "bedrock:ListInferenceProfiles", cmp.Or(profileErr, ownErr))
	if err != nil && profileErr != nil {
		return nil, errors.Join(err, profileErr)
	}
	if profileErr == nil && !denied(ownErr) {
		profileErr = ownErr
	}
	live.At = v.opt.Now()
	return live, errors.Join(err, profileErr)
}

func readModels(ctx context.Context, region string, get Get) ([]catalog.LiveModel, error) {
	body, err := get(ctx, region, "", "foundation-models")
	if err != nil {
		return nil, err
	}
	models, err := catalog.DecodeFoundationModels(body)
	return slices.DeleteFunc(models, func(m catalog.LiveModel) bool { return m.ID == "" }), err
}

// readPages reads the profiles of one type: those that AWS defines and those of
// the account stand in lists of their own.
func readPages(ctx context.Context, region, kind string, get Get) ([]catalog.LiveProfile, error) {
	var all []catalog.LiveProfile
	token := ""
	for range maxPages {
		query := "maxResults=1000&type=" + kind
		if token != "" {
			query += "&nextToken=" + url.QueryEscape(token)
		}
		body, err := get(ctx, region, query, "inference-profiles")
		if err != nil {
			return nil, err
		}
		page, next, err := catalog.DecodeInferenceProfiles(body)
		if err != nil {
			return nil, err
		}
		for _, p := range page {
			if p.ID != "" && p.ARN != "" {
				all = append(all, p)
			}
		}
		if token = next; token == "" {
			break
		}
	}
	return all, nil
}

// RawLists reads the lists of models and of the profiles that AWS defines in a
// region, and gives the bodies by names such as us-east-1-list-foundation-models.json
// and us-east-1-list-inference-profiles-1.json, a file for each page.
func RawLists(ctx context.Context, region string, get Get) (map[string][]byte, error) {
	all := map[string][]byte{}
	models, err := get(ctx, region, "", "foundation-models")
	if err == nil {
		all[region+"-list-foundation-models.json"] = models
	}
	page := 0
	_, pagesErr := readPages(ctx, region, "SYSTEM_DEFINED", func(ctx context.Context, region, query string, path ...string) ([]byte, error) {
		body, err := get(ctx, region, query, path...)
		if err == nil {
			page++
			all[region+"-list-inference-profiles-"+strconv.Itoa(page)+".json"] = body
		}
		return body, err
	})
	return all, errors.Join(err, pagesErr)
}

// account is the number in the ARNs of profiles.
func account(profiles []catalog.LiveProfile) string {
	for _, p := range profiles {
		if arn, err := modelid.ParseARN(p.ARN); err == nil && arn.Account != "" {
			return arn.Account
		}
	}
	return ""
}

// askAccess asks, when it is time, what the account may do with each model of a
// region. One goroutine at a time does so.
func (v *Inventory) askAccess(r *region, get Get) {
	v.mu.Lock()
	live := r.live
	due := r.access.IsZero() && live != nil && len(live.Availability) == 0 || v.opt.Now().Sub(r.access) >= accessAge
	if r.asking || live == nil || !due {
		v.mu.Unlock()
		return
	}
	r.asking = true
	v.mu.Unlock()
	var access map[string]catalog.Availability
	defer func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		r.asking = false
		if access != nil {
			r.access = v.opt.Now()
		}
	}()
	ctx, cancel := context.WithTimeout(v.ctx, accessTimeout)
	defer cancel()
	if access = v.readAccess(ctx, live, get); access != nil {
		v.amend(r, func(l *catalog.Live) { l.Availability = access })
	}
}

// MantleModels is the path of the list of bedrock-mantle's models, at its own host.
func MantleModels() []string { return []string{"v1", "models"} }

// readMantle reads which models bedrock-mantle has in a region; not set if that cannot be read, which is so in regions
// without the host.
func (v *Inventory) readMantle(ctx context.Context, region string, get Get) llm.Opt[[]string] {
	ctx, cancel := context.WithTimeout(ctx, mantleTimeout)
	defer cancel()
	body, err := get(ctx, region, "", MantleModels()...)
	var ids []string
	if err == nil {
		ids, err = catalog.DecodeMantleModels(body)
	}
	if err != nil {
		v.opt.Logger.Debug("cannot read which models bedrock-mantle has", slog.String("region", region), slog.String("error", err.Error()))
		return llm.Opt[[]string]{}
	}
	return llm.Some(ids)
}

// amend puts what was asked for into the newest lists.
func (v *Inventory) amend(r *region, change func(*catalog.Live)) {
	v.mu.Lock()
	next := *r.live
	change(&next)
	r.live = &next
	v.unlock(true)
	v.save(r)
}

// readAccess asks what the account may do with each model that writes text; nil if
// that cannot be asked.
func (v *Inventory) readAccess(ctx context.Context, live *catalog.Live, get Get) map[string]catalog.Availability {
	access := map[string]catalog.Availability{}
	failed := 0
	for i := range live.Models.Value {
		m := &live.Models.Value[i]
		if !slices.Contains(m.Output, "TEXT") {
			continue
		}
		body, err := get(ctx, live.Region, "", "foundation-model-availability", m.ID)
		if err != nil {
			if failed++; failed == maxRefused || ctx.Err() != nil { // it cannot be asked at all
				v.warnOnce(live.Region, "bedrock:GetFoundationModelAvailability", err)
				return nil
			}
			continue
		}
		if a, err := catalog.DecodeAccess(body); err == nil {
			access[m.ID] = a
		}
	}
	return access
}

// Statement is the IAM statement, as a JSON object, that allows a gateway to read the lists.
// Actions are named as in the service authorization references of Amazon Bedrock and of Amazon Bedrock Powered by AWS
// Mantle.
const Statement = `{"Effect":"Allow","Action":["bedrock:ListFoundationModels","bedrock:ListInferenceProfiles","bedrock:GetInferenceProfile","bedrock:GetFoundationModelAvailability","bedrock-mantle:ListModels"],"Resource":"*"}`

// denied reports whether an error is a missing permission.
func denied(err error) bool {
	e, ok := errors.AsType[*llm.Error](err)
	return ok && e.Code.Denied()
}

// warnOnce logs one warning for a denied action and one for an action that fails for
// another reason. Later failures are only in the region's status.
func (v *Inventory) warnOnce(region, action string, err error) {
	if err == nil || v.ctx.Err() != nil {
		return
	}
	noPermission := denied(err)
	warned := &v.warnedFailed
	if noPermission {
		warned = &v.warnedDenied
	}
	v.mu.Lock()
	first := !*warned
	*warned = true
	v.mu.Unlock()
	attributes := []slog.Attr{slog.String("action", action), slog.String("region", region), slog.String("error", err.Error())}
	level := slog.LevelDebug
	if first {
		level = slog.LevelWarn
	}
	if noPermission {
		attributes = append(attributes, slog.String("statement", Statement))
	}
	v.opt.Logger.LogAttrs(v.ctx, level, "cannot list models; using the built-in catalogue", attributes...)
}
