package ui

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"outcrop/llm"
)

// leftRow is a budget with what is left of it.
type leftRow struct {
	Kind, ID, Name      string
	Spent, Budget, Left float64
	Resets              string // the day and time; empty for never
}

// Share is what is spent of the budget, in thousandths, at most all.
func (r *leftRow) Share() int {
	if r.Spent >= r.Budget {
		return 1000
	}
	return int(1000 * max(0, r.Spent/r.Budget))
}

// Over is whether nothing is left, and Near whether it soon will be.
func (r *leftRow) Over() bool { return r.Left <= 0 }

// Near is whether less than a tenth is left.
func (r *leftRow) Near() bool { return !r.Over() && r.Left < r.Budget/10 }

// limitedThing is what the API says of somebody's or something's budget.
type limitedThing struct {
	Token    string   `json:"token"`
	KeyAlias string   `json:"key_alias"`
	TeamID   string   `json:"team_id"`
	Team     string   `json:"team_alias"`
	UserID   string   `json:"user_id"`
	Email    string   `json:"user_email"`
	Alias    string   `json:"alias"`
	Spend    float64  `json:"spend"`
	Most     *float64 `json:"max_budget"`
	Resets   string   `json:"budget_reset_at"`
	Budget   *struct {
		Most   *float64 `json:"max_budget"`
		Resets string   `json:"budget_reset_at"`
	} `json:"litellm_budget_table"`
}

const (
	// mostLimited is how many keys and how many users are looked at for their budgets, and mostLeft how many budgets are shown.
	mostLimited = 1000
	mostLeft    = 50
)

// readLeft reads the budgets that the person may see: those of which most is used first.
func (x *exchange) readLeft() (rows []leftRow, err error) {
	add := func(kind string, things []limitedThing) {
		for i := range things {
			t := &things[i]
			most, resets := t.Most, t.Resets
			if t.Budget != nil && most == nil {
				most, resets = t.Budget.Most, cmp.Or(resets, t.Budget.Resets)
			}
			if most == nil {
				continue
			}
			r := leftRow{Kind: kind, Spent: t.Spend, Budget: *most, Left: *most - t.Spend, Resets: resets}
			switch kind {
			case "key":
				r.ID, r.Name = t.Token, cmp.Or(t.KeyAlias, llm.Clip(t.Token, 10))
			case "team":
				r.ID, r.Name = t.TeamID, cmp.Or(t.Team, t.TeamID)
			default:
				r.ID, r.Name = t.UserID, cmp.Or(t.Email, t.Alias, t.UserID)
			}
			if resets != "" {
				r.Resets = formTime.text([]byte(strconv.Quote(resets)))
			}
			rows = append(rows, r)
		}
	}
	keys, err := x.limited("/key/list", "size", url.Values{"return_full_object": {"true"}, "include_team_keys": {"true"}})
	if err != nil {
		return nil, err
	}
	add("key", keys)
	var list []limitedThing
	if err := x.call(http.MethodGet, "/team/list", nil, nil, &list); err != nil {
		return nil, err
	}
	add("team", list)
	if x.person.sees() {
		users, err := x.limited("/user/list", "page_size", nil)
		if err != nil {
			return nil, err
		}
		add("user", users)
		list = nil
		if err := x.call(http.MethodGet, "/customer/list", nil, nil, &list); err != nil {
			return nil, err
		}
		add("customer", list)
	}
	slices.SortStableFunc(rows, func(a, b leftRow) int {
		return cmp.Or(cmp.Compare(b.Share(), a.Share()), cmp.Compare(a.Left, b.Left), cmp.Compare(a.Name, b.Name))
	})
	return rows, nil
}

// limited reads the pages of a list.
func (x *exchange) limited(path, size string, query url.Values) (all []limitedThing, err error) {
	for page := 1; len(all) < mostLimited; page++ {
		q := url.Values{"page": {strconv.Itoa(page)}, size: {strconv.Itoa(mostItems)}}
		maps.Copy(q, query)
		var got struct {
			Keys  []limitedThing `json:"keys"`
			Users []limitedThing `json:"users"`
			Pages int            `json:"total_pages"`
		}
		if err := x.call(http.MethodGet, path, q, nil, &got); err != nil {
			return nil, err
		}
		all = append(append(all, got.Keys...), got.Users...)
		if page >= got.Pages || len(got.Keys)+len(got.Users) == 0 {
			return all, nil
		}
	}
	return all, nil
}
