package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"outcrop"
	"outcrop/config"
	"outcrop/internal/jsonx"
	"outcrop/internal/levenshtein"
	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/resolve"
)

// modelsCommand holds the commands for models.
type modelsCommand struct {
	List    listCommand    `cmd:"" default:"withargs" help:"List the models that can be called (the default)."`
	Resolve resolveCommand `cmd:"" help:"Show which id a model is called by in a region, and why."`
}

type listCommand struct {
	configFlags
	Filter  []string `arg:"" optional:"" placeholder:"WORD" help:"Show only models that have each of these words in a name, an id or the title."`
	Region  string   `placeholder:"REGION" help:"List what can be called from this region instead of the configured one."`
	Offline bool     `help:"Make no calls: use the built-in catalogue and the cached lists of an earlier run."`
	All     bool     `help:"Show all models, including retired ones and those that this account has no access to."`
	Refused bool     `help:"Include models that this account has no access to, according to AWS."`
	Legacy  bool     `negatable:"" default:"true" help:"Include models that AWS has scheduled for retirement."`
	DataDir string   `name:"data-dir" env:"OUTCROP_DATA_DIR" placeholder:"DIR" help:"Folder for cached data. Default: outcrop in the user's cache folder."`
	JSON    bool     `name:"json" help:"Print JSON; --json name,id prints only these fields."`
	Fields  []string `hidden:"" help:"The fields to print with --json."`
}

// Help is what stands behind the first line of the command's help, which is also that of outcrop models.
func (*listCommand) Help() string {
	return "The word list may be left out. outcrop models resolve MODEL shows which id a model is called by in a region, and why."
}

// modelRow is one model in the JSON of outcrop models.
type modelRow struct {
	// Name is the name to use in requests: the configured name, or the friendly one. Aliases are others.
	Name    string   `json:"name"`
	Aliases []string `json:"aliases,omitempty"`
	ID      string   `json:"id"`
	Title   string   `json:"title,omitzero"`
	Owner   string   `json:"owner,omitzero"`
	// Verb is what the model is for: chat, embeddings or rerank.
	Verb       string   `json:"verb,omitzero"`
	Configured bool     `json:"configured"`
	Calls      string   `json:"calls,omitzero"`
	API        string   `json:"api,omitzero"`
	Region     string   `json:"region,omitzero"`
	Reason     string   `json:"reason,omitzero"`
	Serves     []string `json:"serves,omitempty"`
	Anywhere   bool     `json:"anywhere"`
	Context    int64    `json:"context,omitzero"`
	MaxOutput  int64    `json:"max_output,omitzero"`
	// Input and Output are in US dollars for a million tokens.
	Input  *float64 `json:"input_usd_per_million,omitzero"`
	Output *float64 `json:"output_usd_per_million,omitzero"`
	Access string   `json:"access,omitzero"`
	// Lifecycle is active, legacy, retired or unknown.
	Lifecycle string `json:"lifecycle"`
	Legacy    bool   `json:"legacy"`
	EndOfLife string `json:"end_of_life,omitzero"`
	Successor string `json:"successor,omitzero"`
	// Warning is the reason why calls will probably fail.
	Warning string `json:"warning,omitzero"`
}

func newModelRow(m *outcrop.Model) modelRow {
	row := modelRow{
		Name: m.Name, Aliases: m.Aliases, ID: m.ID, Title: m.Title, Owner: m.Owner, Verb: m.Verb.String(), Configured: m.Configured,
		Calls: m.Target.ID, API: m.Target.API, Region: m.Target.Region, Reason: m.Target.Reason, Serves: m.Serves, Anywhere: m.Anywhere,
		Context: m.Context, MaxOutput: m.MaxOutput, Input: perMillion(m.Input), Output: perMillion(m.Output),
		Access: string(m.Entitlement), Lifecycle: "unknown", Legacy: m.Legacy, Successor: m.Successor, Warning: m.Doubt,
	}
	if !m.Configured && len(m.Names) > 0 && len(m.Aliases) > 0 { // the first alias is the friendly name
		row.Name, row.Aliases = m.Aliases[0], append([]string{m.Name}, m.Aliases[1:]...)
	}
	switch {
	case m.Ended:
		row.Lifecycle = "retired"
	case m.Legacy:
		row.Lifecycle = "legacy"
	case m.Active:
		row.Lifecycle = "active"
	}
	if !m.EndOfLife.IsZero() {
		row.EndOfLife = m.EndOfLife.Format(time.DateOnly)
	}
	return row
}

func perMillion(c llm.Opt[llm.Cost]) *float64 {
	if !c.Set {
		return nil
	}
	usd := float64(c.Value) / 1e6
	return &usd
}

// matches reports whether every word occurs in a name, an id or the title.
func (r *modelRow) matches(words []string) bool {
	text := strings.ToLower(strings.Join(slices.Concat([]string{r.Name, r.ID, r.Title, r.Owner, r.Verb, r.Calls}, r.Aliases), " "))
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, strings.ToLower(w)) })
}

// shown reports whether the flags select a row. Configured models are always selected.
func (c *listCommand) shown(r *modelRow) bool {
	switch {
	case !r.matches(c.Filter):
		return false
	case c.All || r.Configured:
		return true
	default:
		return r.Lifecycle != "retired" && (c.Legacy || !r.Legacy) && (c.Refused || r.Access != "refused")
	}
}

// listTimeout limits the time to read the lists.
const listTimeout = 2 * time.Minute

// check rejects invalid flags and arguments.
func (c *listCommand) check(w io.Writer) error {
	if at := slices.IndexFunc(c.Filter, isConfigFile); at >= 0 { // no model has such a name
		return &usageError{"unexpected argument " + c.Filter[at], "Did you mean outcrop models --config " + c.Filter[at] + "?"}
	}
	for _, name := range c.Fields {
		what := fmt.Sprintf("--json: unknown field %q", name)
		if name == "" {
			what = "--json names an empty field; leave the text out to print all fields"
		}
		if !isField(name) {
			return &usageError{what, "The fields are " + strings.Join(fieldNames(), ", ") + "."}
		}
	}
	return checkRegions(w, c.Region)
}

// Run lists the configured names, and the models that wildcards match.
func (c *listCommand) Run(ctx context.Context, con console) error {
	if err := c.check(con.err); err != nil {
		return err
	}
	cfg, err := c.load(ctx, con.err)
	if err != nil {
		return err
	}
	if c.Region != "" {
		cfg = moved(cfg, []string{c.Region})
	}
	if c.DataDir == "" {
		c.DataDir = defaultDataDir()
	}
	client, err := outcrop.New(outcrop.Options{Config: cfg, DataDir: c.DataDir})
	if err != nil {
		return err
	}
	for _, p := range problemsOf(client.Doubts()) {
		if p.Line == 0 { // from the environment; the others are shown with their rows
			printProblems(con.err, []config.Problem{p})
		}
	}
	if !c.Offline {
		c.read(ctx, con, client)
	}
	var rows []modelRow
	hidden := false
	for _, m := range client.Models() {
		switch row := newModelRow(&m); {
		case c.shown(&row):
			rows = append(rows, row)
		case row.matches(c.Filter):
			hidden = true
		}
	}
	if err := client.Close(); err != nil {
		return err
	}
	switch {
	case len(rows) == 0:
		if c.JSON {
			fmt.Fprintln(con.out, "[]")
		}
		return c.nothing(con, cfg, hidden)
	case c.JSON:
		return c.printJSON(con, rows)
	default:
		c.table(con, rows)
		return nil
	}
}

// nothing reports that no model matches, and suggests what may have been meant. hidden is whether some match that
// the flags do not select.
func (c *listCommand) nothing(con console, cfg *config.Config, hidden bool) error {
	what, hint := "no model matches", "Run outcrop models without words to list all models that can be called."
	if len(c.Filter) > 0 {
		what += " " + strconv.Quote(strings.Join(c.Filter, " "))
		var err error
		if hint, err = c.hint(hint, hidden); err != nil {
			return err
		}
		if levenshtein.Distance(c.Filter[0], "resolve") <= 2 {
			hint = "Did you mean outcrop models resolve?"
		}
	} else if len(cfg.Models) == 0 {
		hint = "The configuration lists no models."
	}
	complain(con.err, what, hint)
	return errUnhealthy
}

// hint says why no model is listed for the filter, or what it may mean; otherwise if neither is known.
func (c *listCommand) hint(otherwise string, hidden bool) (string, error) {
	if hidden {
		return "Models that match are retired, or this account has no access to them: use --all to list those too.", nil
	}
	known := catalog.Embedded()
	asked := strings.Join(c.Filter, " ")
	_, isModel := known.Model(asked)
	if _, named := known.Friendly(asked); !isModel && !named {
		if suggestion := known.Suggest(asked, ""); !strings.HasPrefix(suggestion, "Run outcrop models") {
			return suggestion, nil
		}
		return otherwise, nil
	}
	d, err := decide(asked, cmp.Or(c.Region, regionOf(os.Getenv)), resolve.Default())
	if err != nil {
		return "", err
	}
	if len(d.Elsewhere) > 0 {
		e := notCallable(&d)
		return e.Message + ". " + e.Fix, nil
	}
	return "The model is known, but the configuration or the region does not lead to it; run outcrop models resolve " + asked + " to see how it is called.", nil
}

// read refreshes the lists, and warns of those that cannot be read. Models known from
// elsewhere are listed anyway.
func (c *listCommand) read(ctx context.Context, con console, client *outcrop.Client) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	for _, l := range client.Refresh(ctx, 0) {
		if l.Err == nil {
			continue
		}
		e := llm.AsError(l.Err)
		what := e.Message
		if e.Err != nil && e.Code == llm.CodeInternal {
			what = e.Err.Error()
		}
		since := "using the built-in catalogue"
		if !l.At.IsZero() {
			since = "using the list read at " + l.At.Format(time.RFC3339)
		}
		warn(con.err, "cannot list models in "+l.Location+"; "+since+": "+what, e.Fix)
	}
}

func (c *listCommand) table(con console, rows []modelRow) {
	t := table{columns: []column{
		{head: "NAME"},
		{head: "ID", worth: 2},
		{head: "VERB", worth: 5},
		{head: "CALLS", worth: 4},
		{head: "API", worth: 1, spare: true}, // the verb says nearly as much
		{head: "REGIONS", worth: 3},
		{head: "CONTEXT", worth: 8, right: true},
		{head: "$/M IN", worth: 7, right: true},
		{head: "$/M OUT", worth: 6, right: true},
		{head: "ACCESS", worth: 5},
		{head: "LIFECYCLE", worth: 9},
	}}
	for i := range rows {
		r := &rows[i]
		t.rows = append(t.rows, []string{
			r.Name, r.ID, dash(r.Verb), dash(r.Calls), dash(r.API), regions(r), count(r.Context),
			money(r.Input), money(r.Output), dash(r.Access), life(r),
		})
	}
	s := screenOf(con.out)
	left := t.print(con.out, s)
	if s.terminal && len(left) > 0 {
		fmt.Fprintf(con.err, "%s\n", s.wrap("Columns hidden to fit this terminal: "+strings.Join(left, ", ")+". Use a wider terminal, or --json.", ""))
	}
	for i := range rows {
		if r := &rows[i]; r.Configured && r.Warning != "" {
			warn(con.err, r.Name+": "+r.Warning, "")
		}
	}
}

// dash returns "-" for an unknown value.
func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// regions returns where calls are served: in the called region, in the regions of a
// profile, or anywhere.
func regions(r *modelRow) string {
	switch {
	case r.Anywhere:
		return r.Region + " (anywhere)"
	case len(r.Serves) > 1:
		return r.Region + " (" + strconv.Itoa(len(r.Serves)) + " regions)"
	default:
		return dash(r.Region)
	}
}

// count formats a number of tokens: 160k, 200k, 1M. A multiple of 1,024 but not of 1,000
// is counted in units of 1,024, as the makers of models do.
func count(n int64) string {
	thousand := int64(1000)
	if n%1000 != 0 && n%1024 == 0 {
		thousand = 1024
	}
	switch {
	case n == 0:
		return "-"
	case n < 1000:
		return strconv.FormatInt(n, 10)
	case n < 1000*thousand:
		return strconv.FormatInt((n+thousand/2)/thousand, 10) + "k"
	default:
		return strconv.FormatFloat(float64((n*100+thousand*thousand/2)/(thousand*thousand))/100, 'f', -1, 64) + "M"
	}
}

func money(usd *float64) string {
	if usd == nil {
		return "-"
	}
	return strconv.FormatFloat(*usd, 'f', -1, 64)
}

// life returns the lifecycle of a model; "-" if it is unknown.
func life(r *modelRow) string {
	var text string
	switch {
	case r.Lifecycle == "unknown":
		return "-"
	case r.Lifecycle == "retired" && r.EndOfLife != "":
		text = "retired " + r.EndOfLife
	case r.EndOfLife != "":
		text = r.Lifecycle + " until " + r.EndOfLife
	default:
		text = r.Lifecycle
	}
	if r.Successor != "" {
		text += ", then " + r.Successor
	}
	return text
}

// isField reports whether the JSON of a model has a field of that name.
func isField(name string) bool {
	return slices.Contains(fieldNames(), name)
}

// areFields reports whether a word is a list of field names, separated by commas.
func areFields(word string) bool {
	return !slices.ContainsFunc(strings.Split(word, ","), func(name string) bool { return !isField(name) })
}

// fieldNames returns the fields of a model in JSON.
func fieldNames() []string {
	return []string{
		"name", "aliases", "id", "title", "owner", "verb", "configured", "calls", "api", "region", "reason", "serves", "anywhere", "context", "max_output",
		"input_usd_per_million", "output_usd_per_million", "access", "lifecycle", "legacy", "end_of_life", "successor", "warning",
	}
}

// printJSON prints the rows, or the selected fields of each.
func (c *listCommand) printJSON(con console, rows []modelRow) error {
	var w jsonx.Writer
	w.Array()
	for i := range rows {
		text, err := jsonx.Marshal(&rows[i])
		if err != nil {
			return err
		}
		if len(c.Fields) == 0 {
			w.Raw(text)
			continue
		}
		members, err := jsonx.Members(text)
		if err != nil {
			return err
		}
		w.Object()
		for _, name := range c.Fields {
			if at := slices.IndexFunc(members, func(m jsonx.Member) bool { return m.Name == name }); at >= 0 {
				w.Key(name)
				w.Raw(members[at].Value)
			}
		}
		w.EndObject()
	}
	w.EndArray()
	text, err := jsonx.Indent(w.Buf)
	if err != nil {
		return err
	}
	_, err = con.out.Write(append(text, '\n'))
	return err
}
