package takeover

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/internal/seal"
)

// ErrWrongKey is returned if no value of the models and credentials can be decrypted.
var ErrWrongKey = errors.New("no value of LiteLLM's models and credentials can be decrypted with the salt key or the master key")

// Models are LiteLLM's models and credentials as a part of a configuration.
type Models struct {
	// YAML is the text, with secrets; empty if there are none.
	YAML []byte
	// Models and Credentials are how many rows there are, and the others how many of them the text has.
	Models, Credentials           int
	TakenModels, TakenCredentials int
	// Left is what is not taken.
	Left []Left
}

// FirstLine is the first line of what Models.YAML has.
const FirstLine = "# Written by outcrop import litellm. It has secrets."

// ReadModels reads the models and credentials, and decrypts them. The error is ErrWrongKey if there are encrypted values,
// and none can be decrypted.
func ReadModels(ctx context.Context, s *Source, secrets *seal.Keys) (*Models, error) {
	m := &reading{Models: &Models{}, secrets: secrets}
	var models, credentials bytes.Buffer
	err := s.each(ctx, credentialsTable, "r.credential_name", nil, func(r row) error {
		m.Credentials++
		values, ok := m.open(r, "credential_values", credentialsTable, r.text("credential_name"))
		if !ok {
			return nil
		}
		m.TakenCredentials++
		d := &doc{}
		d.set("credential_name", r.get("credential_name"))
		d.set("credential_values", values.bytes())
		item(&credentials, d)
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = s.each(ctx, modelsTable, "r.model_name, r.created_at, r.model_id", nil, func(r row) error {
		m.Models.Models++
		params, ok := m.open(r, "litellm_params", modelsTable, r.text("model_name"))
		if !ok {
			return nil
		}
		if string(r.get("blocked")) == "true" {
			m.leave(modelsTable, r.text("model_name"), "the model is blocked")
			return nil
		}
		m.TakenModels++
		d := &doc{}
		d.set("model_name", r.get("model_name"))
		d.set("litellm_params", params.bytes())
		d.set("model_info", modelInfo(r).bytes())
		item(&models, d)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if m.sealed > 0 && m.opened == 0 {
		return nil, ErrWrongKey
	}
	if models.Len() > 0 || credentials.Len() > 0 {
		text := FirstLine + "\n"
		if models.Len() > 0 {
			text += "model_list:\n" + models.String()
		}
		if credentials.Len() > 0 {
			text += "credential_list:\n" + credentials.String()
		}
		m.YAML = []byte(text)
	}
	return m.Models, nil
}

// modelInfo is model_info without what the gateway knows by itself.
func modelInfo(r row) *doc {
	info := parse(r.json("model_info"))
	for _, name := range [...]string{"db_model", "blocked", "created_at", "updated_at", "created_by", "updated_by"} {
		info.drop(name)
	}
	info.members = slices.DeleteFunc(info.members, func(m jsonx.Member) bool { return m.Value.Kind() == 'n' })
	if id := r.text("model_id"); id != "" {
		info.put("id", id)
	}
	return info
}

// reading is Models that are being read.
type reading struct {
	*Models

	secrets        *seal.Keys
	opened, sealed int // values
}

func (m *reading) leave(table, field, reason string) {
	m.Left = append(m.Left, Left{Table: table, Field: field, Rows: 1, Reason: reason})
}

// open decrypts the texts of an object, each of which is encrypted by itself. Rows with one that cannot be decrypted are not
// taken: they would call with a wrong key or address.
func (m *reading) open(r row, column, table, name string) (*doc, bool) {
	d, ok := &doc{}, true
	for _, member := range r.object(column).members {
		kind := member.Value.Kind()
		if kind == 'n' {
			continue
		}
		if kind == '"' {
			var text string
			if jsonx.Unmarshal(member.Value, &text) != nil {
				continue
			}
			plain, err := m.secrets.Open(text)
			if err != nil {
				m.sealed++
				m.leave(table, name, column+"."+member.Name+" cannot be decrypted, so the row is not taken")
				ok = false
				continue
			}
			m.opened++
			member.Value = jsonx.AppendString(nil, plain)
		}
		d.members = append(d.members, member)
	}
	return d, ok
}

// item writes an object as an item of a list.
func item(to *bytes.Buffer, d *doc) {
	for i, m := range d.members {
		lead := "    "
		if i == 0 {
			lead = "  - "
		}
		to.WriteString(lead)
		value(to, m, 2)
	}
}

// value writes a member in YAML, of which JSON's scalars and texts are a part.
func value(to *bytes.Buffer, m jsonx.Member, depth int) {
	if plainName(m.Name) {
		to.WriteString(m.Name)
	} else {
		to.Write(jsonx.AppendString(nil, m.Name))
	}
	to.WriteByte(':')
	if m.Value.Kind() == '{' && !empty(m.Value) {
		to.WriteByte('\n')
		for _, inner := range parse(m.Value).members {
			to.WriteString(strings.Repeat("  ", depth+1))
			value(to, inner, depth+1)
		}
		return
	}
	to.WriteByte(' ')
	to.Write(m.Value)
	to.WriteByte('\n')
}

// plainName reports whether a name needs no quotes.
func plainName(name string) bool {
	words := []string{"", "null", "true", "false", "yes", "no", "on", "off", "y", "n"}
	return !slices.Contains(words, name) && !strings.ContainsFunc(name, func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') })
}
