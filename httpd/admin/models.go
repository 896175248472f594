package admin

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

// Models serves the models of the store beside those of the configuration's file.
type Models interface {
	// Stored reports whether it does: general_settings.store_model_in_db.
	Stored() bool
	// Configured reports whether the file has an entry with an id.
	Configured(id string) bool
	// ConfiguredCredential reports whether the file has a credential with a name.
	ConfiguredCredential(name string) bool
	// Seal encrypts the texts in a value, and Open decrypts them. The error says what the operator has to do.
	Seal(v jsonx.Raw) (jsonx.Raw, error)
	Open(v jsonx.Raw) (jsonx.Raw, error)
	// Check says what keeps a model, as the store has it, from being served, and which of its settings have no effect.
	Check(ctx context.Context, doc []byte) (faults []Fault, without []string, err error)
}

// Fault is something that is wrong with a model.
type Fault struct{ Field, Message string }

// typeValidation is LiteLLM's type for a value that cannot be.
const typeValidation = "validation_error"

// modelFields are those of /model/new and of the changes of a model.
func modelFields() []field {
	return []field{
		{name: "model_name", form: text},
		{name: "litellm_params", form: object},
		{name: "model_info", form: object},
		{name: "litellm_params_to_remove", form: texts},
		{name: "blocked", form: truth},
	}
}

// storing refuses a change where models of the store are not served, as LiteLLM does.
func (x *exchange) storing() error {
	if m := x.h.opt.Models; m != nil && m.Stored() {
		return nil
	}
	return &Error{Status: http.StatusInternalServerError, Type: typeInternal, Message: "Set STORE_MODEL_IN_DB='True' in the gateway's environment, or general_settings.store_model_in_db: true in its configuration, to enable this."}
}

// storable reads a request that changes what the store has of models and credentials, where they are served.
func (x *exchange) storable(fields []field) (*document, error) {
	if err := x.storing(); err != nil {
		return nil, err
	}
	return x.given(fields)
}

// seal encrypts the texts in a setting; what is what it belongs to.
func (x *exchange) seal(v jsonx.Raw, what string) (jsonx.Raw, error) {
	sealed, err := x.h.opt.Models.Seal(v)
	if err != nil {
		return nil, &Error{Status: http.StatusInternalServerError, Type: typeInternal, Message: "The " + what + " cannot be encrypted: " + err.Error() + "."}
	}
	return sealed, nil
}

// newModel serves /model/new.
func (x *exchange) newModel() ([]byte, error) {
	given, err := x.storable(modelFields())
	if err != nil {
		return nil, err
	}
	switch {
	case given.text("model_name") == "":
		return nil, invalid("model_name", "model_name must be given.")
	case given.get("litellm_params") == nil:
		return nil, invalid("litellm_params", "litellm_params must be given: an object with model and the settings to reach it.")
	}
	info := parse(given.get("model_info"))
	id := info.text("id")
	if id == "" {
		id = newID()
	}
	t := &thing{Entity: store.Entity{Kind: store.KindModel, ID: id, Created: x.now, Updated: x.now}, doc: &document{}}
	t.doc.put("model_id", id)
	t.doc.put("created_by", x.caller.name())
	team, err := x.fillModel(t, given, nil)
	if err != nil {
		return nil, err
	}
	change := store.Change{Put: rows([]*thing{t})}
	if team == nil {
		change.Create = true
	} else { // which exists
		there, err := x.exists(store.KindModel, id)
		if err != nil {
			return nil, err
		}
		if there {
			return nil, modelExists(id)
		}
		change.Put = append(change.Put, team.row())
	}
	err = x.change(change)
	if errors.Is(err, store.ErrExists) {
		return nil, modelExists(id)
	}
	if err != nil {
		return nil, err
	}
	return x.modelShown(t).bytes(), nil
}

func modelExists(id string) error {
	return refused("model_info.id", "There is a model with the id %s already. Change it with PATCH /model/%s/update, or give another id.", clip(id), clip(id))
}

// fillModel writes what a request says into a model, and checks it. The team is to be written with it, unless it is nil.
func (x *exchange) fillModel(t *thing, given *document, remove []string) (team *thing, err error) {
	if name := given.text("model_name"); name != "" && t.TeamID == "" { // a team's model is renamed in the team only
		t.doc.put("model_name", name)
		t.Alias = name
	}
	params := parse(t.doc.get("litellm_params"))
	for _, m := range parse(given.get("litellm_params")).members {
		if m.Value.Kind() == 'n' {
			if clearable(m.Name) {
				remove = append(remove, m.Name)
			}
			continue
		}
		sealed, err := x.seal(m.Value, "model")
		if err != nil {
			return nil, err
		}
		params.set(m.Name, sealed)
	}
	params.drop(remove...)
	t.doc.set("litellm_params", params.bytes())
	info := parse(t.doc.get("model_info"))
	for _, m := range parse(given.get("model_info")).members {
		switch {
		case slices.Contains([]string{"id", "db_model", "created_at", "updated_at", "created_by", "updated_by"}, m.Name):
		case m.Value.Kind() != 'n':
			info.set(m.Name, m.Value)
		case clearable(m.Name):
			info.drop(m.Name)
		}
	}
	info.put("id", t.ID)
	if team, err = x.placeModel(t, info, given); err != nil {
		return nil, err
	}
	t.doc.set("model_info", info.bytes())
	if v := given.get("blocked"); v != nil {
		t.doc.set("blocked", v)
	}
	x.touch(t)
	faults, without, err := x.h.opt.Models.Check(x.r.Context(), t.doc.bytes())
	if err != nil {
		return nil, err
	}
	x.dropped = append(x.dropped, without...)
	if len(faults) == 0 {
		return team, nil
	}
	messages := make([]string, len(faults))
	for i, f := range faults {
		messages[i] = f.Message
	}
	return nil, refused(faults[0].Field, "%s", strings.Join(messages, "\n"))
}

// clearable reports whether null takes back a setting; of others it says nothing, as in LiteLLM.
func clearable(name string) bool {
	return name == "litellm_credential_name" || name == "cache_control_injection_points" || strings.Contains(name, "_cost_per_") || strings.HasSuffix(name, "_cost")
}

// modelShown is a model as answers have it: its settings are encrypted, as LiteLLM's are.
func (x *exchange) modelShown(t *thing) *document {
	d := &document{members: slices.Clone(t.doc.members)}
	d.set("blocked", strconv.AppendBool(nil, t.doc.yes("blocked")))
	d.set("created_at", moment(t.Created))
	d.set("updated_at", moment(t.Updated))
	return d
}

// updateModel serves /model/update.
func (x *exchange) updateModel() ([]byte, error) {
	given, err := x.storable(modelFields())
	if err != nil {
		return nil, err
	}
	id := parse(given.get("model_info")).text("id")
	switch {
	case id == "":
		return nil, refused("model_info.id", "model_info.id must be given: GET /model/info lists the ids.")
	case given.get("litellm_params") == nil:
		return nil, refused("litellm_params", "litellm_params must be given.")
	}
	t, err := x.entity(store.KindModel, id)
	if errors.Is(err, store.ErrNotFound) {
		if x.h.opt.Models.Configured(id) {
			return nil, inFile(id)
		}
		return nil, refused("model_info.id", "No model has the id %s: GET /model/info lists the ids.", clip(id))
	}
	if err != nil {
		return nil, err
	}
	return x.changeModel(t, given, nil)
}

// inFile is the refusal to change a model of the configuration's file.
func inFile(id string) error {
	return &Error{Status: http.StatusBadRequest, Type: typeValidation, Param: "id", Message: "The model " + clip(id) + " is in the configuration's file and can only be changed there. Add a model that can be changed with /model/new."}
}

// patchModel serves PATCH /model/{model_id}/update.
func (x *exchange) patchModel() ([]byte, error) {
	t, err := x.storedModel(x.r.PathValue("model_id"))
	if err != nil {
		return nil, err
	}
	given, err := x.given(modelFields())
	if err != nil {
		return nil, err
	}
	return x.changeModel(t, given, given.texts("litellm_params_to_remove"))
}

func (x *exchange) changeModel(t *thing, given *document, remove []string) ([]byte, error) {
	team, err := x.fillModel(t, given, remove)
	if err != nil {
		return nil, err
	}
	all := []*thing{t}
	if team != nil {
		all = append(all, team)
	}
	if err := x.put(all...); err != nil {
		return nil, err
	}
	return x.modelShown(t).bytes(), nil
}

// blockModel serves /model/block and /model/unblock: a model that is blocked stays in the database and is not served.
func (x *exchange) blockModel(blocked bool) ([]byte, error) {
	given, err := x.given([]field{{name: "model_id", form: text}})
	if err != nil {
		return nil, err
	}
	id := given.text("model_id")
	if id == "" {
		return nil, invalid("model_id", "model_id must be given: the id of a model.")
	}
	t, err := x.storedModel(id)
	if err != nil {
		return nil, err
	}
	t.doc.set("blocked", strconv.AppendBool(nil, blocked))
	x.touch(t)
	if err := x.put(t); err != nil {
		return nil, err
	}
	return x.modelShown(t).bytes(), nil
}

// storedModel reads a model that can be changed.
func (x *exchange) storedModel(id string) (*thing, error) {
	if m := x.h.opt.Models; m == nil || !m.Stored() {
		return nil, &Error{Status: http.StatusBadRequest, Type: typeValidation, Message: "Only models of the database can be changed: set STORE_MODEL_IN_DB='True' in the gateway's environment, or general_settings.store_model_in_db: true in its configuration."}
	}
	t, err := x.entity(store.KindModel, id)
	if errors.Is(err, store.ErrNotFound) {
		if x.h.opt.Models.Configured(id) {
			return nil, inFile(id)
		}
		return nil, absent("model_id", "No model has the id %s: GET /model/info lists the ids.", clip(id))
	}
	return t, err
}

// deleteModel serves /model/delete.
func (x *exchange) deleteModel() ([]byte, error) {
	body, err := x.object()
	if err != nil {
		return nil, err
	}
	id := jsonx.Word(jsonx.Find(body, "id"))
	if id == "" {
		return nil, invalid("id", "id must be given: the id of a model.")
	}
	if err := x.storing(); err != nil {
		return nil, err
	}
	if x.h.opt.Models.Configured(id) {
		return nil, inFile(id)
	}
	t, err := x.entity(store.KindModel, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, refused("id", "No model of the database has the id %s: GET /model/info lists the ids.", clip(id))
	}
	if err != nil {
		return nil, err
	}
	change := store.Change{Delete: []store.Ref{{Kind: store.KindModel, ID: id}}}
	team, err := x.withoutModel(t)
	if err != nil {
		return nil, err
	}
	if team != nil {
		change.Put = rows([]*thing{team})
	}
	if err := x.change(change); err != nil {
		return nil, err
	}
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key("message")
		w.String("Model: " + id + " deleted successfully")
		w.EndObject()
	}), nil
}
