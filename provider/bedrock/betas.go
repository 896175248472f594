package bedrock

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"outcrop/llm"
	"outcrop/provider/bedrock/inventory"
	"outcrop/provider/bedrock/invoke"
)

// AWS may refuse a call for a beta without saying which one ("invalid beta flag"). Then it is found by
// elimination, in at most three more calls: without the likelier half of the betas, then without half
// of the others, and at last without any. What is left out in the end is left out for an hour.

// perhaps begins the name of a beta that is left out on suspicion.
const perhaps = "perhaps "

// unnamedBetaError is AWS's refusal of one of the betas that were sent.
type unnamedBetaError struct {
	error

	sent []string
}

func (u *unnamedBetaError) Unwrap() error { return u.error }

// blame adds the betas that were sent to a refusal that is about one of them and does not name it. It
// is separate from call for the sake of the stack of open streams.
//
//go:noinline
func blame(err error, sent []string) error {
	e := llm.AsError(err)
	if len(sent) == 0 || e.UpstreamStatus != http.StatusBadRequest {
		return err
	}
	if name, ok := invoke.RefusedBeta(e.Message); ok && name == invoke.AllBetas {
		e.Err = &unnamedBetaError{e.Err, sent}
	}
	return err
}

// sentBetas are the betas in the headers of a request for Converse.
func sentBetas(req *llm.Request) (names []string) {
	values, _ := invoke.Betas(req.Headers)
	for _, v := range values {
		for name := range strings.SplitSeq(v, ",") {
			names = append(names, strings.TrimSpace(name))
		}
	}
	return names
}

// eliminate records what the next call does without, after a refusal of a beta without its name. It
// reports false if there is nothing to leave out.
func (w *target) eliminate(e *llm.Error) bool {
	refused, ok := errors.AsType[*unnamedBetaError](e)
	if !ok || !w.claude() || !w.canLack(invoke.AllBetas) {
		return false
	}
	note := func(f inventory.Feature) { w.d.account.Refuses(f, w.destination.ID, w.destination.Region) }
	drop := invoke.Suspects(w.invokeModel, refused.sent)
	switch {
	case w.doubted || len(w.lacks)+len(drop) > maxLacks:
		note(invoke.AllBetas)
		return true
	case len(w.suspects) > 0: // one of the others is refused, too or alone
		note(inventory.Doubt)
		for _, name := range w.suspects {
			if invoke.Accepted(w.invokeModel, name) {
				w.d.account.Accepts(inventory.Feature(perhaps+name), w.destination.ID, w.destination.Region)
			}
		}
	case len(refused.sent) == 1:
		note(inventory.Feature(refused.sent[0]))
		return true
	}
	for _, name := range drop {
		note(inventory.Feature(perhaps + name))
	}
	return true
}

// suspect takes from the target a beta that is left out on suspicion, if f is one.
func (w *target) suspect(f inventory.Feature) bool {
	name, ok := strings.CutPrefix(string(f), perhaps)
	if ok && !slices.Contains(w.lacks, name) {
		w.lacks, w.suspects = append(w.lacks, name), append(w.suspects, name)
	}
	return ok
}
