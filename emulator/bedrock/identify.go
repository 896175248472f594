package bedrock

import (
	"fmt"
	"slices"
	"strings"

	"outcrop/emulator/bedrock/catalogue"
)

// Kinds of resource in an ARN.
const (
	modelKind       = "foundation-model"
	profileKind     = "inference-profile"
	applicationKind = "application-inference-profile"
	provisionedKind = "provisioned-model"
	deploymentKind  = "custom-model-deployment"
	importedKind    = "imported-model"
	customKind      = "custom-model"
	guardrailKind   = "guardrail"
	asyncKind       = "async-invoke"
)

// identify returns the model for the id or ARN in the path of a call: a model id, the
// id of a system-defined inference profile, or an ARN of either, of an application
// inference profile, or of another model of the account. Refusals are in AWS's words.
func (e *Emulator) identify(c *call) (*catalogue.Model, error) {
	id := c.parameter
	if strings.HasPrefix(id, "arn:") {
		return e.identifyARN(c)
	}
	if m := c.catalogue.Model(id); m != nil {
		return bare(m, id, c.region)
	}
	return e.through(c, id)
}

// bare returns a model called by its own id; written is the id in the request.
func bare(m *catalogue.Model, written, region string) (*catalogue.Model, error) {
	switch {
	case m.OnDemand(region):
		return m, nil
	case m.In(region):
		// The apostrophe is U+2019 on the wire.
		return nil, invalid("Invocation of model ID %s with on-demand throughput isn\u2019t supported. "+
			"Retry your request with the ID or ARN of an inference profile that contains this model.", written)
	default:
		return nil, invalidIdentifier()
	}
}

// through returns the model of a system-defined inference profile.
func (e *Emulator) through(c *call, id string) (*catalogue.Model, error) {
	p, ok := c.catalogue.Profile(id, c.region)
	if !ok || p.Broken || slices.Contains(e.options.Broken, id) {
		return nil, invalidIdentifier()
	}
	return p.Model, nil
}

func (e *Emulator) identifyARN(c *call) (*catalogue.Model, error) {
	account, kind, id, ok := splitARN(c.parameter, c.region)
	if !ok {
		return nil, invalidIdentifier()
	}
	if kind == modelKind && account == "" {
		if m := c.catalogue.Model(id); m != nil {
			return bare(m, c.parameter, c.region)
		}
	}
	if account != e.options.Account {
		return nil, invalidIdentifier()
	}
	switch kind {
	case profileKind:
		return e.through(c, id)
	case applicationKind:
		for _, p := range e.options.Profiles {
			if p.ID != id || p.Region != c.region || slices.Contains(e.options.Broken, id) {
				continue
			}
			if c.catalogue.Model(p.Source) == nil { // a profile, which may be broken
				return e.through(c, p.Source)
			}
			if s, err := applicationSource(c.catalogue, p); err == nil {
				return s.model, nil
			}
		}
	case provisionedKind, deploymentKind, importedKind:
		if r := e.resource(kind, c.parameter, c.region); r != nil {
			if m := c.catalogue.Model(r.base); m != nil {
				return m, nil
			}
		}
		// The words are from public reports of InvokeModel.
		return nil, notFound("Could not resolve the foundation model from the provided model identifier.")
	}
	return nil, invalidIdentifier()
}

// splitARN splits an ARN of Bedrock in the region:
// arn:partition:bedrock:region:account:kind/id.
func splitARN(arn, region string) (account, kind, id string, ok bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[1] != partition(region) || parts[2] != "bedrock" || parts[3] != region {
		return "", "", "", false
	}
	kind, id, ok = strings.Cut(parts[5], "/")
	return parts[4], kind, id, ok
}

// source is the origin of an application inference profile: its model and the regions
// that may serve it.
type source struct {
	model        *catalogue.Model
	destinations []string
}

func applicationSource(models *catalogue.Catalogue, p ApplicationProfile) (source, error) {
	if m := models.Model(p.Source); m != nil && m.OnDemand(p.Region) {
		return source{m, []string{p.Region}}, nil
	}
	if system, ok := models.Profile(p.Source, p.Region); ok {
		return source{system.Model, system.Destinations}, nil
	}
	return source{}, fmt.Errorf("source %q is neither an on-demand model nor a profile in region %q", p.Source, p.Region)
}

func modelARN(region, id string) string {
	return "arn:" + partition(region) + ":bedrock:" + region + "::" + modelKind + "/" + id
}

// accountARN returns the ARN of a resource in the account, such as an inference
// profile.
func (e *Emulator) accountARN(region, kind, id string) string {
	return "arn:" + partition(region) + ":bedrock:" + region + ":" + e.options.Account + ":" + kind + "/" + id
}
