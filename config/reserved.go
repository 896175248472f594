package config

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"outcrop/llm"
)

const sectionWindows = "model_list[].model_info.access_windows[]"

// ownName gives an entry of the file that is a team's a name that nobody asks for, in LiteLLM's form, so that the
// entries which the team uses by one name are deployments of one. Those of the database have such a name.
func (e *entry) ownName(m *Model) {
	if m.Team == "" || e.l.addition {
		return
	}
	if strings.Contains(m.Public, "*") {
		e.l.errorAt(e.name.file, e.name.line, e.name.column, e.path+".model_info.team_id", "a team's model cannot have a name with a *", "a model_name or team_public_model_name without one", "")
		return
	}
	m.Name = TeamModelName(m.Team, m.Public)
}

// TeamModelName is the name of the file's models that a team uses by one name.
func TeamModelName(team, public string) string {
	sum := sha256.Sum256([]byte(public))
	return "model_name_" + team + "_" + hex.EncodeToString(sum[:8])
}

// windows reads access_windows.
func (e *entry) windows(n *node, path string) *llm.Reserved {
	if n.kind != sequence {
		e.l.errorAt(n.file, n.line, n.column, path, "must be a list, not "+n.kind.String(), "mappings with start, end, timezone and team_ids", "")
		return nil
	}
	var all llm.Reserved
	for i, item := range n.items {
		if w, ok := e.window(item, path+"["+strconv.Itoa(i)+"]"); ok {
			all.Windows = append(all.Windows, w)
		}
	}
	if len(all.Windows) == 0 {
		return nil
	}
	return &all
}

// window reads a time of day for some teams. What LiteLLM refuses is an error here too.
func (e *entry) window(n *node, path string) (w llm.AccessWindow, ok bool) {
	l := e.l
	w.Start, w.End = -1, -1
	l.fields(n, sectionWindows, path, nil, func(k Key, n *node, path string) {
		switch k.Name {
		case "start":
			w.Start = l.clock(k, n, path)
		case "end":
			w.End = l.clock(k, n, path)
		case "timezone":
			name, read := l.text(k, n, path)
			zone, err := time.LoadLocation(name)
			switch {
			case !read:
			case err != nil || name == "" || name == "Local":
				l.errorAt(n.file, n.line, n.column, path, shown(k, n)+" is not a time zone", "a name of the IANA database, such as Europe/Berlin or UTC", "")
			default:
				w.Zone = zone
			}
		case "team_ids":
			w.Teams = e.words(n, path)
		}
	})
	switch {
	case w.Start < 0, w.End < 0, w.Zone == nil, len(w.Teams) == 0:
		l.errorAt(n.file, n.line, n.column, path, "must have start, end, timezone and team_ids", `such as {start: "09:00", end: "17:00", timezone: Europe/Berlin, team_ids: [geology]}`, "")
	case w.Start == w.End:
		l.errorAt(n.file, n.line, n.column, path, "start and end must differ", "", "")
	default:
		return w, true
	}
	return w, false
}

// clock reads a time of day; -1 if the value is wrong, which is reported.
func (l *loader) clock(k Key, n *node, path string) time.Duration {
	text, ok := l.text(k, n, path)
	if !ok {
		return -1
	}
	for _, form := range [...]string{"15:04", time.TimeOnly} {
		if t, err := time.Parse(form, text); err == nil {
			return t.Sub(time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC))
		}
	}
	l.errorAt(n.file, n.line, n.column, path, shown(k, n)+" is not a time of day", `such as "09:00" or "17:30:00"`, "")
	return -1
}
