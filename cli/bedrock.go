package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/iam"
	"outcrop/provider/bedrock/modelid"
	"outcrop/provider/bedrock/resolve"
)

// bedrockCommand holds the commands for IAM policies.
type bedrockCommand struct {
	Policy policyCommand `cmd:"" help:"Write the minimal IAM policy for calling models. It makes no calls."`
	Lint   lintCommand   `cmd:"" help:"Find problems in an IAM policy for Bedrock. It makes no calls."`
}

// callFlags describe the calls that a policy is for.
type callFlags struct {
	Region      string `placeholder:"REGION" env:"AWS_REGION,AWS_DEFAULT_REGION" help:"Region of the calls, such as eu-central-1."`
	Account     string `placeholder:"ACCOUNT" help:"AWS account id, 12 digits."`
	Profile     string `placeholder:"GEOGRAPHY" help:"Call through the inference profile of this geography, such as us or global; none for the bare model id. Default: the one that the gateway tries first."`
	Stream      bool   `negatable:"" default:"true" help:"Allow streaming calls (ConverseStream)."`
	Whole       bool   `negatable:"" default:"true" help:"Allow non-streaming calls (Converse)."`
	CountTokens bool   `help:"Allow counting tokens (CountTokens)."`
	Batch       bool   `help:"Allow batch jobs."`
	Role        string `placeholder:"ROLE" help:"Name or ARN of the role that batch jobs run as."`
	Guardrail   string `placeholder:"ID" help:"Id or ARN of the guardrail that calls use."`
	APIKey      bool   `name:"api-key" help:"Calls authenticate with a Bedrock API key instead of a signature."`
	Force       bool   `help:"Accept a model that is not in the built-in catalogue, or not known to be in the region."`
}

type policyCommand struct {
	callFlags
	Model  []string `required:"" sep:"none" placeholder:"MODEL" help:"Model id, profile id, ARN or friendly name, such as claude-sonnet-5. Can be repeated."`
	Format string   `enum:"json,terraform" default:"json" help:"Output format: json, or terraform for a data source aws_iam_policy_document."`
}

// Run writes the policy, and nothing else, to standard output.
func (c *policyCommand) Run(con console) error {
	known := catalog.Embedded()
	var all []iam.Document
	marketed := false // whether any model is not Amazon's
	for _, m := range c.Model {
		call, others, err := c.call(con.err, m, known)
		if err != nil {
			return err
		}
		d, err := iam.Needs(call, known)
		if err != nil {
			return fmt.Errorf("--model %s: %w", m, err)
		}
		all = append(all, d)
		marketed = marketed || !strings.HasPrefix(call.Base, "amazon.")
		if len(others) > 0 {
			fmt.Fprintf(con.err, "note: %s is called as %s. If that fails, the gateway tries %s; use --profile to allow those.\n", m, call.ID, strings.Join(others, ", "))
		}
	}
	d := iam.Merge(all...)
	text := d.JSON()
	if c.Format == "terraform" {
		text = d.Terraform("outcrop")
	}
	if _, err := con.out.Write(text); err != nil {
		return err
	}
	c.notes(con.err, string(text), marketed)
	return nil
}

// notes prints the remaining steps; marketed is whether a model may need a
// subscription.
func (c *policyCommand) notes(w io.Writer, text string, marketed bool) {
	if strings.Contains(text, iam.AccountPlaceholder) {
		fmt.Fprintf(w, "note: replace %s with the account id, or set --account. Until then the policy does not allow these resources.\n", iam.AccountPlaceholder)
	}
	if strings.Contains(text, iam.RolePlaceholder) {
		fmt.Fprintf(w, "note: replace %s with the role of the batch jobs, or set --role. That role needs its own policy for the model and the buckets.\n", iam.RolePlaceholder)
	}
	if !marketed {
		return
	}
	s := iam.Marketplace()
	fmt.Fprintf(w, "note: the first call of a third-party model in an account also needs this permission: %s\n", s.JSON())
}

// call returns the call that the gateway would make first for a model, and the ids that
// it would try after that. It warns on w if the model is unknown.
func (c *callFlags) call(w io.Writer, model string, known *catalog.Catalogue) (call iam.Call, others []string, err error) {
	if c.Region == "" {
		return call, nil, &usageError{"--region is required", "Set --region us-east-1, or AWS_REGION."}
	}
	if err := checkRegions(w, c.Region); err != nil {
		return call, nil, err
	}
	if c.Account != "" && (len(c.Account) != 12 || strings.Trim(c.Account, "0123456789") != "") {
		return call, nil, fmt.Errorf("--account: %q is not an AWS account id, which has 12 digits", c.Account)
	}
	if !c.Whole && !c.Stream && !c.CountTokens && !c.Batch && c.Guardrail == "" && !c.APIKey {
		return call, nil, errors.New("the flags select no calls; remove --no-whole or --no-stream, or add --count-tokens, --batch, --guardrail or --api-key")
	}
	candidate, others, err := c.candidate(model, known)
	if err != nil {
		return call, nil, err
	}
	if id, err := modelid.Parse(candidate.ID); err == nil && id.ARN.Kind == modelid.NoARN {
		if _, ok := known.Model(id.Base()); !ok {
			unknown := &llm.Error{Code: llm.CodeModelUnknown, Message: "--model " + model + ": unknown model", Fix: known.Suggest(model, c.Region)}
			if !c.Force {
				unknown.Fix += " If the model is newer than this release, use --force."
				return call, nil, unknown
			}
			warn(w, unknown.Message, unknown.Fix)
		}
	}
	return iam.Call{
		Account: c.Account, Region: candidate.Region, ID: candidate.ID, Base: candidate.Base, Whole: c.Whole, Stream: c.Stream, CountTokens: c.CountTokens,
		Batch: c.Batch, Role: c.Role, Guardrail: c.Guardrail, APIKey: c.APIKey, Mantle: candidate.API == resolve.Mantle,
	}, others, nil
}

// candidate resolves a model, or uses the profile that the flags select.
func (c *callFlags) candidate(model string, known *catalog.Catalogue) (candidate resolve.Candidate, others []string, err error) {
	id, err := modelid.Parse(model)
	if err != nil {
		return candidate, nil, fmt.Errorf("--model: %w", err)
	}
	d := resolve.Resolve(id, c.Region, resolve.Default(), known, resolve.Observed{})
	atMantle := len(d.Candidates) > 0 && d.Candidates[0].API == resolve.Mantle
	if c.Profile != "" && id.ARN.Kind == modelid.NoARN && (c.Profile != "none" || !atMantle) {
		return c.forced(model, id, known)
	}
	if atMantle && (c.CountTokens || c.Batch || c.Guardrail != "") {
		return candidate, nil, &usageError{"--model " + model + ": bedrock-mantle, where it is called, counts no tokens and has neither batch jobs nor guardrails", "Leave out --count-tokens, --batch and --guardrail for this model."}
	}
	if len(d.Elsewhere) > 0 && !c.Force {
		elsewhere := notCallable(&d)
		elsewhere.Message = "--model " + model + ": " + elsewhere.Message
		elsewhere.Fix += " If the region has it since this release, use --force."
		return candidate, nil, elsewhere
	}
	if len(d.Candidates) > 0 {
		for _, w := range d.Candidates[1:] {
			others = append(others, w.ID)
		}
		return d.Candidates[0], others, nil
	}
	return candidate, nil, noTarget(model, strings.TrimSuffix(d.Refusal.Message, "."), d.Refusal.Works)
}

// forced returns the profile of the geography that the flags name, or the bare id.
func (c *callFlags) forced(model string, id modelid.ID, known *catalog.Catalogue) (candidate resolve.Candidate, others []string, err error) {
	base := id.Base()
	if _, ok := known.Model(base); !ok {
		if named, ok := known.Friendly(base); ok {
			base = named
		}
	}
	candidate = resolve.Candidate{Region: c.Region, ID: base, Base: base}
	if c.Profile == "none" {
		if known.OnDemand(base, c.Region) != catalog.No {
			return candidate, nil, nil
		}
		return candidate, nil, noTarget(model, base+" cannot be called by its bare id in "+c.Region, c.profiles(base, known))
	}
	candidate.ID = c.Profile + "." + base
	if p, ok := known.Profile(candidate.ID); ok && p.From(c.Region) != catalog.No {
		return candidate, nil, nil
	}
	return candidate, nil, noTarget(model, fmt.Sprintf("--profile %s: %s cannot be called in %s, as far as is known", c.Profile, candidate.ID, c.Region), c.profiles(base, known))
}

// profiles returns the ids of a model's profiles that can be called in the region.
func (c *callFlags) profiles(base string, known *catalog.Catalogue) []string {
	var ids []string
	for _, p := range known.ProfilesOf(base) {
		if p.From(c.Region) != catalog.No {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

// noTarget returns the error for a model that cannot be called as requested.
func noTarget(model, message string, works []string) error {
	hint := "Run outcrop models resolve to see how it can be called."
	if len(works) > 0 {
		hint = "Use one of these: " + strings.Join(works, ", ") + "."
	}
	return &llm.Error{Code: llm.CodeModelNotFound, Message: fmt.Sprintf("--model %s: %s", model, message), Fix: hint}
}

type lintCommand struct {
	callFlags
	File  string   `arg:"" placeholder:"POLICY.json" help:"The policy, or - for standard input."`
	Model []string `sep:"none" placeholder:"MODEL" help:"Also check that the policy allows calls of this model; needs --region. Can be repeated."`
	Kind  string   `enum:"identity,scp,boundary,session,vpce" default:"identity" help:"Where the policy is attached: identity (user, group, role), scp, boundary, session or vpce."`
	JSON  bool     `name:"json" help:"Print JSON."`
	Fix   bool     `help:"Print the corrected policy; problems that cannot be corrected are printed on stderr."`
}

// errFindings is returned for a policy with problems, after they have been printed.
var errFindings = errors.New("the policy has findings")

// Run prints the findings, each with its position and the corrected statement. The exit
// code is 0 without findings, 1 with findings, and 2 if the policy cannot be read.
func (c *lintCommand) Run(con console) error {
	data, err := readPolicy(c.File)
	if err != nil {
		complain(con.err, "cannot read the policy: "+err.Error(), "Name a JSON file with a policy, or - for standard input.")
		return errProblems
	}
	known := catalog.Embedded()
	o := iam.Options{Kind: iam.Kind(c.Kind), Known: known}
	for _, m := range c.Model {
		call, _, err := c.call(con.err, m, known)
		if err != nil {
			return err
		}
		o.Calls = append(o.Calls, call)
	}
	if c.Fix {
		return c.fix(con, data, o)
	}
	found, err := iam.Lint(data, o)
	if err != nil {
		return c.unread(con, err)
	}
	if c.JSON {
		fmt.Fprintf(con.out, "%s\n", findingsJSON(found))
	} else {
		c.print(con.out, found)
	}
	if len(found) > 0 {
		return errFindings
	}
	return nil
}

// unread reports a policy that cannot be parsed.
func (c *lintCommand) unread(con console, err error) error {
	if syntax, ok := errors.AsType[*iam.SyntaxError](err); ok {
		complain(con.err, c.File+":"+syntax.Error(), "A policy is a JSON object with Version and Statement.")
		return errProblems
	}
	return err
}

// fix prints the corrected policy. The exit code is 0 if no findings remain.
func (c *lintCommand) fix(con console, data []byte, o iam.Options) error {
	d, left, err := iam.Fixed(data, o)
	if errors.Is(err, iam.ErrNotRewritten) {
		return &usageError{c.File + ": " + err.Error(), "Run it without --fix to see the correction of each finding."}
	}
	if err != nil {
		return c.unread(con, err)
	}
	if _, err := con.out.Write(d.JSON()); err != nil {
		return err
	}
	if len(left) == 0 {
		return nil
	}
	for _, f := range left {
		warn(con.err, f.Code+": "+f.Message, "")
	}
	return errFindings
}

// print writes findings as text: each with its position, and after the last finding of
// a statement the corrected statement.
func (c *lintCommand) print(w io.Writer, found []iam.Finding) {
	s := screenOf(w)
	if len(found) == 0 {
		fmt.Fprintln(w, c.File+": no problems found")
		return
	}
	for i, f := range found {
		fmt.Fprintln(w, s.wrap(fmt.Sprintf("%s:%d:%d: %s: %s", c.File, f.Line, f.Column, f.Code, f.Message), "    "))
		later := slices.ContainsFunc(found[i+1:], func(other iam.Finding) bool {
			return other.Statement == f.Statement && f.Statement > 0 || string(other.Fix.JSON()) == string(f.Fix.JSON())
		})
		if len(f.Fix) == 0 || later {
			continue
		}
		head := fmt.Sprintf("  corrected statement %d:", f.Statement)
		switch {
		case f.Statement == 0 && len(f.Fix) == 1:
			head = "  add this statement:"
		case f.Statement == 0:
			head = "  add these statements:"
		}
		if strings.HasSuffix(f.Code, ".wide") {
			head = "  narrower statement:"
		}
		fmt.Fprintln(w, head)
		for _, statement := range f.Fix {
			text, err := jsonx.Indent(statement.JSON())
			if err != nil {
				text = statement.JSON()
			}
			fmt.Fprintln(w, "    "+strings.ReplaceAll(string(text), "\n", "\n    "))
		}
	}
	fmt.Fprintf(w, "%s: %s; use --fix to print the corrected policy\n", c.File, plural(len(found), "problem"))
}

func findingsJSON(found []iam.Finding) []byte {
	var w jsonx.Writer
	w.Array()
	for _, f := range found {
		w.Object()
		w.Key("code")
		w.String(f.Code)
		w.Key("line")
		w.Int(int64(f.Line))
		w.Key("column")
		w.Int(int64(f.Column))
		w.Key("message")
		w.String(f.Message)
		if len(f.Fix) > 0 {
			w.Key("fix")
			w.Array()
			for _, s := range f.Fix {
				w.Raw(s.JSON())
			}
			w.EndArray()
		}
		w.EndObject()
	}
	w.EndArray()
	return w.Buf
}

// readPolicy reads a policy from a file, or from standard input for -. It reads at most
// one byte more than the limit, so that a policy that is too long can be detected.
func readPolicy(name string) ([]byte, error) {
	in := os.Stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	return io.ReadAll(io.LimitReader(in, iam.MaxPolicy+1))
}
