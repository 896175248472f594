package inventory

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/modelid"
)

// Bounds of look-ups, which clients can trigger by making up ARNs.
const (
	// maxLookups is how many ARNs of a region are looked up.
	maxLookups = 256
	// lookUpBurst is how many look-ups an account makes at once, and lookUpEvery the interval
	// between further ones.
	lookUpBurst = 32
	lookUpEvery = time.Second
	// lookUpTimeout is how long one may take.
	lookUpTimeout = 30 * time.Second
)

// lookupState is the state of an ARN that is called and that no list contains.
type lookupState uint8

const (
	pending     lookupState = iota // to be looked up
	deferred                       // it failed; the next refresh tries again
	noBaseModel                    // it has no base model
)

// pace limits a rate: burst at once, then one every interval.
type pace struct {
	burst int
	every time.Duration
	next  time.Time
}

// take takes one and returns 0, or returns how long to wait.
func (p *pace) take(now time.Time) time.Duration {
	if full := now.Add(-time.Duration(p.burst-1) * p.every); p.next.Before(full) {
		p.next = full
	}
	if wait := p.next.Sub(now); wait > 0 {
		return wait
	}
	p.next = p.next.Add(p.every)
	return 0
}

// ResolveARN looks up the base model of an ARN in the background, immediately if the region has
// been read before. It is for ARNs that are called and that no list contains.
func (v *Inventory) ResolveARN(name, arn string, get Get) {
	if !answers(arn) {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	r := v.addRegion(name)
	_, asked := r.lookups[arn]
	if !asked && len(r.lookups) >= maxLookups {
		maps.DeleteFunc(r.lookups, func(_ string, s lookupState) bool { return s == noBaseModel })
	}
	if asked || len(r.lookups) >= maxLookups {
		return
	}
	r.lookups[arn] = pending
	if r.live != nil { // otherwise the first refresh looks it up
		v.lookUpLater(r, get)
	}
}

// lookUpLater looks up the pending ARNs of a region in the background; mu must be held. One
// goroutine at a time does so, and it does not end while there are any.
func (v *Inventory) lookUpLater(r *region, get Get) {
	if r.looking || v.closed {
		return
	}
	r.looking = true
	v.running.Go(func() {
		defer v.survive()
		v.lookUp(r, get, true)
	})
}

// lookUpNow looks up the pending ARNs of a region and those that failed before, as many as the rate
// allows; the rest follows in the background.
func (v *Inventory) lookUpNow(r *region, get Get) {
	v.mu.Lock()
	for arn, w := range r.lookups {
		if w == deferred {
			r.lookups[arn] = pending
		}
	}
	if r.looking || r.live == nil {
		v.mu.Unlock()
		return
	}
	r.looking = true
	v.mu.Unlock()
	v.lookUp(r, get, false)
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, some := r.nextLookup(); some {
		v.lookUpLater(r, get)
	}
}

// nextLookup returns a pending ARN; mu must be held.
func (r *region) nextLookup() (arn string, some bool) {
	for _, arn := range slices.Sorted(maps.Keys(r.lookups)) {
		if r.lookups[arn] == pending {
			return arn, true
		}
	}
	return "", false
}

// lookUp looks up the base models of the pending ARNs of a region until none is left or, unless
// patient, until it would have to wait. Known base models stay.
func (v *Inventory) lookUp(r *region, get Get, patient bool) {
	found := map[string]string{}
	defer func() { // also after a panic
		v.mu.Lock()
		defer v.mu.Unlock()
		r.looking = false
	}()
	for {
		v.mu.Lock()
		arn, some := r.nextLookup()
		wait := time.Duration(0)
		if some {
			wait = v.pace.take(v.opt.Now())
		}
		over := !some || wait > 0 && !patient || v.ctx.Err() != nil
		if over && len(found) == 0 {
			r.looking = false // under the lock, so that a later ARN starts a new goroutine
			v.mu.Unlock()
			return
		}
		if some && wait == 0 {
			r.lookups[arn] = deferred // should it fail
		}
		v.mu.Unlock()
		switch {
		case over || wait > 0 && len(found) > 0:
			v.found(r, found)
			found = map[string]string{}
		case wait > 0:
			v.rest(wait)
		default:
			v.lookUpOne(r, arn, found, get)
		}
	}
}

// rest waits until d has passed or the inventory is closed.
func (v *Inventory) rest(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-v.ctx.Done():
	}
}

// lookUpOne looks up the base model of an ARN and records it.
func (v *Inventory) lookUpOne(r *region, arn string, found map[string]string, get Get) {
	ctx, cancel := context.WithTimeout(v.ctx, lookUpTimeout)
	defer cancel()
	base, err := lookUp(ctx, arn, get)
	if err != nil {
		v.opt.Logger.Debug("cannot determine the base model of an ARN", slog.String("arn", arn), slog.String("error", err.Error()))
	}
	if passes(err) {
		return // the next refresh tries again
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if base == "" {
		r.lookups[arn] = noBaseModel
		return
	}
	found[arn] = base
	delete(r.lookups, arn)
}

// found publishes what was looked up.
func (v *Inventory) found(r *region, found map[string]string) {
	v.amend(r, func(l *catalog.Live) {
		beneath := maps.Clone(l.BaseModel)
		if beneath == nil || len(beneath) >= maxLookups {
			beneath = map[string]string{}
		}
		maps.Copy(beneath, found)
		l.BaseModel = beneath
	})
}

// passes reports whether an error is temporary.
func passes(err error) bool {
	e, ok := errors.AsType[*llm.Error](err)
	return err != nil && (!ok || e.UpstreamStatus == 0 && !denied(err) || e.UpstreamStatus == 429 || e.UpstreamStatus >= 500)
}

// answers reports whether lookUp can determine the base model of an ARN.
func answers(text string) bool {
	arn, err := modelid.ParseARN(text)
	if err != nil {
		return false
	}
	switch arn.Kind {
	case modelid.ApplicationInferenceProfile, modelid.InferenceProfile, modelid.ProvisionedModel, modelid.CustomModelDeployment:
		return true
	default:
		return false
	}
}

// lookUp asks AWS for the base model id of an ARN; empty if AWS does not tell. Members are those of
// GetInferenceProfile, GetProvisionedModelThroughput, GetCustomModelDeployment and GetCustomModel
// in the service model of the control plane.
func lookUp(ctx context.Context, text string, get Get) (string, error) {
	arn, err := modelid.ParseARN(text)
	if err != nil {
		return "", err
	}
	switch arn.Kind {
	case modelid.ApplicationInferenceProfile, modelid.InferenceProfile:
		body, err := get(ctx, arn.Region, "", "inference-profiles", text)
		if err != nil {
			return "", err
		}
		p, err := catalog.DecodeInferenceProfile(body)
		if err != nil {
			return "", err
		}
		return baseOf(p.Models...), nil
	case modelid.ProvisionedModel:
		return lookUpMember(ctx, arn.Region, get, catalog.DecodeProvisionedModel, "provisioned-model-throughput", text)
	case modelid.CustomModelDeployment:
		return lookUpMember(ctx, arn.Region, get, catalog.DecodeCustomModelDeployment, "model-customization", "custom-model-deployments", text)
	default: // a custom model's ARN holds the base id; an imported model has none
		return "", nil
	}
}

func lookUpMember(ctx context.Context, region string, get Get, decode func([]byte) (string, error), path ...string) (string, error) {
	body, err := get(ctx, region, "", path...)
	if err != nil {
		return "", err
	}
	model, err := decode(body)
	if err != nil {
		return "", err
	}
	return baseOf(model), nil
}

// baseOf is the base id in the first ARN of a model that has one.
func baseOf(arns ...string) string {
	for _, arn := range arns {
		if id, err := modelid.Parse(arn); err == nil && id.Base() != "" {
			return id.Base()
		}
	}
	return ""
}
