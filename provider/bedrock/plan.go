package bedrock

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strings"

	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/converse"
	"outcrop/provider/bedrock/endpoint"
	"outcrop/provider/bedrock/inventory"
	"outcrop/provider/bedrock/invoke"
	"outcrop/provider/bedrock/modelid"
	"outcrop/provider/bedrock/openai"
	"outcrop/provider/bedrock/resolve"
)

// plan holds the targets of one model string. It is made again when the inventory changes.
type plan struct {
	generation uint64            // of the inventory's state
	targets    []provider.Target // of *target
	err        error             // why there are none
}

// maxKnown bounds the plans that are cached, because clients choose the model strings of a
// wildcard.
const maxKnown = 1024

// target is one target of a model: a provider.Target and an llm.Pricer.
type target struct {
	d             *deployment
	model         *converse.Model
	described     modelid.ID     // what determines the model's capabilities
	facts         *catalog.Model // nil if unknown
	end           *endpoint.Endpoint
	whole, stream *url.URL
	host          string
	wholePath     string
	streamPath    string

	// of InvokeModel
	invokeModel                       *invoke.Model
	invokeWhole, invokeStream         *url.URL
	invokeWholePath, invokeStreamPath string

	openai surfaced

	destination llm.Destination // Region is also what is signed for
	base        string          // the base model; empty if unknown
	places      []string        // where calls may be processed; none for anywhere
	placed      bool            // places are known
	noFormat    bool            // send no schema for the response, because AWS refused it
	noStrict    bool            // send no strict tools, because AWS refused them
	noConverse  bool            // do not call by Converse, because AWS refused the model there
	noInvoke    bool            // do not call by InvokeModel, because AWS refused the model there
	onNone      bool            // AWS refused the model at both
	limited     bool            // AWS refused this call's limit, which has been lowered
	noCount     bool            // do not ask AWS to count tokens, because it refused that for the model
	lacks       []string        // further features of Anthropic's bodies that AWS refused
	suspects    []string        // those of lacks that are betas that AWS may have refused
	doubted     bool            // AWS refused a beta again, after some were left out on suspicion
	route       modelid.Route   // Auto, or the API that the model string names
	price       *catalog.Price
	warnings    []llm.Warning
}

// Targets returns the targets of a model string, best first.
func (d *deployment) Targets(verb llm.Verb, model string) ([]provider.Target, error) {
	if verb == llm.VerbService {
		return d.services()
	}
	p, err := d.plan(model)
	if err != nil {
		return nil, requestError(err)
	}
	if p.err != nil {
		return nil, requestError(p.err)
	}
	return p.targets, nil
}

// plan returns the plan for a model string by the current state of the inventory.
func (d *deployment) plan(model string) (*plan, error) {
	state := d.account.Snapshot()
	d.mu.RLock()
	p := d.plans[model]
	d.mu.RUnlock()
	if p != nil && p.generation == state.Generation {
		return p, nil
	}
	p, err := d.resolve(model, state)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.plans) >= maxKnown {
		clear(d.plans)
	}
	d.plans[strings.Clone(model)] = p
	return p, nil
}

// asked is a model string as a deployment interprets it.
type asked struct {
	id     modelid.ID // what is called
	model  modelid.ID // what determines the model's capabilities
	region string     // the default region
	policy resolve.Policy
	named  bool // model is another than id, by the setting model_id
	// instead is the API that the string names and Converse replaces for models other than Claude,
	// with the same requests and responses; Auto if it names none.
	instead modelid.Route
	// route is the API that the string names; Auto if it names none.
	route modelid.Route
}

// ask parses a model string.
func (d *deployment) ask(model string) (asked, error) {
	if route := modelid.Mantle.String() + "/"; d.overrides.mantle && !strings.HasPrefix(model, route) {
		model = route + model
	}
	id, err := modelid.Parse(model)
	if err != nil {
		return asked{}, err
	}
	a := asked{id: id, model: id, region: d.home, policy: d.policy}
	switch id.Route {
	case modelid.Converse, modelid.Invoke, modelid.Mantle:
		a.route = id.Route
	default: // it names no API that is called here
	}
	switch {
	case id.Route == modelid.Auto || id.Route == modelid.Converse || id.Route == modelid.Nova || id.Route == modelid.Nova2:
	case id.Route == modelid.Invoke && (!d.policy.Strict || id.Vendor == vendorAnthropic):
		a.instead = id.Route
	case id.Route == modelid.Mantle && (!d.policy.Strict || d.onMantle(id)):
		a.instead = id.Route
	case id.Route == modelid.ChatCompletions && !d.policy.Strict, id.Route == modelid.OpenAI && !d.policy.Strict && d.has(id):
		a.instead = id.Route
	default:
		return asked{}, d.noRoute(id)
	}
	if own := d.params.Values["model_id"]; own != "" {
		if a.id, err = modelid.Parse(own); err != nil {
			return asked{}, err
		}
		a.named = true
	}
	if d.overrides.region != "" {
		a.id.Region = d.overrides.region
	}
	if a.id.CallRegion() != "" { // the request's and the deployment's region take precedence
		end, err := d.runtime(cmp.Or(d.overrides.region, d.region(a.id, id)))
		if err != nil {
			return asked{}, err
		}
		a.id.Region = end.Region
		if a.id.ARN != (modelid.ARN{}) {
			a.id.ARN.Region = end.Region
		}
	}
	return a, nil
}

// has reports whether the catalogue has a model or a profile with an id.
func (d *deployment) has(id modelid.ID) bool {
	known := d.account.Snapshot().Catalogue
	_, isModel := known.Model(id.ModelID())
	_, isProfile := known.Profile(id.ModelID())
	return isModel || isProfile
}

// onMantle reports whether bedrock-mantle has OpenAI's API for a model.
func (d *deployment) onMantle(id modelid.ID) bool {
	m, ok := d.account.Snapshot().Catalogue.Model(id.Base())
	return ok && openai.Mantle(m) != nil
}

// noRoute is the error for a route of a model string that is not served.
func (d *deployment) noRoute(id modelid.ID) error {
	e := llm.Unsupported("model", "the route %s/ is not supported", id.Route)
	e.Fix = "Leave " + id.Route.String() + "/ out to call the model through Converse."
	maker, foreign := d.account.Snapshot().Catalogue.Elsewhere(id.ModelID())
	switch {
	case foreign: // LiteLLM's name of a provider
		e.Fix = id.ModelID() + " is " + maker + "'s and is not on Bedrock; run outcrop models to list what is."
	case id.Route == modelid.OpenAI && id.ARN.Kind == modelid.ImportedModel:
		e.Message = "imported models are not called with OpenAI's body of InvokeModel, which the route openai/ asks for."
		e.Fix = "Leave openai/ out: Converse serves imported models for which Bedrock knows the chat template."
	case id.Route == modelid.OpenAI:
		e.Message = "the route openai/ is for the ARNs of imported models and for ids of Bedrock, and " + id.ModelID() + " is neither."
		e.Fix = "For a model of OpenAI itself, configure a name with model: openai/" + id.ModelID() + "; run outcrop models to list what is on Bedrock."
	}
	return e
}

func (d *deployment) resolve(model string, state *inventory.State) (*plan, error) {
	a, err := d.ask(model)
	if err != nil {
		return nil, err
	}
	decision := decide(a, state)
	p := &plan{generation: state.Generation}
	for _, w := range decision.Candidates {
		to, err := d.target(a, w, state.Catalogue)
		if err != nil {
			return nil, err
		}
		to.without(state)
		p.targets = append(p.targets, to)
	}
	if len(p.targets) == 0 {
		p.err = refusal(decision.Refusal)
	}
	return p, nil
}

func decide(a asked, state *inventory.State) resolve.Decision {
	return resolve.Resolve(a.id, a.region, a.policy, state.Catalogue, resolve.Observed{NeedsProfile: state.NeedsProfile, InvalidID: state.InvalidID})
}

// refusal is the error for a model that the policy leaves no target for.
func refusal(r *resolve.Refusal) error {
	e := &llm.Error{Code: llm.CodeModelWrongPlace, Status: 400, Param: "model", Actor: llm.ActorOperator, Message: r.Message + "."}
	switch {
	case len(r.Works) > 0:
		e.Fix = "These would work under another policy or from another region: " + strings.Join(r.Works, ", ") + "."
	default:
		e.Fix = "The gateway's operator can change outcrop_settings.bedrock.policy, or model_info.outcrop.policy of the deployment."
	}
	return e
}

// target makes a target of a candidate.
func (d *deployment) target(a asked, w resolve.Candidate, known *catalog.Catalogue) (*target, error) {
	if err := regionError(w.Region); err != nil {
		return nil, err
	}
	end, err := d.runtime(w.Region)
	if err != nil {
		return nil, err
	}
	to := &target{
		d:      d,
		end:    end,
		whole:  end.URL("", "model", w.ID, "converse"),
		stream: end.URL("", "model", w.ID, "converse-stream"),

		invokeWhole:  end.URL("", "model", w.ID, opInvoke),
		invokeStream: end.URL("", "model", w.ID, opInvokeStream),

		host:        end.Host,
		route:       a.route,
		destination: llm.Destination{API: w.API, Region: end.Region, ID: w.ID, Note: d.params.Note, Reason: w.Reason},
		base:        w.Base,
	}
	to.places, to.placed = placesOf(known, w)
	described := a.model // what determines the model's capabilities
	if base, err := modelid.Parse(w.Base); err == nil && (!a.named || a.model.Base() == "") {
		described = base
	}
	facts, _ := known.Model(described.Base())
	to.described, to.facts = described, facts
	if err := to.surface(w, facts); err != nil {
		return nil, err
	}
	to.invokeModel = invoke.NewModel(described.Vendor, described.Name, facts)
	if a.instead != modelid.Auto && w.API == "converse" && (a.instead != modelid.Invoke || !to.claude()) {
		served := a.instead.String() + "/ is served by Converse"
		if to.claude() { // by InvokeModel if the call has a body of Anthropic's
			served = a.instead.String() + "/ is served by bedrock-runtime"
		}
		to.destination.Reason = served + "; " + w.Reason
		to.warnings = append(to.warnings, llm.Warning{Code: llm.WarnChanged, Field: "model", Detail: served})
	}
	to.wholePath, to.streamPath = to.whole.EscapedPath(), to.stream.EscapedPath()
	to.invokeWholePath, to.invokeStreamPath = to.invokeWhole.EscapedPath(), to.invokeStream.EscapedPath()
	to.model = converse.NewModel(described.Vendor, described.Name, facts)
	if m, ok := known.Model(w.Base); ok {
		to.price = priceOf(known, m, w)
		to.warnings = append(to.warnings, lifeWarnings(m, d.now())...)
	}
	if w.Base == "" && a.id.ARN.Kind != modelid.NoARN && d.lists(w.Region) {
		d.account.ResolveARN(w.Region, w.ID, d.get)
	}
	return to, nil
}

// placesOf are the regions in which a candidate's calls may be processed, none for any; false if they are not known.
func placesOf(known *catalog.Catalogue, w resolve.Candidate) ([]string, bool) {
	id, err := modelid.Parse(w.ID)
	if err != nil {
		return nil, false
	}
	if p, ok := known.Profile(w.ID); ok {
		if p.Worldwide() {
			return nil, true
		}
		if to := p.Destinations(w.Region); len(to) > 0 {
			return append(slices.Clone(to), w.Region), true
		}
	}
	switch {
	case id.Geography != "":
		g, ok := known.Geography(id.Geography)
		if !ok || !g.Worldwide && len(g.To) == 0 {
			return nil, false
		}
		if g.Worldwide {
			return nil, true
		}
		return append(slices.Clone(g.To), w.Region), true
	case id.ARN.Kind == modelid.InferenceProfile, id.ARN.Kind == modelid.ApplicationInferenceProfile:
		return nil, false
	default:
		return []string{w.Region}, true
	}
}

// priceOf returns the price of calls of a target; nil if it is unknown, or if calls are not priced
// by token.
func priceOf(known *catalog.Catalogue, m *catalog.Model, w resolve.Candidate) *catalog.Price {
	id, err := modelid.Parse(w.ID)
	if err != nil {
		return nil
	}
	prefix := id.Geography
	if p, ok := known.Profile(w.ID); ok {
		prefix = p.Prefix
	}
	switch id.ARN.Kind {
	case modelid.NoARN, modelid.FoundationModel, modelid.InferenceProfile:
	case modelid.ApplicationInferenceProfile:
		p, ok := known.Profile(w.ID)
		if !ok {
			return nil
		}
		if prefix, ok = prefixOf(known, p, w.Region); !ok {
			return nil
		}
	default:
		return nil
	}
	// A profile costs what its source region does unless a table has a price of its
	// own for it (https://docs.aws.amazon.com/bedrock/latest/userguide/cross-region-inference.html);
	// the tables' prices are those of commercial regions.
	price, exact := m.Price(prefix, w.Region)
	if !exact && endpoint.PartitionOf(w.Region).ID != "aws" {
		return nil
	}
	return price
}

// prefixOf gives the prefix of the profiles that lead where a profile of the
// account's does, empty if it leads to its own region alone: the price is the
// same.
func prefixOf(known *catalog.Catalogue, own *catalog.Profile, region string) (prefix string, ok bool) {
	to := own.Destinations(region)
	if !own.Worldwide() && len(to) == 1 {
		return "", to[0] == region
	}
	for _, p := range known.ProfilesOf(own.Base) {
		if own.Worldwide() && p.Worldwide() || len(to) > 0 && slices.Equal(p.Destinations(region), to) {
			return p.Prefix, true
		}
	}
	return "", false
}

// Cost is what usage costs by this way.
func (w *target) Cost(tier string, u *llm.Usage) (llm.Cost, bool) {
	t, ok := catalog.TierOf(tier)
	if !ok || w.price == nil {
		return 0, false
	}
	return w.price.Cost(t, u)
}

// Parts are the parts of what usage costs by this way.
func (w *target) Parts(tier string, u *llm.Usage) (llm.Parts, bool) {
	t, ok := catalog.TierOf(tier)
	if !ok || w.price == nil {
		return llm.Parts{}, false
	}
	return w.price.Parts(t, u)
}

// Location is the region that is called.
func (w *target) Location() string { return w.destination.Region }

// Places are the region that is called, and those to which its inference profile leads.
func (w *target) Places() ([]string, bool) { return w.places, w.placed }

// ID is the model id, profile id or ARN that is called, with what it is not given since
// AWS has refused that: it is then another target for the same call.
func (w *target) ID() string {
	id := w.destination.ID
	if w.noFormat {
		id += " without a schema"
	}
	if w.noStrict {
		id += " without strict tools"
	}
	if w.noConverse {
		id += " without Converse"
	}
	if w.noInvoke {
		id += " without InvokeModel"
	}
	if len(w.lacks) > 0 {
		id += " without " + strings.Join(w.lacks, ", ")
	}
	return id
}

var (
	_ provider.Observer  = (*deployment)(nil)
	_ provider.Lister    = (*deployment)(nil)
	_ provider.Readier   = (*deployment)(nil)
	_ provider.RawLister = (*deployment)(nil)
	_ llm.Pricer         = (*target)(nil)
)

// get makes one call of the control plane, or gets the list of bedrock-mantle.
func (d *deployment) get(ctx context.Context, region, query string, path ...string) ([]byte, error) {
	at := d.control
	if slices.Equal(path, inventory.MantleModels()) {
		at = d.mantle
	}
	end, err := at(region)
	if err != nil {
		return nil, err
	}
	return d.fetch(ctx, end, query, path...)
}

var _ inventory.Get = (*deployment)(nil).get
