package cli

import (
	"context"
	"fmt"
	"net/url"
	"strings"
)

// thingKind is a kind of what keys belong to, as the API has it.
type thingKind struct {
	noun, command string
	// id is the member with the id, and names are members that name a thing too.
	id    string
	names []string
	// path is that of the list, whose pages have a size of the name size and are the member member. The list of
	// budgets has no pages, and is the answer itself.
	path, size, member string
}

func teamKind() thingKind {
	return thingKind{"team", "outcrop teams", "team_id", []string{"team_alias"}, "/v2/team/list", "page_size", "teams"}
}

func userKind() thingKind {
	return thingKind{"user", "outcrop users", "user_id", []string{"user_email", "user_alias"}, "/user/list", "page_size", "users"}
}

func budgetKind() thingKind {
	return thingKind{"budget", "outcrop budgets", "budget_id", nil, "/budget/list", "", ""}
}

// things reads all things of a kind; those whose id or alias contains search, if that is not empty.
func (m *manager) things(ctx context.Context, k thingKind, search string) ([]object, error) {
	if k.member == "" {
		answer, err := m.get(ctx, k.path, nil)
		if err != nil {
			return nil, err
		}
		all, err := objectsOf(answer)
		if err != nil {
			return nil, m.stranger()
		}
		return all, nil
	}
	q := url.Values{}
	if search != "" {
		q.Set("search", search)
	}
	return m.list(ctx, k.path, k.size, k.member, q)
}

// named finds the thing that a word names by its id or another name, and returns its id.
func (m *manager) named(ctx context.Context, k thingKind, word string) (string, error) {
	for _, search := range [...]string{word, ""} { // the search does not look at every name
		all, err := m.things(ctx, k, search)
		if err != nil {
			return "", explained(err)
		}
		var ids, names []string
		for _, o := range all {
			id := o.text(k.id)
			if id == word {
				return id, nil
			}
			names = append(names, id)
			for _, name := range k.names {
				if other := o.text(name); other != "" {
					names = append(names, other)
					if strings.EqualFold(other, word) {
						ids = append(ids, id)
					}
				}
			}
		}
		switch {
		case len(ids) == 1:
			return ids[0], nil
		case len(ids) > 1:
			return "", &hinted{fmt.Sprintf("%q is the name of %d %ss", word, len(ids), k.noun), "Name one by its id: " + strings.Join(ids, ", ") + "."}
		case search == "" || k.member == "":
			return "", unknown(k.noun, word, names, k.command)
		}
	}
	return "", nil // not reached: the second search is of all
}

// ids finds the things that words name.
func (m *manager) ids(ctx context.Context, k thingKind, words []string) ([]string, error) {
	ids := make([]string, len(words))
	for i, word := range words {
		var err error
		if ids[i], err = m.named(ctx, k, word); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// with calls do with the gateway that the flags name.
func (f *adminFlags) with(ctx context.Context, con console, do func(m *manager) error) error {
	m, err := f.open(ctx, con.err)
	if err != nil {
		return err
	}
	defer m.close()
	return explained(do(m))
}

// printThings prints a list as a table, or as JSON. more says how the first one is made.
func (f *outputFlags) printThings(con console, all []object, t *table, more string) error {
	switch {
	case f.JSON:
		return f.printObjects(con, all)
	case len(all) == 0:
		fmt.Fprintln(con.err, more)
	default:
		t.show(con)
	}
	return nil
}

// limitColumns are the columns of limits.
func limitColumns() []column {
	return []column{
		{head: "SPENT $", worth: 10, right: true},
		{head: "BUDGET $", worth: 9, right: true},
		{head: "RESETS", worth: 4},
		{head: "RPM", worth: 5, right: true},
		{head: "TPM", worth: 5, right: true},
	}
}

// limitCells are the cells of limitColumns.
func limitCells(o object) []string {
	return []string{o.money("spend"), o.money("max_budget"), o.date("budget_reset_at"), o.text("rpm_limit"), o.text("tpm_limit")}
}
