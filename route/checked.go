package route

import "time"

// Rest has calls pass by the deployments with an id until a time, as in a cooldown: as long as another of the name is well. It
// returns false, and changes nothing, if no deployment has the id. A cooldown that lasts longer stays.
//
// It is for those who have found out otherwise that a deployment fails. A call that succeeds ends it as it ends a cooldown.
func (r *Router) Rest(id string, until time.Time) bool {
	found := false
	r.each(id, func(h *health) {
		found = true
		for at := until.UnixNano(); ; {
			before := h.until.Load()
			if before >= at || h.until.CompareAndSwap(before, at) {
				return
			}
		}
	})
	return found
}

// Resume ends what Rest has begun with the same id and time. It changes nothing if a failure or a success has been seen since,
// which says more.
func (r *Router) Resume(id string, until time.Time) {
	r.each(id, func(h *health) {
		if h.until.CompareAndSwap(until.UnixNano(), 0) {
			h.trial.Store(0)
		}
	})
}

// each visits the health of each deployment with an id, once.
func (r *Router) each(id string, visit func(h *health)) {
	seen := map[*state]bool{}
	for _, g := range r.table().all {
		for _, t := range g.deployments {
			if t.ID == id && !seen[t.state] {
				seen[t.state] = true
				visit(&t.health)
			}
		}
	}
}
