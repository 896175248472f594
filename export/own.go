package export

import (
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"outcrop/telemetry"
)

// Own is the name of the callbacks of keys and teams in metrics and the log. There may be many, under names of others' choice.
const Own = "metadata.logging"

// Bounds on the callbacks of keys and teams.
const (
	mostOwn = 200              // at once
	idleOwn = 10 * time.Minute // without a call
)

// ownLane is the lane of a callback of a key or a team; nil if there is none, because its settings are wrong or too many keys
// have callbacks. e.set is held.
func (e *Exporter) ownLane(cb *telemetry.Callback) *lane {
	if e.opt.Own == nil {
		return nil
	}
	mark := fingerprint(cb)
	e.mu.Lock()
	defer e.mu.Unlock()
	if l, there := e.own[mark]; there || e.closed {
		return l
	}
	if len(e.own) >= mostOwn {
		e.retire()
	}
	if len(e.own) >= mostOwn {
		e.opt.Count(Own, Dropped, 1)
		return nil
	}
	sender, err := e.opt.Own(cb)
	if err != nil {
		e.opt.Logger.Warn("a key or team has a callback that cannot be used", slog.String("callback", cb.Name), slog.String("error", err.Error()))
		e.own[mark] = nil // it is said once
		return nil
	}
	content := e.settings.OwnContent && !strings.EqualFold(cb.Vars["turn_off_message_logging"], "true")
	e.own[mark] = e.start(Callback{Name: cb.Name, Success: true, Failure: true, Content: content, Sender: sender}, Own)
	return e.own[mark]
}

// retire ends the lanes that have had no call for a while. e.mu is held.
func (e *Exporter) retire() {
	now := time.Now()
	for mark, l := range e.own {
		if l == nil {
			delete(e.own, mark)
			continue
		}
		l.mu.Lock()
		idle := len(l.waiting) == 0 && now.Sub(l.last) > idleOwn
		l.mu.Unlock()
		if idle {
			l.close()
			delete(e.own, mark)
		}
	}
}

// fingerprint tells callbacks apart by their settings.
func fingerprint(cb *telemetry.Callback) string {
	h := sha256.New()
	h.Write([]byte(cb.Name))
	for _, name := range slices.Sorted(maps.Keys(cb.Vars)) {
		h.Write([]byte("\x00" + name + "\x00" + cb.Vars[name]))
	}
	return hex.EncodeToString(h.Sum(nil))
}
