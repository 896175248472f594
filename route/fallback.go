package route

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"outcrop/llm"
)

// hop is a name of those that a call is tried with, one after the other.
type hop struct {
	g              *group
	captured, name string
	depth          int // 0 for the call's own name, 1 for its fallbacks, 2 for theirs
}

// defaultMaxFallbacks is LiteLLM's bound on how deep fallbacks of fallbacks are tried.
const defaultMaxFallbacks = 5

// errUnwell says that no deployment of a name is well, or has room for the call.
var errUnwell = errors.New("all deployments are in cooldown, or have as many calls as they may")

// canFallBack reports whether the call may go on with another name. One that belongs to a deployment, that must not
// be repeated, or that brings the client's own credentials may not, and neither may a count of tokens, which is that of its
// model alone.
func (c *call) canFallBack() bool {
	q := &c.req.Routing
	if c.verb == llm.VerbCount || c.verb == llm.VerbService {
		return false
	}
	if c.req.Deployment != "" || c.req.Once || c.req.ClientSettings != nil || q.NoFallbacks {
		return false
	}
	return len(q.Fallbacks)+len(q.WindowFallbacks)+len(q.ContentFallbacks) > 0 || len(c.g.reach) > 0
}

// walk tries a name and then its fallbacks. Names of which no deployment is well or has room come last. Of a failure, Served has the
// deployment whose it is.
func (c *call) walk(ctx context.Context, own hop) (Served, error) {
	var first *llm.Error
	var failed Served // of first
	var others []string
	seen := map[*group]bool{own.g: true}
	queue, passed := []hop{own}, []hop(nil)
	c.as = own.g
	for well := true; ; {
		if len(queue) == 0 && well {
			queue, passed, well = passed, nil, false
		}
		if len(queue) == 0 {
			break
		}
		h := queue[0]
		queue = queue[1:]
		if h.g != c.as && !c.allow(ctx, &h) {
			continue
		}
		if h.depth > 0 {
			c.hops++
			c.start = c.r.opt.Now()
		}
		served, err := c.serve(ctx, h, well)
		switch e, refused := err.(*llm.Error); { //nolint:errorlint // serve returns these two as they are
		case err == nil:
			if h.depth > 0 {
				served.Fallbacks, served.Group = c.hops, h.name
			}
			return served, nil
		case !refused: // no deployment is well and has room
			c.hops = max(c.hops-1, 0)
			passed = append(passed, h)
			queue = append(queue, c.following(&h, nil, seen)...)
		default:
			if first == nil {
				first, failed = e, served
			} else {
				others = append(others, h.name+" ("+string(e.Code)+")")
			}
			if ctx.Err() != nil || !worthAnother(e) {
				return failed, first
			}
			c.r.opt.Logger.DebugContext(ctx, "falling back", "name", h.name, "code", string(e.Code))
			queue = append(queue, c.following(&h, e, seen)...)
		}
	}
	if first != nil && len(others) > 0 {
		told := *first
		told.Message = strings.TrimSuffix(told.Message, ".") + ". Fallbacks failed as well: " + strings.Join(others, ", ") + "."
		return failed, &told
	}
	if first == nil { // every name was full or in cooldown, and none may be asked again
		first = c.denied
	}
	return failed, first
}

// allow reports whether the caller may be served by a name that the call has not the settings of: a fallback, or its own after a
// fallback. The settings of the name are then those of the call.
func (c *call) allow(ctx context.Context, h *hop) bool {
	if c.req.Allow != nil {
		if err := c.req.Allow(ctx, c.req, h.name); err != nil {
			c.r.opt.Logger.DebugContext(ctx, "a fallback is left out", "name", h.name, "why", err.Error())
			c.as, c.denied = nil, llm.AsError(err)
			return false
		}
	}
	c.as = h.g
	return true
}

// following are the hops after a failure of a name that are new to the call; e is nil for a name that was passed by.
func (c *call) following(h *hop, e *llm.Error, seen map[*group]bool) (next []hop) {
	f := c.table.policy.Fallbacks
	if h.depth == cmp.Or(c.table.policy.MaxFallbacks, defaultMaxFallbacks) {
		return nil
	}
	if q := &c.req.Routing; h.depth == 0 {
		if q.Fallbacks != nil {
			f.Default, f.General = q.Fallbacks, nil
		}
		if q.WindowFallbacks != nil {
			f.Window = only(h.g.name, q.WindowFallbacks)
		}
		if q.ContentFallbacks != nil {
			f.Content = only(h.g.name, q.ContentFallbacks)
		}
	}
	if e == nil {
		e = &llm.Error{}
	}
	for _, name := range f.after(h.g.name, e) {
		g, captured := c.table.names.find(name)
		if g == nil || seen[g] {
			continue
		}
		seen[g] = true
		next = append(next, hop{g: g, captured: captured, name: name, depth: h.depth + 1})
	}
	return next
}

// only are the lists of a call that has one of its own for a kind of failure; without names the general list stands in.
func only(name string, names []string) map[string][]string {
	if len(names) == 0 {
		return nil
	}
	return map[string][]string{name: names}
}

// worthAnother reports whether another model might serve the call after a failure: not if the gateway itself refuses it, or
// nobody waits for it any more.
func worthAnother(e *llm.Error) bool {
	switch e.Code {
	case llm.CodeBadRequest, llm.CodeMedia, llm.CodeTooLarge, llm.CodeSlowClient, llm.CodeStateNotFound, llm.CodeStopping, llm.CodeOverloaded,
		llm.CodeClientGone, llm.CodeAnswerTooLarge:
		return false
	default:
		return true
	}
}
