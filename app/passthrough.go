package app

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"outcrop"
	"outcrop/config"
	"outcrop/gateway"
	"outcrop/httpd/admin"
	"outcrop/httpd/passthrough"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/store"
)

// passThroughs returns what lists the operator's endpoints at any moment: those of the store, and those of the file whose paths the store has
// not.
func (a *App) passThroughs(cfg *config.Config) func() []passthrough.Endpoint {
	file := make([]passthrough.Endpoint, 0, len(cfg.PassThrough))
	for i := range cfg.PassThrough {
		file = append(file, served(a.client, cfg, &cfg.PassThrough[i]))
	}
	if !cfg.Accounting.StoreModels {
		return func() []passthrough.Endpoint { return file }
	}
	return func() []passthrough.Endpoint {
		stored := a.added.servedEndpoints()
		if len(stored) == 0 {
			return file
		}
		all := slices.Clone(stored)
		for i := range file {
			if !slices.ContainsFunc(stored, func(p passthrough.Endpoint) bool { return p.Path == file[i].Path }) {
				all = append(all, file[i])
			}
		}
		return all
	}
}

// served is an endpoint as the frontend has it.
func served(client *outcrop.Client, cfg *config.Config, p *config.PassThrough) passthrough.Endpoint {
	return passthrough.Endpoint{
		Endpoint: gateway.Endpoint{Name: p.Path, To: client.PassThrough(p), Cost: p.Cost, Silence: cmp.Or(p.Timeout, cfg.PassThroughTimeout, passThroughTimeout)},
		Path:     p.Path, Subpaths: p.Subpaths, Methods: p.Methods, Public: p.Public, Strict: p.Strict, ForwardHeaders: p.ForwardHeaders, Query: p.Query,
	}
}

// passThroughTimeout is LiteLLM's (1.110.2, general_settings.pass_through_request_timeout).
const passThroughTimeout = 600 * time.Second

// servedEndpoints are the endpoints of the database when it was read last. Nobody may change the list.
func (d *added) servedEndpoints() []passthrough.Endpoint {
	if all := d.endpoints.Load(); all != nil {
		return *all
	}
	return nil
}

// reloadEndpoints serves the endpoints that the database has now.
func (d *added) reloadEndpoints(ctx context.Context, s *store.Store) error {
	found, _, err := s.Entities(ctx, &store.Filter{Kind: store.KindPassThrough, Ascending: true})
	if err != nil {
		return err
	}
	all := make([]passthrough.Endpoint, 0, len(found))
	for i := range found {
		e := &found[i]
		p, problems, err := d.endpoint("the endpoint with the id "+e.ID, e.Doc)
		if err == nil && p == nil {
			err = &outcrop.ConfigError{Problems: problems}
		}
		if err != nil {
			d.warn(e, "an endpoint of the database cannot be served", err)
			continue
		}
		all = append(all, served(d.client, d.client.Config(), p))
	}
	d.endpoints.Store(&all)
	return nil
}

// endpoint reads an endpoint, as the store has it, as the configuration's are read; nil if it cannot be served.
func (d *added) endpoint(path string, doc []byte) (*config.PassThrough, []config.Problem, error) {
	members, err := jsonx.Members(doc)
	if err != nil {
		return nil, nil, err
	}
	members = slices.DeleteFunc(members, func(m jsonx.Member) bool {
		return m.Value.Kind() == 'n' || m.Name == "created_by" || m.Name == "updated_by"
	})
	for i, m := range members {
		if !slices.Contains(admin.SealedOfPassThroughs(), m.Name) {
			continue
		}
		if m.Value.Kind() == '{' {
			members[i].Value, err = d.openMembers(m.Value)
		} else {
			members[i].Value, err = d.Open(m.Value)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	p, problems := d.client.Config().AddedPassThrough(path, object(members))
	return p, problems, nil
}

// storedEndpoints lets the management API change the endpoints of the store. It implements admin.PassThroughs.
type storedEndpoints struct{ *added }

// Configured are the endpoints of the file.
func (s storedEndpoints) Configured() (all []admin.PassThrough) {
	cfg := s.client.Config()
	for i := range cfg.PassThrough {
		p := &cfg.PassThrough[i]
		cost := p.Cost.Value // nothing if it is not set
		one := admin.PassThrough{
			ID: p.ID, Path: p.Path, Target: p.Target.Reveal(), Query: p.Query, Subpaths: p.Subpaths, Public: p.Public, Methods: p.Methods, Cost: cost, Timeout: p.Timeout,
		}
		for _, h := range p.Headers {
			one.Headers = append(one.Headers, llm.Label{Name: h.Name, Value: h.Value.Reveal()})
		}
		all = append(all, one)
	}
	return all
}

// Check says what keeps an endpoint, as the store has it, from being served.
func (s storedEndpoints) Check(doc []byte) (faults []admin.Fault, err error) {
	p, problems, err := s.endpoint(inBody, doc)
	if err != nil {
		return []admin.Fault{{Message: err.Error() + "."}}, nil //nolint:nilerr // the caller is told what is wrong
	}
	for _, problem := range problems {
		if problem.Severity == config.Error || p == nil {
			problem.Path = strings.TrimPrefix(strings.TrimPrefix(problem.Path, inBody), ".")
			faults = append(faults, admin.Fault{Field: problem.Path, Message: strings.TrimPrefix(problem.String(), problem.Severity.String()+": ")})
		}
	}
	return faults, nil
}
