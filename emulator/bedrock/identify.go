package bedrock

import (
	"fmt"
	"strings"

	"outcrop/emulator/bedrock/catalogue"
)

// target is what a model id of a request leads to.
type target struct {
	model *catalogue.Model
	// profile is the id of the inference profile that it goes through; empty for
	// a bare id.
	profile string
}

// identify finds the model behind what stands in a path: a model id, the id of
// a system-defined inference profile, or an ARN of either or of an application
// inference profile. Refusals are in AWS's words.
func (e *Emulator) identify(id, region string) (target, error) {
	if strings.HasPrefix(id, "arn:") {
		return e.identifyARN(id, region)
	}
	if m := e.catalogue.Model(id); m != nil {
		return e.bare(m, id, region)
	}
	if p, ok := e.catalogue.Profile(id, region); ok {
		return target{model: p.Model, profile: p.ID}, nil
	}
	return target{}, invalidIdentifier()
}

// bare is the target of a model's own id, written as said in the request.
func (e *Emulator) bare(m *catalogue.Model, said, region string) (target, error) {
	switch {
	case m.OnDemand(region):
		return target{model: m}, nil
	case m.In(region):
		// The apostrophe is U+2019 on the wire.
		return target{}, invalid("Invocation of model ID %s with on-demand throughput isn\u2019t supported. "+
			"Retry your request with the ID or ARN of an inference profile that contains this model.", said)
	default:
		return target{}, invalidIdentifier()
	}
}

func (e *Emulator) identifyARN(arn, region string) (target, error) {
	account, kind, id, ok := splitARN(arn, region)
	if !ok {
		return target{}, invalidIdentifier()
	}
	switch {
	case kind == "foundation-model" && account == "":
		if m := e.catalogue.Model(id); m != nil {
			return e.bare(m, arn, region)
		}
	case kind == "inference-profile" && account == e.options.Account:
		if p, ok := e.catalogue.Profile(id, region); ok {
			return target{model: p.Model, profile: p.ID}, nil
		}
	case kind == "application-inference-profile" && account == e.options.Account:
		for _, p := range e.options.Profiles {
			if p.ID == id && p.Region == region {
				m, _, err := e.applicationSource(p)
				return target{model: m, profile: p.ID}, err
			}
		}
	}
	return target{}, invalidIdentifier()
}

// splitARN takes an ARN of Bedrock in the region apart:
// arn:partition:bedrock:region:account:kind/id.
func splitARN(arn, region string) (account, kind, id string, ok bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[1] != partition(region) || parts[2] != "bedrock" || parts[3] != region {
		return "", "", "", false
	}
	kind, id, ok = strings.Cut(parts[5], "/")
	return parts[4], kind, id, ok
}

// applicationSource finds what an application inference profile was made from:
// its model and the regions that may serve it.
func (e *Emulator) applicationSource(p ApplicationProfile) (*catalogue.Model, []string, error) {
	if m := e.catalogue.Model(p.Source); m != nil && m.OnDemand(p.Region) {
		return m, []string{p.Region}, nil
	}
	if system, ok := e.catalogue.Profile(p.Source, p.Region); ok {
		return system.Model, system.Destinations, nil
	}
	return nil, nil, fmt.Errorf("source %q is neither an on-demand model nor a profile in region %q", p.Source, p.Region)
}

func modelARN(region, id string) string {
	return "arn:" + partition(region) + ":bedrock:" + region + "::foundation-model/" + id
}

// profileARN is the ARN of an inference profile; kind is inference-profile or
// application-inference-profile.
func (e *Emulator) profileARN(region, kind, id string) string {
	return "arn:" + partition(region) + ":bedrock:" + region + ":" + e.options.Account + ":" + kind + "/" + id
}
