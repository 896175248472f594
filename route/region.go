package route

import (
	"slices"
	"strings"

	"outcrop/llm"
	"outcrop/provider"
)

// resides reports whether calls by a target stay in all of some regions. What a provider knows of its targets counts, and else what
// the operator says of the deployment; a target of which neither is known is in no region.
func (t *deployment) resides(target provider.Target, regions []string) bool {
	if r, ok := target.(provider.Resident); ok {
		if places, known := r.Places(); known {
			for _, region := range regions {
				if len(places) == 0 || slices.ContainsFunc(places, func(place string) bool { return !inside(place, region) }) {
					return false
				}
			}
			return true
		}
	}
	return t.Region != "" && !slices.ContainsFunc(regions, func(region string) bool { return !inside(t.Region, region) })
}

// inside reports whether a place, as a provider or the operator calls it, is a region, or in it: eu are the regions of AWS and
// Google Cloud in states of the European Union, and us those in the United States.
func inside(place, region string) bool {
	if strings.EqualFold(place, region) {
		return true
	}
	switch strings.ToLower(region) {
	case "eu":
		switch place {
		case "eu-west-2", "eu-central-2", "europe-west2", "europe-west6": // London and Zurich
			return false
		}
		return strings.HasPrefix(place, "eu-") || strings.HasPrefix(place, "europe-")
	case "us":
		return strings.HasPrefix(place, "us-")
	default:
		return false
	}
}

// staying are the targets that keep a call in its regions.
func (c *call) staying(t *deployment, targets []provider.Target) []provider.Target {
	regions := c.req.Routing.Regions
	if len(regions) == 0 {
		return targets
	}
	return slices.DeleteFunc(slices.Clone(targets), func(target provider.Target) bool { return !t.resides(target, regions) })
}

// byRegion leaves the deployments that have a target in the call's regions.
func (c *candidates) byRegion(verb llm.Verb, name string) *llm.Error {
	regions := c.call.Routing.Regions
	if c.keep(func(t *deployment) bool {
		targets, err := t.Deployment.Targets(verb, c.model(t))
		return err == nil && slices.ContainsFunc(targets, func(target provider.Target) bool { return t.resides(target, regions) })
	}) {
		return nil
	}
	return awayError(name, regions)
}

// awayError refuses a call that would leave its regions.
func awayError(name string, regions []string) *llm.Error {
	return &llm.Error{
		Code: llm.CodeModelDenied, Status: 403, Param: "allowed_model_region", Actor: llm.ActorOperator,
		Message: "no deployment of the model " + quote(name) + " is known to keep calls in " + strings.Join(regions, " and ") + ", which they must not leave (allowed_model_region).",
		Fix:     "The gateway's operator can add a deployment there, or say with region_name in litellm_params where one is.",
	}
}
