package cli

import (
	"fmt"
	"strings"

	"outcrop/config"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/endpoint"
	"outcrop/provider/bedrock/modelid"
	"outcrop/provider/bedrock/resolve"
)

type resolveCommand struct {
	ID     string `arg:"" help:"Model id, profile id, ARN or friendly name, such as claude-sonnet-4-5."`
	Region string `required:"" help:"Region that the call is made in, such as eu-central-1."`
	Policy string `placeholder:"POLICY" help:"Policy as outcrop_settings.bedrock.policy has it, such as '{geographies: [eu], global: false}'."`
}

// Run shows the decision step by step, and the ways that are left, the best first,
// by the catalogue of this release. It calls nothing.
func (c *resolveCommand) Run(con console) error {
	if !endpoint.ValidRegion(c.Region) {
		return fmt.Errorf("--region: %q is not the name of an AWS region; one looks like eu-west-1", c.Region)
	}
	said, problems := config.ReadPolicy(c.Policy)
	if len(problems) > 0 {
		return fmt.Errorf("--policy: %s: %s", problems[0].Path, problems[0].Message)
	}
	policy, err := resolve.NewPolicy(resolve.Written(said))
	if err != nil {
		return fmt.Errorf("--%w", err)
	}
	d, err := decide(c.ID, c.Region, policy)
	if err != nil {
		return err
	}
	for _, step := range d.Steps {
		fmt.Fprintln(con.out, "  "+step)
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
	return fmt.Errorf("no way: %s", strings.TrimSuffix(d.Refusal.Message, "."))
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
