package admin

import (
	"strconv"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

// PolicyReach is whom an attachment would be for, whatever the models of calls are.
type PolicyReach struct {
	// All is whether it is for all keys, and Teams whether it says something of teams.
	All, Teams bool
	// Keys is whether it names keys.
	Keys bool
	// Key and Team report whether it is for a key and for a team.
	Key, Team func(q *PolicyQuery) bool
}

// reachPage is how many keys or teams are read at once.
const reachPage = 1000

// reached are keys or teams that an attachment is for.
type reached struct {
	unnamed int
	names   []string
}

func (r *reached) add(t *thing) {
	if t.Alias == "" {
		r.unnamed++
		return
	}
	r.names = append(r.names, t.Alias)
}

// estimateImpact serves POST /policies/attachments/estimate-impact.
func (x *exchange) estimateImpact() ([]byte, error) {
	given, err := x.given(attachmentFields())
	if err != nil {
		return nil, err
	}
	if given.text("policy_name") == "" {
		return nil, invalid("policy_name", "policy_name must be given.")
	}
	in, err := x.inForce()
	if err != nil {
		return nil, err
	}
	reach, faults, err := in.Reach(given.bytes())
	if err := faulty(faults, err); err != nil {
		return nil, err
	}
	if reach.All {
		return impact(-1, -1, reached{names: []string{"(all keys)"}}, reached{names: []string{"(all teams)"}}), nil
	}
	var keys, teams reached
	all, byID := []*thing{}, map[string]*thing{}
	err = x.eachPage(store.Filter{Kind: store.KindTeam}, func(t *thing) { all, byID[t.ID] = append(all, t), t })
	if err != nil {
		return nil, err
	}
	withKey := map[string]bool{}
	err = x.eachPage(store.Filter{Kind: store.KindKey}, func(t *thing) {
		q := &PolicyQuery{Key: t.Alias, Tags: t.doc.metadata().texts("tags")}
		if team := byID[t.TeamID]; team != nil {
			q.Team = team.Alias
			q.Tags = append(q.Tags, team.doc.metadata().texts("tags")...)
		}
		if reach.Key(q) {
			keys.add(t)
			withKey[t.TeamID] = true
		}
	})
	if err != nil {
		return nil, err
	}
	if reach.Teams {
		for _, t := range all {
			if reach.Team(&PolicyQuery{Team: t.Alias, Tags: t.doc.metadata().texts("tags")}) && (!reach.Keys || withKey[t.ID]) {
				teams.add(t)
			}
		}
	}
	return impact(len(keys.names)+keys.unnamed, len(teams.names)+teams.unnamed, keys, teams), nil
}

// eachPage reads what a filter selects, page by page.
func (x *exchange) eachPage(f store.Filter, do func(t *thing)) error {
	for f.Limit = reachPage; ; f.Offset += f.Limit {
		found, total, err := x.entities(f)
		if err != nil {
			return err
		}
		for _, t := range found {
			do(t)
		}
		if len(found) == 0 || f.Offset+len(found) >= total {
			return nil
		}
	}
}

// impact is an answer in LiteLLM's form (litellm/types/proxy/policy_engine/resolver_types.py, AttachmentImpactResponse).
func impact(keyCount, teamCount int, keys, teams reached) []byte {
	const sampled = 10
	number := func(n int) jsonx.Raw { return strconv.AppendInt(nil, int64(n), 10) }
	d := &document{}
	d.set("affected_keys_count", number(keyCount))
	d.set("affected_teams_count", number(teamCount))
	d.set("unnamed_keys_count", number(keys.unnamed))
	d.set("unnamed_teams_count", number(teams.unnamed))
	d.set("sample_keys", quoteAll(keys.names[:min(sampled, len(keys.names))]))
	d.set("sample_teams", quoteAll(teams.names[:min(sampled, len(teams.names))]))
	return d.bytes()
}
