package admin

import (
	"errors"
	"slices"
	"strings"

	"outcrop/store"
)

// placeModel gives a model that is a team's its name in the gateway, which nobody else's model has, and its name in the team, as
// LiteLLM does. The team comes back if it is to be written with the model: what its keys may use has to have that name.
func (x *exchange) placeModel(t *thing, info, given *document) (*thing, error) {
	id := info.text("team_id")
	if id == "" {
		info.drop("team_public_model_name")
		t.TeamID = ""
		return nil, nil //nolint:nilnil // it is nobody's
	}
	team, err := x.entity(store.KindTeam, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, refused("model_info.team_id", "There is no team %s. Make it with /team/new first, or leave out team_id.", clip(id))
	}
	if err != nil {
		return nil, err
	}
	prefix := "model_name_" + id + "_"
	public := parse(given.get("model_info")).text("team_public_model_name")
	if name := given.text("model_name"); public == "" && name != "" && !strings.HasPrefix(name, prefix) {
		public = name
	}
	if public == "" {
		public = info.text("team_public_model_name")
	}
	if public == "" { // of a model that was nobody's
		public = t.doc.text("model_name")
	}
	if strings.Contains(public, "*") {
		return nil, refused("model_name", "The model of a team cannot have the name %s: a * is not possible there. Give the full name of one model.", clip(public))
	}
	if !strings.HasPrefix(t.Alias, prefix) || t.TeamID != id {
		t.Alias = prefix + newID()
	}
	t.doc.put("model_name", t.Alias)
	t.TeamID = id
	info.put("team_public_model_name", public)
	if have := team.doc.texts("models"); len(have) > 0 && !slices.Contains(have, public) { // an empty list allows all
		team.doc.set("models", quoteAll(append(have, public)))
		x.touch(team)
		return team, nil
	}
	return nil, nil //nolint:nilnil // the team stays as it is
}

// withoutModel is the team of a model that is about to go, without its name among what its keys may use, unless another model has
// the same; nil if the team stays as it is.
func (x *exchange) withoutModel(t *thing) (*thing, error) {
	if t.TeamID == "" {
		return nil, nil //nolint:nilnil // it is nobody's
	}
	team, err := x.entity(store.KindTeam, t.TeamID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil //nolint:nilnil // the team is gone
	}
	if err != nil {
		return nil, err
	}
	public := parse(t.doc.get("model_info")).text("team_public_model_name")
	others, _, err := x.entities(store.Filter{Kind: store.KindModel, TeamID: t.TeamID})
	if err != nil {
		return nil, err
	}
	have := team.doc.texts("models")
	at := slices.Index(have, public)
	if at < 0 || slices.ContainsFunc(others, func(o *thing) bool {
		return o.ID != t.ID && parse(o.doc.get("model_info")).text("team_public_model_name") == public
	}) {
		return nil, nil //nolint:nilnil // the team stays as it is
	}
	if have = slices.Delete(have, at, at+1); len(have) == 0 {
		have = []string{"no-default-models"} // an empty list would allow all
	}
	team.doc.set("models", quoteAll(have))
	x.touch(team)
	return team, nil
}
