package takeover

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/internal/seal"
	"outcrop/store"
)

// ModelOptions say how models and credentials are taken over.
type ModelOptions struct {
	// From are the keys that LiteLLM has encrypted them with, and To those of the gateway that will serve them. What To can
	// decrypt stays as LiteLLM has encrypted it.
	From, To *seal.Keys
	// Check says why a model cannot be served, as an entry of model_list in plain text beside credentials in plain text; empty
	// if it can. It may be nil.
	Check func(entry jsonx.Raw, credentials map[string]jsonx.Raw) string
}

// AddModels adds LiteLLM's models and credentials to the plan, as the management API stores them. The error is ErrWrongKey if
// there are encrypted values, and none can be decrypted.
func (p *Plan) AddModels(ctx context.Context, s *Source, opt *ModelOptions) error {
	m := &storing{reading: reading{Models: &Models{}, secrets: opt.From}, to: opt.To}
	plain := map[string]jsonx.Raw{}
	credentials := p.table(credentialsTable)
	err := s.each(ctx, credentialsTable, "r.credential_name", nil, func(r row) error {
		credentials.Rows++
		name := r.text("credential_name")
		values, ok, err := m.values(r, "credential_values", credentialsTable, name)
		if err != nil || !ok {
			return err
		}
		plain[name] = values.plain.bytes()
		info := r.object("credential_info").members
		write := func(sealed *doc) []byte {
			d := &doc{}
			d.put("credential_name", name)
			d.put("created_by", r.text("created_by"))
			d.set("credential_values", sealed.bytes())
			d.set("credential_info", (&doc{info}).bytes())
			d.put("updated_by", r.text("updated_by"))
			return d.bytes()
		}
		p.addStored(credentials, r, store.KindCredential, name, name, write(values.sealed), write(values.source))
		return nil
	})
	if err != nil {
		return err
	}
	models := p.table(modelsTable)
	err = s.each(ctx, modelsTable, "r.model_name, r.created_at, r.model_id", nil, func(r row) error {
		models.Rows++
		name, id := r.text("model_name"), r.text("model_id")
		params, ok, err := m.values(r, "litellm_params", modelsTable, name)
		if err != nil || !ok {
			return err
		}
		info := modelInfo(r)
		if reason := unservable(opt, r, params.plain, info, plain); reason != "" {
			m.leave(modelsTable, name, reason)
			return nil
		}
		write := func(sealed *doc) []byte {
			d := &doc{}
			d.put("model_id", id)
			d.put("created_by", r.text("created_by"))
			d.put("model_name", name)
			d.set("litellm_params", sealed.bytes())
			d.set("model_info", info.bytes())
			if string(r.get("blocked")) == "true" {
				d.set("blocked", r.get("blocked"))
			}
			d.put("updated_by", r.text("updated_by"))
			return d.bytes()
		}
		p.addStored(models, r, store.KindModel, id, name, write(params.sealed), write(params.source))
		p.entities[len(p.entities)-1].TeamID = jsonx.Word(info.get("team_id"))
		return nil
	})
	if err != nil {
		return err
	}
	if m.sealed > 0 && m.opened == 0 {
		return ErrWrongKey
	}
	p.Left = append(p.Left, m.Left...)
	return nil
}

// unservable says why a model cannot be served; empty if it can.
func unservable(opt *ModelOptions, r row, params, info *doc, credentials map[string]jsonx.Raw) string {
	if opt.Check == nil {
		return ""
	}
	// What the gateway reads from its own environment cannot be judged here.
	params = &doc{slices.DeleteFunc(slices.Clone(params.members), func(m jsonx.Member) bool {
		text := jsonx.Word(m.Value)
		return strings.HasPrefix(text, "os.environ/") || strings.HasPrefix(text, "os.file/")
	})}
	entry := &doc{}
	entry.set("model_name", r.get("model_name"))
	entry.set("litellm_params", params.bytes())
	entry.set("model_info", info.bytes())
	if reason := opt.Check(entry.bytes(), credentials); reason != "" {
		return "it cannot be served, so it is not taken: " + reason
	}
	return ""
}

// noteModels notes which models, credentials and policies LiteLLM has, so that those which were taken over before are not taken for gone.
func (p *Plan) noteModels(ctx context.Context, s *Source) error {
	for _, of := range [...]struct {
		table, id string
		kind      store.Kind
	}{{modelsTable, "model_id", store.KindModel}, {credentialsTable, "credential_name", store.KindCredential}, {policiesTableName, "policy_id", store.KindPolicy}, {attachmentsTableName, "attachment_id", store.KindAttachment}} {
		err := s.each(ctx, of.table, "", nil, func(r row) error {
			p.present[store.Ref{Kind: of.kind, ID: r.text(of.id)}] = true
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *Plan) addStored(t *Table, r row, kind store.Kind, id, alias string, sealed, source []byte) {
	e := &entity{Entity: store.Entity{Kind: kind, ID: id, Alias: alias, Doc: sealed}, table: t, source: source}
	e.Created, e.Updated = r.time("created_at"), r.time("updated_at")
	t.Taken++
	p.entities = append(p.entities, e)
}

// storing is the reading of models that are encrypted again.
type storing struct {
	reading

	to *seal.Keys
}

// settings are an object with its texts in plain text, encrypted for Outcrop, and as LiteLLM has them.
type settings struct{ plain, sealed, source *doc }

// values decrypts and encrypts the texts of an object; ok is false if one cannot be decrypted, which is noted.
func (m *storing) values(r row, column, table, name string) (s settings, ok bool, err error) {
	plain, ok := m.open(r, column, table, name)
	if !ok {
		return s, false, nil
	}
	s = settings{plain, &doc{slices.Clone(plain.members)}, &doc{}}
	for i, member := range plain.members {
		source := r.object(column).get(member.Name)
		s.source.set(member.Name, source)
		if source.Kind() != '"' {
			continue
		}
		if _, err := m.to.Open(jsonx.Word(source)); err == nil {
			s.sealed.members[i].Value = source
			continue
		}
		sealed, err := m.to.Seal(jsonx.Word(member.Value))
		if err != nil {
			return s, false, fmt.Errorf("encrypting %s.%s of %s: %w", column, member.Name, name, err)
		}
		s.sealed.members[i].Value = jsonx.AppendString(nil, sealed)
	}
	return s, true, nil
}
