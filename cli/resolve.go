package cli

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"outcrop/config"
	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/endpoint"
	"outcrop/provider/bedrock/iam"
	"outcrop/provider/bedrock/modelid"
	"outcrop/provider/bedrock/openai"
	"outcrop/provider/bedrock/resolve"
)

type resolveCommand struct {
	ID     string `arg:"" help:"Model id, profile id, ARN or friendly name, such as claude-sonnet-5."`
	Region string `env:"AWS_REGION_NAME,AWS_REGION,AWS_DEFAULT_REGION" placeholder:"REGION" help:"Region of the call, such as eu-central-1. Default: us-west-2."`
	Policy string `placeholder:"POLICY" help:"Policy, in the format of outcrop_settings.bedrock.policy, such as '{geographies: [eu], global: false}'."`
}

// Run prints the steps of the decision, and the ids that would be tried, in order,
// according to the built-in catalogue. It makes no calls.
func (c *resolveCommand) Run(con console) error {
	c.Region = cmp.Or(c.Region, regionOf(func(string) string { return "" })) // the flag already reads the environment
	if err := checkRegions(con.err, c.Region); err != nil {
		return err
	}
	written, problems := config.ReadPolicy(c.Policy)
	if len(problems) > 0 {
		p := problems[0]
		hint := p.Hint
		if p.Accepted != "" {
			hint = "Accepted: " + p.Accepted + "."
		}
		return &usageError{"--policy: " + strings.TrimPrefix(p.Path+": "+p.Message, ": "), hint}
	}
	policy, err := resolve.NewPolicy(resolve.Written(written))
	if err != nil {
		return &usageError{"--" + err.Error(), ""}
	}
	known := catalog.Embedded()
	d, err := decide(c.ID, c.Region, policy)
	if err != nil {
		return err
	}
	if d.Refusal == nil {
		if err := c.unknown(d, known); err != nil {
			return err
		}
	}
	s := screenOf(con.out)
	for _, step := range d.Steps {
		fmt.Fprintln(con.out, s.hang("  ", step))
	}
	if len(d.Candidates) > 0 {
		if m, ok := known.Model(d.Candidates[0].Base); ok && m.Path() != "" {
			fmt.Fprintln(con.out, s.hang("  ", m.NotForChat()))
		}
	}
	for i, w := range d.Candidates {
		fmt.Fprintln(con.out, s.hang(fmt.Sprintf("%d. ", i+1), fmt.Sprintf("%s in %s by %s: %s", w.ID, w.Region, w.API, w.Reason)))
		if w.API == resolve.Mantle {
			where, err := atMantle(w, known)
			if err != nil {
				return err
			}
			fmt.Fprintln(con.out, s.hang("   ", where))
		}
	}
	if d.Refusal == nil {
		return c.uncallable(d, known)
	}
	for _, works := range d.Refusal.Works {
		fmt.Fprintln(con.out, s.wrap("would work: "+works, "  "))
	}
	return fmt.Errorf("no allowed target: %s", strings.TrimSuffix(d.Refusal.Message, "."))
}

// atMantle says where a model is called at bedrock-mantle, and which permission that needs.
func atMantle(w resolve.Candidate, known *catalog.Catalogue) (string, error) {
	end, err := endpoint.Resolve(endpoint.Mantle, endpoint.Settings{Region: w.Region})
	if err != nil {
		return "", err
	}
	text := ""
	if m, ok := known.Model(w.Base); ok {
		surface := openai.Mantle(m)
		var paths []string
		for _, api := range []openai.API{openai.Responses, openai.Chat} {
			if path := surface.Path(api); path != nil {
				paths = append(paths, end.URL("", path...).String())
			}
		}
		text = "at " + strings.Join(paths, " and ") + "; "
	}
	return text + "needs " + iam.CreateInference + ", with an API key also " + iam.CallMantleWithBearer, nil
}

// unknown returns the error for a model that is not in the catalogue.
func (c *resolveCommand) unknown(d resolve.Decision, known *catalog.Catalogue) error {
	id, err := modelid.Parse(c.ID)
	if err != nil {
		return err
	}
	if id.ARN != (modelid.ARN{}) || slices.ContainsFunc(d.Candidates, func(w resolve.Candidate) bool {
		_, ok := known.Model(w.Base)
		return ok
	}) {
		return nil
	}
	return &llm.Error{Code: llm.CodeModelUnknown, Message: "unknown model " + c.ID, Fix: known.Suggest(c.ID, c.Region)}
}

// uncallable returns the error for a known model that calls cannot reach: there is no API for it, or
// it is not known to be callable from the region.
func (c *resolveCommand) uncallable(d resolve.Decision, known *catalog.Catalogue) error {
	first := d.Candidates[0]
	m, ok := known.Model(first.Base)
	switch {
	case ok && m.Purpose() != "" && m.Path() == "":
		return &llm.Error{Code: llm.CodeUnsupported, Message: m.NotForChat()}
	case ok && m.Purpose() == "" && !m.Reached():
		return &llm.Error{Code: llm.CodeUnsupported, Message: m.NotReached(), Fix: known.Suggest(m.ID, first.Region)}
	case len(d.Elsewhere) > 0:
		return notCallable(&d)
	default:
		return nil
	}
}

// notCallable returns the error for a model that is known to be callable from other regions alone.
func notCallable(d *resolve.Decision) *llm.Error {
	first := d.Candidates[0]
	return &llm.Error{Code: llm.CodeModelNotInRegion, Message: first.Base + " is not known to be callable from " + first.Region, Fix: "It can be called as " + strings.Join(d.Elsewhere, ", or as ") + "."}
}

// decide resolves an id as written, using only the built-in catalogue.
func decide(written, region string, policy resolve.Policy) (resolve.Decision, error) {
	id, err := modelid.Parse(written)
	if wrong, ok := errors.AsType[*modelid.Error](err); ok {
		return resolve.Decision{}, &usageError{wrong.Error(), ""}
	}
	if err != nil {
		return resolve.Decision{}, err
	}
	known := catalog.Embedded()
	return resolve.Resolve(id, region, policy, known, resolve.Observed{}), nil
}
