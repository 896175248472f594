package admin

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

// credentialFields are those of POST /credentials and of a change of a credential.
func credentialFields() []field {
	return []field{
		{name: "credential_name", form: text},
		{name: "display_name", form: text},
		{name: "credential_values", form: object},
		{name: "credential_info", form: object},
		{name: "credential_values_to_delete", form: texts},
	}
}

// newCredential serves POST /credentials.
func (x *exchange) newCredential() ([]byte, error) {
	given, err := x.storable(credentialFields())
	if err != nil {
		return nil, err
	}
	name := given.text("credential_name")
	switch {
	case name == "":
		return nil, invalid("credential_name", "credential_name must be given.")
	case given.get("credential_values") == nil:
		return nil, invalid("credential_values", "credential_values must be given: an object with settings of a provider.")
	case x.h.opt.Models.ConfiguredCredential(name):
		return nil, &Error{Status: http.StatusConflict, Type: typeValidation, Param: "credential_name", Message: "The credential " + clip(name) + " is in the configuration's file, and can only be changed there."}
	}
	t := &thing{Entity: store.Entity{Kind: store.KindCredential, ID: name, Created: x.now, Updated: x.now}, doc: &document{}}
	t.doc.put("credential_name", name)
	t.doc.put("created_by", x.caller.name())
	if err := x.fillCredential(t, given); err != nil {
		return nil, err
	}
	existing := &Error{Status: http.StatusConflict, Type: typeBadRequest, Param: "credential_name", Message: "There is a credential " + clip(name) + " already. Change it with PATCH /credentials/" + clip(name) + ", or delete it first."}
	if err := x.add(existing, t); err != nil {
		return nil, err
	}
	return credentialDone("Credential created successfully"), nil
}

func credentialDone(message string) []byte {
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key("success")
		w.Bool(true)
		w.Key("message")
		w.String(message)
		w.EndObject()
	})
}

// fillCredential writes what a request says into a credential.
func (x *exchange) fillCredential(t *thing, given *document) error {
	values := parse(t.doc.get("credential_values"))
	remove := given.texts("credential_values_to_delete")
	for _, m := range parse(given.get("credential_values")).members {
		switch {
		case slices.Contains(remove, m.Name):
			return refused("credential_values_to_delete", "credential_values and credential_values_to_delete both have %s.", clip(m.Name))
		case m.Value.Kind() == 'n' || sensitive(m.Name) && masked(m.Value): // a client sends back what it has read
			continue
		}
		sealed, err := x.seal(m.Value, "credential")
		if err != nil {
			return err
		}
		values.set(m.Name, sealed)
	}
	values.drop(remove...)
	t.doc.set("credential_values", values.bytes())
	info := parse(t.doc.get("credential_info"))
	for _, m := range parse(given.get("credential_info")).members {
		info.set(m.Name, m.Value)
	}
	t.doc.set("credential_info", info.bytes())
	if given.has("display_name") {
		t.doc.set("display_name", given.get("display_name"))
	}
	x.touch(t)
	return nil
}

// sensitive reports whether a setting's name is that of a secret (LiteLLM, _SENSITIVE_KEYWORDS).
func sensitive(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"authorization", "token", "key", "secret", "credentials", "password", "passwd"}, func(word string) bool { return strings.Contains(name, word) })
}

// shortMask stands for secrets of at most four characters.
const shortMask = "*****"

// hidden hides the secrets in a value, as LiteLLM does: of a text, two characters at each end remain.
func hidden(v jsonx.Raw, secret bool) jsonx.Raw {
	switch v.Kind() {
	case '{':
		d := parse(v)
		for i, m := range d.members {
			d.members[i].Value = hidden(m.Value, secret || sensitive(m.Name))
		}
		return d.bytes()
	case '[':
		var items []jsonx.Raw
		if jsonx.Unmarshal(v, &items) != nil {
			return jsonx.Raw("null")
		}
		for i := range items {
			items[i] = hidden(items[i], secret)
		}
		return jsonx.Array(items)
	case '"':
		letters := []rune(jsonx.Word(v))
		switch {
		case !secret:
			return v
		case len(letters) <= 4:
			return quote(shortMask)
		}
		return quote(string(letters[:2]) + "****" + string(letters[len(letters)-2:]))
	default:
		return v
	}
}

// masked reports whether a value is what hidden makes.
func masked(v jsonx.Raw) bool {
	letters := []rune(jsonx.Word(v))
	return string(letters) == shortMask || len(letters) == 8 && string(letters[2:6]) == "****"
}

// credentialShown is a credential as answers have it. Values that cannot be decrypted are not there.
func (x *exchange) credentialShown(t *thing) *document {
	values := parse(t.doc.get("credential_values"))
	for i, m := range values.members {
		plain := jsonx.Raw("null")
		if x.h.opt.Models != nil {
			if v, err := x.h.opt.Models.Open(m.Value); err == nil {
				plain = hidden(v, sensitive(m.Name))
			}
		}
		values.members[i].Value = plain
	}
	d := &document{}
	d.put("credential_name", t.ID)
	d.set("display_name", t.doc.get("display_name"))
	d.set("credential_info", t.doc.get("credential_info"))
	d.set("credential_values", values.bytes())
	d.put("source", "db")
	return d
}

// credential reads the credential that the path names.
func (x *exchange) credential() (*thing, error) {
	name := x.r.PathValue("credential_name")
	t, err := x.entity(store.KindCredential, name)
	if !errors.Is(err, store.ErrNotFound) {
		return t, err
	}
	if m := x.h.opt.Models; m != nil && m.ConfiguredCredential(name) {
		return nil, &Error{Status: http.StatusMethodNotAllowed, Type: typeValidation, Param: "credential_name", Message: "The credential " + clip(name) + " is in the configuration's file, and can only be seen and changed there."}
	}
	return nil, absent("credential_name", "There is no credential %s: GET /credentials lists them.", clip(name))
}

// listCredentials serves GET /credentials.
func (x *exchange) listCredentials() ([]byte, error) {
	found, _, err := x.entities(store.Filter{Kind: store.KindCredential, Ascending: true})
	if err != nil {
		return nil, err
	}
	all := []jsonx.Raw{}
	for _, t := range found {
		all = append(all, x.credentialShown(t).bytes())
	}
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key("success")
		w.Bool(true)
		w.Key("credentials")
		w.Raw(jsonx.Array(all))
		w.EndObject()
	}), nil
}

// getCredential serves GET /credentials/by_name/{credential_name}.
func (x *exchange) getCredential() ([]byte, error) {
	t, err := x.credential()
	if err != nil {
		return nil, err
	}
	return x.credentialShown(t).bytes(), nil
}

// patchCredential serves PATCH /credentials/{credential_name}.
func (x *exchange) patchCredential() ([]byte, error) {
	given, err := x.storable(credentialFields())
	if err != nil {
		return nil, err
	}
	t, err := x.credential()
	if err != nil {
		return nil, err
	}
	if name := given.text("credential_name"); name != "" && name != t.ID {
		return nil, refused("credential_name", "credential_name cannot be changed. Set display_name to change how the credential is shown.")
	}
	if err := x.fillCredential(t, given); err != nil {
		return nil, err
	}
	if err := x.put(t); err != nil {
		return nil, err
	}
	return credentialDone("Credential updated successfully"), nil
}

// deleteCredential serves DELETE /credentials/{credential_name}.
func (x *exchange) deleteCredential() ([]byte, error) {
	if err := x.storing(); err != nil {
		return nil, err
	}
	t, err := x.credential()
	if err != nil {
		return nil, err
	}
	if err := x.change(store.Change{Delete: []store.Ref{{Kind: t.Kind, ID: t.ID}}}); err != nil {
		return nil, err
	}
	return credentialDone("Credential deleted successfully"), nil
}

// modelCredential serves /credentials/by_model/{model_id}: the settings with which a model of the database is reached, with their
// secrets masked.
func (x *exchange) modelCredential() ([]byte, error) {
	id := x.r.PathValue("model_id")
	t, err := x.entity(store.KindModel, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, absent("model_id", "No model of the database has the id %s: GET /model/info lists the ids.", clip(id))
	}
	if err != nil {
		return nil, err
	}
	values := &document{}
	for _, m := range parse(t.doc.get("litellm_params")).members {
		if !slices.Contains(connectionSettings(), m.Name) || x.h.opt.Models == nil {
			continue
		}
		if v, err := x.h.opt.Models.Open(m.Value); err == nil {
			values.set(m.Name, hidden(v, sensitive(m.Name)))
		}
	}
	d := &document{}
	d.put("credential_name", t.doc.text("model_name")+"-credential-"+t.ID)
	d.set("credential_info", jsonx.Raw("{}"))
	d.set("credential_values", values.bytes())
	return d.bytes(), nil
}

// connectionSettings are those of litellm_params that reach a model (litellm/types/router.py, CredentialLiteLLMParams).
func connectionSettings() []string {
	return []string{
		"api_key", "api_base", "api_version", "vertex_project", "vertex_location", "vertex_credentials", "region_name", "aws_access_key_id", "aws_secret_access_key",
		"aws_region_name", "aws_bedrock_runtime_endpoint", "watsonx_region_name",
	}
}
