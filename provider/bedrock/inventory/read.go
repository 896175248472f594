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

// Bounds of a reading.
const (
	// listTimeout is how long the lists of a region may take, and accessTimeout
	// all that is asked of single models.
	listTimeout   = 30 * time.Second
	accessTimeout = 2 * time.Minute
	// maxPages is how often a list goes on, should it never end.
	maxPages = 50
	// accessAge is how long what AWS said of the account's access is taken to hold;
	// to ask takes a call for each model.
	accessAge = time.Hour
	// maxRefused is after how many failures the account's access is not asked about
	// any further.
	maxRefused = 3
	// failedAge is how long lists that could not be read are not tried again, whatever
	// moment is good enough.
	failedAge = 30 * time.Second
	// againPause is how often refused calls can have the lists read.
	againPause = 2 * time.Second
	// Everybody else can have them read refreshBurst times at once, and then once every
	// refreshEvery: AWS's limits for the lists are low, and the account's other tools
	// share them.
	refreshBurst = 4
	refreshEvery = 5 * time.Second
)

// errFault is what is said of a reading that did not come to its end.
var errFault = errors.New("an internal error in Outcrop")

// errClosed says that the inventory was closed.
var errClosed = errors.New("the gateway is shutting down")

// Refresh reads the lists of a region unless that was tried after a moment, and
// waits for what single models were asked about as well. Whoever asks for one
// region at the same time waits for the same reading, and whoever asks more often
// than refreshBurst and refreshEvery allow has what the last one gave.
func (v *Inventory) Refresh(ctx context.Context, name string, after time.Time, get Get) error {
	f, err := v.begin(name, after, true, get)
	if f == nil {
		return err
	}
	return v.wait(ctx, name, f.done)
}

// RefreshLists is Refresh without the wait for what single models are asked about.
func (v *Inventory) RefreshLists(ctx context.Context, name string, after time.Time, get Get) error {
	f, err := v.begin(name, after, true, get)
	if f == nil {
		return err
	}
	return v.wait(ctx, name, f.lists)
}

// RefreshAfterRefusal has the lists of a region read since a call was refused, and waits for
// them. It does so only every againPause, as clients can make up ids that are
// refused; who comes in between has the lists of that reading.
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

// begin gives the reading of a region that is under way, or begins one. There is
// none if the last one began after a moment, or if it is limited and the region was
// read too often lately; then err is that one's.
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

// read makes one reading of a region: the lists, which are of use at once, then
// what single models and ARNs must be asked about. The flight is over with the
// lists, so that who comes later has newer ones.
func (v *Inventory) read(r *region, f *flight, get Get) {
	defer close(f.done)
	defer v.survive()
	v.lists(r, f, get)
	v.askAccess(r, get)
	v.lookUpNow(r, get)
}

// lists reads the lists of a region and makes them known.
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

// survive ends a panic in a goroutine of the inventory's, whose work is done again
// later: lists are not worth a gateway's life.
func (v *Inventory) survive() {
	if p := recover(); p != nil {
		v.opt.Logger.Error("reading the model lists failed because of an internal error; Outcrop tries again later", slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
	}
}

// settle makes what was read known. The reading is over with it, so that the next one
// is laid over what this one gave.
func (v *Inventory) settle(r *region, live *catalog.Live, err error) {
	v.mu.Lock()
	r.flight, r.err = nil, err
	if live != nil {
		if r.live != nil { // it may have been found meanwhile
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

// unlock ends the holding of mu, after making a new State of new lists.
func (v *Inventory) unlock(lists bool) {
	defer v.mu.Unlock()
	if lists {
		v.publish(true)
	}
}

// readLists reads the two lists. One that cannot be read stays as it was; it is
// nil if neither can.
func (v *Inventory) readLists(region string, before *catalog.Live, get Get) (*catalog.Live, error) {
	ctx, cancel := context.WithTimeout(v.ctx, listTimeout)
	defer cancel()
	live := &catalog.Live{Region: region}
	if before != nil {
		*live = *before
	}
	models, err := readModels(ctx, region, get)
	if err == nil {
		live.Models = llm.Some(models)
	}
	profiles, profileErr := readPages(ctx, region, "SYSTEM_DEFINED", get)
	own, ownErr := readPages(ctx, region, "APPLICATION", get)
	if profileErr == nil {
		if ownErr != nil { // those of the account stay as they were
			own = slices.DeleteFunc(slices.Clone(live.Profiles.Value), func(p catalog.LiveProfile) bool { return p.Type != "APPLICATION" })
		}
		live.Profiles = llm.Some(append(profiles, own...))
		live.Account = cmp.Or(account(live.Profiles.Value), live.Account)
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

// Statement is what lets a gateway read the lists, an IAM statement as a JSON
// object. Actions are named as in the service authorization reference of Amazon
// Bedrock.
const Statement = `{"Effect":"Allow","Action":["bedrock:ListFoundationModels","bedrock:ListInferenceProfiles","bedrock:GetInferenceProfile","bedrock:GetFoundationModelAvailability"],"Resource":"*"}`

// denied reports whether an error is for want of a right.
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
