package llm

import (
	"slices"
	"time"
)

// Reserved says that at certain times of day only certain teams may use a deployment: model_info.access_windows (LiteLLM
// 1.110.2, litellm/litellm_core_utils/access_windows.py). At other times everybody may.
type Reserved struct{ Windows []AccessWindow }

// AccessWindow is a time of day for some teams.
type AccessWindow struct {
	// Start and End are times since midnight in Zone. A window whose End is before its Start goes on after midnight. The
	// Start belongs to the window, and the End does not.
	Start, End time.Duration
	Zone       *time.Location
	// Teams are the ids of the teams that may use the deployment.
	Teams []string
}

// Until is when a window is over that now keeps a team away; the zero time if the team may use the deployment. A team
// that one of several windows at a time names may.
func (r *Reserved) Until(team string, now time.Time) (until time.Time) {
	for i := range r.Windows {
		w := &r.Windows[i]
		end, active := w.ends(now)
		switch {
		case !active:
		case team != "" && slices.Contains(w.Teams, team):
			return time.Time{}
		case until.IsZero() || end.Before(until):
			until = end
		}
	}
	return until
}

// ends reports whether the window is open, and until when.
func (w *AccessWindow) ends(now time.Time) (end time.Time, active bool) {
	local := now.In(w.Zone)
	y, m, d := local.Date()
	clock := time.Duration(local.Hour())*time.Hour + time.Duration(local.Minute())*time.Minute + time.Duration(local.Second())*time.Second + time.Duration(local.Nanosecond())
	switch {
	case w.Start < w.End:
		active = w.Start <= clock && clock < w.End
	case clock >= w.Start:
		active = true
		d++
	default:
		active = clock < w.End
	}
	h, rest := w.End/time.Hour, w.End%time.Hour
	return time.Date(y, m, d, int(h), int(rest/time.Minute), int(rest%time.Minute/time.Second), 0, w.Zone), active
}
