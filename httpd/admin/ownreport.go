package admin

import (
	"time"

	"outcrop/store"
	"outcrop/tenant"
)

// longestReport is the longest time of a report of one's own, as in LiteLLM.
const longestReport = 366 * 24 * time.Hour

// ownReport serves /key/spend/report, /user/spend/report and /team/spend/report: what the caller's key, user or team has cost by
// keys and models, in the rows of /global/spend/report. Those who see everything may name another. name is the parameter.
func (x *exchange) ownReport(kind store.Kind, name string) ([]byte, error) {
	q := x.r.URL.Query()
	if q.Get("start_date") == "" || q.Get("end_date") == "" {
		return nil, refused("start_date", "Please provide start_date and end_date.")
	}
	f, err := x.period(q)
	if err != nil {
		return nil, err
	}
	if f.End.Sub(f.Start) > longestReport {
		return nil, refused("end_date", "Date range too large; maximum is 366 days.")
	}
	own := map[store.Kind]string{store.KindKey: x.caller.Key, store.KindUser: x.caller.UserID, store.KindTeam: x.caller.TeamID}[kind]
	switch {
	case kind == store.KindUser:
		own = x.caller.name()
	case kind == store.KindKey && x.caller.Master:
		own = tenant.MasterAlias
	}
	id := q.Get(name)
	if kind == store.KindKey && id != "" {
		id = keyID(id)
	}
	switch {
	case id != "" && id != own && !x.caller.sees():
		return nil, forbidden(name, "Not authorized to view spend for a %s other than your own.", name)
	case id == "" && own == "":
		return nil, refused(name, "No %s associated with this API key; pass a %s query param.", name, name)
	case id == "":
		id = own
	}
	if kind == store.KindKey {
		return x.reportKeys(id, kind, "")
	}
	return x.reportKeys("", kind, id)
}
