package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"outcrop"
	"outcrop/config"
	"outcrop/httpd"
	"outcrop/httpd/admin"
	"outcrop/httpd/passthrough"
	"outcrop/internal/jsonx"
	"outcrop/internal/seal"
	"outcrop/store"
)

// added keeps the models of the database served beside those of the configuration. It implements admin.Models.
type added struct {
	client  *outcrop.Client
	tenants *tenants
	demo    *demo // nil without the emulator
	keys    *seal.Keys
	// variable is where the key for models and credentials comes from.
	variable string
	logger   *slog.Logger

	mu     sync.Mutex // one at a time reads all
	warned map[store.Ref]int64
	// stored is what the database had of models when it was read last.
	stored atomic.Pointer[storedModels]
	// endpoints are those that pass requests on, as they were read last.
	endpoints atomic.Pointer[[]passthrough.Endpoint]
	// hub is what everybody may see of models, as it was read last.
	hub atomic.Pointer[httpd.Hub]
	// cache is where the database says that answers are kept, as it was read last; nil if it says nothing.
	cache atomic.Pointer[config.Cache]
	// changed is called when all has been read.
	changed func() error
}

// storedModels are the models of the database.
type storedModels struct {
	// about has members of model_info by the ids of entries: when a model was made and changed, and by whom.
	about map[string][]jsonx.Member
	// blocked are the models that are not served, because they are blocked.
	blocked []config.Model
}

// newAdded makes it for a client.
func newAdded(a *App) *added {
	cfg := a.client.Config()
	salt, key := cfg.Getenv(a.opt.Environ)("LITELLM_SALT_KEY"), cfg.General.MasterKey.Reveal()
	variable := "LITELLM_SALT_KEY"
	if salt == "" {
		variable = "the master key (LITELLM_MASTER_KEY or general_settings.master_key), because LITELLM_SALT_KEY is not set"
	}
	return &added{
		client: a.client, tenants: a.tenants, demo: a.demo, keys: seal.NewKeys(salt, key), variable: variable, logger: a.opt.Logger,
		warned: map[store.Ref]int64{}, changed: a.followCache,
	}
}

// had is what the database had of models when it was read last.
func (d *added) had() *storedModels {
	if s := d.stored.Load(); s != nil {
		return s
	}
	return &storedModels{}
}

// Stored reports whether models of the database are served.
func (d *added) Stored() bool { return d.client.Config().Accounting.StoreModels }

// Configured reports whether the configuration has an entry with an id.
func (d *added) Configured(id string) bool {
	return slices.ContainsFunc(d.client.Config().Models, func(m config.Model) bool { return m.ID == id })
}

// ConfiguredCredential reports whether the configuration has a credential.
func (d *added) ConfiguredCredential(name string) bool { return d.client.Config().HasCredential(name) }

// Seal encrypts the texts in a value.
func (d *added) Seal(v jsonx.Raw) (jsonx.Raw, error) {
	return eachText(v, func(text string) (string, error) {
		sealed, err := d.keys.Seal(text)
		if err != nil {
			return "", fmt.Errorf("%w: set LITELLM_SALT_KEY, and start the gateway again", err)
		}
		return sealed, nil
	})
}

// Open decrypts a value. LiteLLM leaves the texts within lists and objects as they are.
func (d *added) Open(v jsonx.Raw) (jsonx.Raw, error) {
	top := v.Kind() == '"'
	return eachText(v, func(text string) (string, error) {
		plain, err := d.keys.Open(text)
		switch {
		case err == nil:
			return plain, nil
		case top:
			return "", fmt.Errorf("%w with %s; set it to what it was when this was written", err, d.variable)
		default:
			return text, nil
		}
	})
}

// openMembers decrypts the members of an object. The error names the member.
func (d *added) openMembers(v jsonx.Raw) (jsonx.Raw, error) {
	members, err := jsonx.Members(v)
	if err != nil {
		return nil, err
	}
	for i, m := range members {
		if members[i].Value, err = d.Open(m.Value); err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
	}
	return object(members), nil
}

func object(members []jsonx.Member) jsonx.Raw {
	var w jsonx.Writer
	w.Object()
	w.Members(members)
	w.EndObject()
	return w.Buf
}

// eachText changes the texts in a value.
func eachText(v jsonx.Raw, change func(string) (string, error)) (jsonx.Raw, error) {
	switch v.Kind() {
	case '"':
		text, err := change(jsonx.Word(v))
		return jsonx.AppendString(nil, text), err
	case '{':
		members, err := jsonx.Members(v)
		if err != nil {
			return nil, err
		}
		for i, m := range members {
			if members[i].Value, err = eachText(m.Value, change); err != nil {
				return nil, err
			}
		}
		return object(members), nil
	case '[':
		var items []jsonx.Raw
		if err := jsonx.Unmarshal(v, &items); err != nil {
			return nil, err
		}
		for i := range items {
			var err error
			if items[i], err = eachText(items[i], change); err != nil {
				return nil, err
			}
		}
		return jsonx.Array(items), nil
	default:
		return v, nil
	}
}

// entry is a model as an entry of model_list, in clear.
func (d *added) entry(doc []byte) (jsonx.Raw, error) {
	members, err := jsonx.Members(doc)
	if err != nil {
		return nil, err
	}
	params, err := d.openMembers(jsonx.Find(members, "litellm_params"))
	if err != nil {
		return nil, err
	}
	return object([]jsonx.Member{
		{Name: "model_name", Value: jsonx.Find(members, "model_name")},
		{Name: "litellm_params", Value: params},
		{Name: "model_info", Value: jsonx.Find(members, "model_info")},
	}), nil
}

// credentials reads the credentials of the database, in clear. One that cannot be decrypted is left out, which is
// logged.
func (d *added) credentials(ctx context.Context, s *store.Store) (map[string]jsonx.Raw, error) {
	found, _, err := s.Entities(ctx, &store.Filter{Kind: store.KindCredential})
	if err != nil {
		return nil, err
	}
	all := map[string]jsonx.Raw{}
	for i := range found {
		members, err := jsonx.Members(found[i].Doc)
		var values jsonx.Raw
		if err == nil {
			values, err = d.openMembers(jsonx.Find(members, "credential_values"))
		}
		if err != nil {
			d.warn(&found[i], "a credential of the database cannot be used", err)
			continue
		}
		all[found[i].ID] = values
	}
	return all, nil
}

// warn logs what is wrong with an entity, once for each of its revisions.
func (d *added) warn(e *store.Entity, message string, err error) {
	ref := store.Ref{Kind: e.Kind, ID: e.ID}
	if d.warned[ref] == e.Revision {
		return
	}
	d.warned[ref] = e.Revision
	d.logger.Error(message, slog.String("name", e.Alias), slog.String("id", e.ID), slog.String("error", err.Error()))
}

// inBody is the path of an entry that a request has; messages leave it out.
const inBody = "body"

// Check says what keeps a model from being served.
func (d *added) Check(ctx context.Context, doc []byte) (faults []admin.Fault, without []string, err error) {
	p, err := d.tenants.get(ctx)
	if err != nil {
		return nil, nil, err
	}
	entry, err := d.entry(doc)
	if err != nil {
		return []admin.Fault{{Field: "litellm_params", Message: "litellm_params." + err.Error() + "."}}, nil, nil //nolint:nilerr // the caller is told what is wrong
	}
	d.mu.Lock()
	credentials, err := d.credentials(ctx, p.store)
	d.mu.Unlock()
	if err != nil {
		return nil, nil, err
	}
	models, problems := d.entries(inBody, entry, credentials)
	if models != nil {
		wrong, err := d.client.CheckAddition(models)
		if err != nil {
			return nil, nil, err
		}
		problems = append(problems, wrong...)
	}
	for _, p := range problems {
		p.Path = strings.TrimPrefix(strings.TrimPrefix(p.Path, inBody), ".")
		if p.Severity == config.Error {
			faults = append(faults, admin.Fault{Field: p.Path, Message: strings.TrimPrefix(p.String(), p.Severity.String()+": ")})
		} else {
			without = append(without, p.Path)
		}
	}
	return faults, without, nil
}

// entries reads an entry as the configuration's are read.
func (d *added) entries(path string, entry jsonx.Raw, credentials map[string]jsonx.Raw) ([]config.Model, []config.Problem) {
	models, problems := d.client.Config().Entry(&config.Addition{Path: path, Entry: entry, Credentials: credentials})
	if d.demo != nil {
		for i := range models {
			d.demo.point(&models[i])
		}
	}
	return models, problems
}

// reload serves what the database has now: models, endpoints, policies and the response cache.
func (d *added) reload(ctx context.Context, s *store.Store) error {
	if err := d.read(ctx, s); err != nil {
		return err
	}
	return d.changed()
}

// read serves what the database has now, but for the response cache.
func (d *added) read(ctx context.Context, s *store.Store) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	credentials, err := d.credentials(ctx, s)
	if err != nil {
		return err
	}
	found, _, err := s.Entities(ctx, &store.Filter{Kind: store.KindModel, Ascending: true})
	if err != nil {
		return err
	}
	var additions []outcrop.Addition
	stored := &storedModels{about: map[string][]jsonx.Member{}}
	names := map[[2]string]string{} // of models of teams, by the team and its name for them
	for _, m := range d.client.Config().Models {
		names[[2]string{m.Team, m.Public}] = m.Name
	}
	for i := range found {
		e := &found[i]
		members, err := jsonx.Members(e.Doc)
		if err != nil {
			continue
		}
		entry, err := d.entry(e.Doc)
		if err != nil {
			d.warn(e, "a model of the database cannot be served", fmt.Errorf("litellm_params.%w", err))
			continue
		}
		models, problems := d.entries("the model with the id "+e.ID, entry, credentials)
		if models == nil {
			d.warn(e, "a model of the database cannot be served", &outcrop.ConfigError{Problems: problems})
			continue
		}
		parts := []string{versionOf(entry, credentials)}
		for i := range models {
			m := &models[i]
			stored.about[m.ID] = aboutStored(e, members)
			if m.Team == "" {
				continue
			}
			// Several models that a team uses by one name are deployments of one.
			key := [2]string{m.Team, m.Public}
			if names[key] == "" {
				names[key] = m.Name
			}
			m.Name = names[key]
			parts = append(parts, m.Name)
		}
		if string(jsonx.Find(members, "blocked")) == "true" || models[0].Blocked {
			stored.blocked = append(stored.blocked, models...)
			continue
		}
		additions = append(additions, outcrop.Addition{Version: strings.Join(parts, " "), Models: models})
	}
	if err := d.reloadEndpoints(ctx, s); err != nil {
		return err
	}
	if err := d.reloadHub(ctx, s); err != nil {
		return err
	}
	if err := d.reloadPolicies(ctx, s); err != nil {
		return err
	}
	if err := d.readCache(ctx, s); err != nil {
		return err
	}
	d.client.SetAdditions(additions)
	d.stored.Store(stored)
	return nil
}

// aboutStored is what model_info says of when a model was made and changed, and by whom.
func aboutStored(e *store.Entity, doc []jsonx.Member) []jsonx.Member {
	moment := func(t time.Time) jsonx.Raw { return jsonx.AppendString(nil, t.UTC().Format(time.RFC3339Nano)) }
	all := []jsonx.Member{{Name: "created_at", Value: moment(e.Created)}, {Name: "updated_at", Value: moment(e.Updated)}}
	for _, name := range [...]string{"created_by", "updated_by"} {
		if v := jsonx.Find(doc, name); v != nil {
			all = append(all, jsonx.Member{Name: name, Value: v.Clone()})
		}
	}
	return all
}

// versionOf changes with an entry, and with the credential that it names.
func versionOf(entry jsonx.Raw, credentials map[string]jsonx.Raw) string {
	members, _ := jsonx.Members(entry)                                // it was made of members
	params, _ := jsonx.Members(jsonx.Find(members, "litellm_params")) // and so were they
	h := sha256.New()
	_, _ = h.Write(entry)
	_, _ = h.Write(credentials[jsonx.Word(jsonx.Find(params, "litellm_credential_name"))])
	return hex.EncodeToString(h.Sum(nil))
}

// concerns reports whether a change is one of models, credentials, endpoints that pass requests on, policies, or settings.
func concerns(refs []store.Ref) bool {
	return slices.ContainsFunc(refs, func(r store.Ref) bool {
		switch r.Kind {
		case store.KindModel, store.KindCredential, store.KindPassThrough, store.KindPolicy, store.KindAttachment, store.KindSetting:
			return true
		default:
			return false
		}
	})
}

// followEvery is how often changes by other replicas are asked for.
const followEvery = 250 * time.Millisecond

// begin serves the models of the database before the first call, if that can be reached.
func (d *added) begin(ctx context.Context) (revision int64) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	revision, err := d.step(ctx, 0)
	if err != nil {
		d.logger.Error("the models of the database are not served yet", slog.String("error", err.Error()))
	}
	return revision
}

// step serves what has changed after a revision, and returns the next one.
func (d *added) step(ctx context.Context, after int64) (int64, error) {
	p, err := d.tenants.get(ctx)
	if err != nil {
		return after, err
	}
	refs, upto, err := p.store.Changes(ctx, after)
	if err != nil || !concerns(refs) {
		return max(after, upto), err
	}
	if err := d.reload(ctx, p.store); err != nil {
		return after, err
	}
	return upto, nil
}

// follow serves what replicas change, until the context ends.
func (d *added) follow(ctx context.Context, revision int64) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	failed := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var err error
		if revision, err = d.step(ctx, revision); err != nil && !failed && ctx.Err() == nil {
			d.logger.Warn("changes of models cannot be read", slog.String("error", err.Error()))
		}
		failed = err != nil
	}
}
