package cli

import (
	"fmt"

	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/modelid"
	"outcrop/provider/bedrock/resolve"
)

type resolveCommand struct {
	ID          string   `arg:"" help:"Model id, profile id, ARN or friendly name, such as claude-sonnet-4-5."`
	Region      string   `required:"" help:"Region that the call is made in, such as eu-central-1."`
	Geographies []string `help:"Profile prefixes that are allowed, such as eu; own stands for those that hold the region."`
	NoGlobal    bool     `help:"Leave out profiles that any commercial region may serve."`
	Strict      bool     `help:"Take the id as it is written."`
	Cheapest    bool     `help:"The cheapest first, not the nearest."`
}

// Run shows the ways that the catalogue of this release knows, the best first. It
// calls nothing.
func (c *resolveCommand) Run(con console) error {
	policy := resolve.Policy{Strict: c.Strict, Geographies: c.Geographies, Global: !c.NoGlobal}
	if c.Cheapest {
		policy.Prefer = resolve.Cheapest
	}
	d, err := decide(c.ID, c.Region, policy)
	if err != nil {
		return err
	}
	for i, w := range d.Ways {
		fmt.Fprintf(con.out, "%d. %s in %s by %s: %s\n", i+1, w.ID, w.Region, w.API, w.Reason)
	}
	if d.Refusal == nil {
		return nil
	}
	for _, works := range d.Refusal.Works {
		fmt.Fprintf(con.out, "would work: %s\n", works)
	}
	return fmt.Errorf("no way: %s", d.Refusal.Message)
}

// decide is what resolve says of an id as it is written, by the catalogue of this
// release alone.
func decide(written, region string, policy resolve.Policy) (resolve.Decision, error) {
	id, err := modelid.Parse(written)
	if err != nil {
		return resolve.Decision{}, err
	}
	known, err := catalog.Embedded()
	if err != nil {
		return resolve.Decision{}, err
	}
	return resolve.Resolve(id, region, policy, known, resolve.Learned{}), nil
}
