package ui

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
)

// teamData is what the page of a team shows.
type teamData struct {
	ID, Name string
	Facts    []fact
	Members  []member
	// Changes is whether the person can change members at all; the API decides about each change.
	Changes bool
	CSRF    string
	Problem *Error
	// Values are those of the form that was refused.
	Values member
}

// member is a member of a team.
type member struct {
	ID, Email, Label, Role string
	Spent, Budget          string
	// Most is the budget as it is entered, Anew after which time it begins anew, and Resets when that is next.
	Most, Anew, Resets string
	Requests, Tokens   string // a minute
}

// team shows a team with its members.
func (x *exchange) team() error { return x.showTeam(http.StatusOK, &teamData{}) }

// showTeam shows a team, with what d has already.
func (x *exchange) showTeam(status int, d *teamData) error {
	d.ID, d.CSRF = x.r.PathValue("id"), x.h.token(&x.session)
	d.Changes = of(x.person.Role)&(operators|members) != 0
	var got struct {
		Info struct {
			ID      string   `json:"team_id"`
			Alias   string   `json:"team_alias"`
			Models  []string `json:"models"`
			Spend   float64  `json:"spend"`
			Most    *float64 `json:"max_budget"`
			Resets  string   `json:"budget_reset_at"`
			Blocked bool     `json:"blocked"`
			Members []struct {
				ID    string `json:"user_id"`
				Email string `json:"user_email"`
				Role  string `json:"role"`
			} `json:"members_with_roles"`
		} `json:"team_info"`
		Memberships []struct {
			ID     string  `json:"user_id"`
			Spend  float64 `json:"spend"`
			Budget *struct {
				Most     *float64 `json:"max_budget"`
				Anew     string   `json:"budget_duration"`
				Resets   string   `json:"budget_reset_at"`
				Requests *int64   `json:"rpm_limit"`
				Tokens   *int64   `json:"tpm_limit"`
			} `json:"litellm_budget_table"`
		} `json:"team_memberships"`
		Keys []jsonx.Raw `json:"keys"`
	}
	if err := x.call(http.MethodGet, "/team/info", url.Values{"team_id": {d.ID}}, nil, &got); err != nil {
		return err
	}
	t := &got.Info
	d.Name = cmp.Or(t.Alias, t.ID)
	most, blocked := "", ""
	if t.Most != nil {
		most = dollars(*t.Most)
	}
	if t.Blocked {
		blocked = "yes"
	}
	d.Facts = facts("Id", t.ID, "Models", cmp.Or(strings.Join(t.Models, ", "), "all"), "Spent", dollars(t.Spend), "Budget", most, "Begins anew", moment(t.Resets), "Keys", strconv.Itoa(len(got.Keys)), "Blocked", blocked)
	for _, u := range t.Members {
		m := member{ID: u.ID, Email: u.Email, Role: u.Role, Label: cmp.Or(u.Email, u.ID)}
		for i := range got.Memberships {
			of := &got.Memberships[i]
			if of.ID != u.ID {
				continue
			}
			m.Spent = dollars(of.Spend)
			if b := of.Budget; b != nil {
				if b.Most != nil {
					m.Budget, m.Most = dollars(*b.Most), money(*b.Most)
				}
				m.Anew, m.Resets = b.Anew, moment(b.Resets)
				if b.Requests != nil {
					m.Requests = whole(*b.Requests)
				}
				if b.Tokens != nil {
					m.Tokens = whole(*b.Tokens)
				}
			}
		}
		d.Members = append(d.Members, m)
	}
	return x.show(status, "team", d.Name, d)
}

// moment is a time of the API for people.
func moment(text string) string { return formTime.text(jsonx.AppendString(nil, text)) }

// memberFields are the limits of a member, with their names in the API.
func memberFields() []field {
	return []field{
		{"max_budget_in_team", "Budget in the team, USD", "", formNumber, nil},
		{"budget_duration", "Budget begins anew after", "such as 30d, 24h", formText, nil},
		{"rpm_limit", "Requests a minute", "", formNumber, nil},
		{"tpm_limit", "Tokens a minute", "", formNumber, nil},
	}
}

// changeMember adds, changes or removes a member of a team.
func (x *exchange) changeMember() error {
	team, act := x.r.PathValue("id"), x.r.PathValue("act")
	user := strings.TrimSpace(x.r.PostFormValue("user"))
	role := x.r.PostFormValue("role")
	paths := map[string]string{"add": "/team/member_add", "edit": "/team/member_update", "remove": "/team/member_delete"}
	if paths[act] == "" {
		return x.nothing()
	}
	name := "user_id"
	if act == "add" && strings.Contains(user, "@") {
		name = "user_email"
	}
	var w jsonx.Writer
	w.Object()
	w.Key("team_id")
	w.String(team)
	if act == "add" {
		w.Key("member")
		w.Object()
		w.Key("role")
		w.String(role)
	}
	w.Key(name)
	w.String(user)
	if act == "add" {
		w.EndObject()
	}
	if act == "edit" && role != x.r.PostFormValue("was_role") {
		w.Key("role")
		w.String(role)
	}
	var err error
	if user == "" {
		err = &Error{Status: http.StatusBadRequest, Message: "Enter the id or the e-mail address of a user."}
	}
	for _, f := range memberFields() {
		text := strings.TrimSpace(x.r.PostFormValue(f.Name))
		if act == "remove" || text == strings.TrimSpace(x.r.PostFormValue("was_"+f.Name)) {
			continue
		}
		value, wrong := f.value(text)
		if wrong != nil && err == nil {
			err = wrong
			continue
		}
		w.Key(f.Name)
		w.Raw(value)
	}
	w.EndObject()
	if err == nil {
		err = x.call(http.MethodPost, paths[act], nil, w.Buf, nil)
	}
	if e, ok := errors.AsType[*Error](err); ok {
		d := &teamData{Problem: e}
		if act == "add" {
			d.Values = member{ID: user, Role: role, Most: x.r.PostFormValue("max_budget_in_team"), Anew: x.r.PostFormValue("budget_duration"), Requests: x.r.PostFormValue("rpm_limit"), Tokens: x.r.PostFormValue("tpm_limit")}
		}
		return x.showTeam(e.Status, d)
	}
	if err != nil {
		return err
	}
	http.Redirect(x.w, x.r, Path+"/teams/"+url.PathEscape(team), http.StatusSeeOther)
	return nil
}
