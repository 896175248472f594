package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"outcrop/app"
	"outcrop/config"
	"outcrop/internal/jsonx"
	"outcrop/internal/seal"
	"outcrop/provider/all"
	"outcrop/store"
	"outcrop/takeover"
)

// importCommand holds the take-overs.
type importCommand struct {
	LiteLLM importLiteLLMCommand `cmd:"" name:"litellm" help:"Take over keys, users, teams, budgets, models, policies and spend from the database of a LiteLLM proxy, which is only read. It can be repeated."`
}

type importLiteLLMCommand struct {
	From      string `name:"database-url" env:"DATABASE_URL" required:"" placeholder:"URL" help:"PostgreSQL database of LiteLLM, its DATABASE_URL."`
	SaltKey   string `name:"salt-key" env:"LITELLM_SALT_KEY" placeholder:"KEY" help:"LiteLLM's salt key, for models and credentials."`
	MasterKey string `name:"master-key" env:"LITELLM_MASTER_KEY" placeholder:"KEY" help:"LiteLLM's master key, which encrypts models and credentials where there is no salt key."`
	ToSaltKey string `name:"to-salt-key" placeholder:"KEY" help:"The salt key of Outcrop's gateway, its LITELLM_SALT_KEY, or its master key where it has none. Default: LiteLLM's, so that models stay as they are encrypted."`
	To        string `name:"to-database-url" env:"OUTCROP_DATABASE_URL" placeholder:"URL" xor:"to" help:"PostgreSQL database of Outcrop; it may be the same one. Default: SQLite in the data folder."`
	DataDir   string `name:"data-dir" env:"OUTCROP_DATA_DIR" placeholder:"DIR" help:"Folder of Outcrop's data, that of the gateway. Default: outcrop in the user's cache folder."`
	ModelsOut string `name:"models-out" placeholder:"FILE" help:"Write models and credentials to this file, as a configuration with secrets, and not to the database."`
	SpendLogs bool   `name:"spend-logs" help:"Also copy the spend logs, without prompts and responses."`
	DryRun    bool   `name:"dry-run" help:"Write nothing; print what would be taken over, and what not."`
	JSON      bool   `name:"json" help:"Print JSON."`
}

// imported is what the command prints.
type imported struct {
	DryRun bool              `json:"dry_run"`
	Tables []*takeover.Table `json:"tables"`
	Left   []takeover.Left   `json:"left"`
	// Logs is what was copied of the spend logs; nil if it was not asked for.
	Logs *takeover.Logs `json:"spend_logs,omitzero"`
	// ModelsFile is the file with models and credentials; empty if none was written.
	ModelsFile string `json:"models_file,omitzero"`
}

// Run takes over.
func (c *importLiteLLMCommand) Run(ctx context.Context, con console) (err error) {
	if c.DataDir == "" {
		c.DataDir = defaultDataDir()
	}
	if c.To == "" && c.DataDir == "" && !c.DryRun {
		return &usageError{"there is no folder for data", "Name one with --data-dir, or a database with --to-database-url."}
	}
	if err := c.checkOut(); err != nil {
		return err
	}
	from, err := takeover.Open(ctx, c.From)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close(context.WithoutCancel(ctx))) }()
	// What can be wrong is found before anything is written.
	plan, err := takeover.Read(ctx, from, time.Now())
	if err != nil {
		return err
	}
	models, err := c.models(ctx, from, plan)
	if err != nil {
		return err
	}
	cfg := nothingConfigured()
	fault := func(kind store.Kind, name string, doc []byte) string { return app.PolicyFault(cfg, kind, name, doc) }
	if err := plan.AddPolicies(ctx, from, fault); err != nil {
		return err
	}
	out := &imported{DryRun: c.DryRun, ModelsFile: c.ModelsOut}
	if len(models.YAML) == 0 || c.DryRun {
		out.ModelsFile = ""
	}
	if c.DryRun {
		if c.SpendLogs {
			rows, err := takeover.CountLogs(ctx, from)
			if err != nil {
				return err
			}
			out.Logs = &takeover.Logs{Rows: rows}
		}
	} else if out.Logs, err = c.write(ctx, con, from, plan, models); err != nil {
		return err
	}
	out.Tables = plan.Tables
	for _, t := range [...]takeover.Table{
		{Name: "LiteLLM_ProxyModelTable", Rows: models.Models, Taken: models.TakenModels}, {Name: "LiteLLM_CredentialsTable", Rows: models.Credentials, Taken: models.TakenCredentials},
	} {
		if out.ModelsFile != "" {
			t.Created = t.Taken
		}
		out.Tables = append(out.Tables, &t)
	}
	out.Left = slices.Concat(plan.Left, models.Left)
	if c.JSON {
		return out.printJSON(con)
	}
	out.print(con)
	return nil
}

// models reads the models and credentials, if there is a key for them: for the file of --models-out, or into the plan.
func (c *importLiteLLMCommand) models(ctx context.Context, from *takeover.Source, plan *takeover.Plan) (models *takeover.Models, err error) {
	keys := seal.NewKeys(c.SaltKey, c.MasterKey)
	if c.ModelsOut != "" {
		models, err = takeover.ReadModels(ctx, from, keys)
	} else {
		models = &takeover.Models{}
		opt := &takeover.ModelOptions{From: keys, To: keys, Check: servable()}
		if c.ToSaltKey != "" {
			opt.To = seal.NewKeys(c.ToSaltKey)
		}
		err = plan.AddModels(ctx, from, opt)
	}
	noKey := c.SaltKey == "" && c.MasterKey == ""
	switch {
	case errors.Is(err, takeover.ErrWrongKey) && noKey && c.ModelsOut != "":
		return nil, &usageError{"LiteLLM's models and credentials are encrypted, and there is no key for them", "Set LITELLM_SALT_KEY, or LITELLM_MASTER_KEY where LiteLLM has no salt key, or leave out --models-out."}
	case errors.Is(err, takeover.ErrWrongKey) && noKey:
		return &takeover.Models{Left: []takeover.Left{{Table: "LiteLLM_ProxyModelTable", Reason: "models and credentials are encrypted, and there is no key for them: set LITELLM_SALT_KEY, or LITELLM_MASTER_KEY where LiteLLM has no salt key"}}}, nil
	case errors.Is(err, takeover.ErrWrongKey):
		return nil, &usageError{err.Error() + "; nothing was written", "Check LITELLM_SALT_KEY: it must be what LiteLLM had when the models were made, and LITELLM_MASTER_KEY where it had no salt key."}
	case err != nil:
		return nil, err
	}
	return models, nil
}

// nothingConfigured is a configuration as which entries of the database are read.
func nothingConfigured() *config.Config {
	cfg, _ := config.Load(config.Source{Name: "models", Data: []byte("model_list: []\n"), Providers: all.Providers()})
	return cfg
}

// servable says what keeps a model from being served.
func servable() func(entry jsonx.Raw, credentials map[string]jsonx.Raw) string {
	cfg := nothingConfigured()
	return func(entry jsonx.Raw, credentials map[string]jsonx.Raw) string {
		_, problems := cfg.Entry(&config.Addition{Path: modelPath, Entry: entry, Credentials: credentials})
		for _, p := range problems {
			if p.Severity == config.Error {
				p.Path = strings.TrimPrefix(strings.TrimPrefix(p.Path, modelPath), ".")
				return strings.TrimPrefix(p.String(), p.Severity.String()+": ")
			}
		}
		return ""
	}
}

// modelPath is the path of an entry of the database; messages leave it out.
const modelPath = "model"

// checkOut checks that the file of models is not somebody's own.
func (c *importLiteLLMCommand) checkOut() error {
	if c.ModelsOut == "" {
		return nil
	}
	data, err := os.ReadFile(c.ModelsOut)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("--models-out: %w", err)
	case !bytes.HasPrefix(data, []byte(takeover.FirstLine)):
		return &usageError{c.ModelsOut + " exists and was not written by this command", "Choose another file for --models-out."}
	}
	return nil
}

// write writes what was read.
func (c *importLiteLLMCommand) write(ctx context.Context, con console, from *takeover.Source, plan *takeover.Plan, models *takeover.Models) (_ *takeover.Logs, err error) {
	opt := store.Options{URL: c.To}
	if c.To == "" {
		if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
			return nil, err
		}
		opt.Dir = c.DataDir
	}
	to, err := store.Open(ctx, opt)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	if err := plan.Write(ctx, to); err != nil {
		return nil, err
	}
	if len(models.YAML) > 0 {
		if err := replacePrivate(c.ModelsOut, models.YAML); err != nil {
			return nil, err
		}
		c.checkModels(con, models.YAML)
	}
	if !c.SpendLogs {
		return nil, nil //nolint:nilnil // none were asked for
	}
	terminal := screenOf(con.err).terminal
	logs, err := plan.CopyLogs(ctx, from, to, func(l takeover.Logs) {
		if terminal {
			fmt.Fprintf(con.err, "\routcrop: %d rows of the spend logs", l.Rows)
		}
	})
	if terminal && logs.Rows > 0 {
		fmt.Fprintln(con.err)
	}
	return &logs, err
}

// replacePrivate writes a file that only its owner can read, whole or not at all.
func replacePrivate(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".outcrop-*") // has mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// checkModels prints what a gateway would say of the file of models.
func (c *importLiteLLMCommand) checkModels(con console, text []byte) {
	_, problems := config.Inspect(config.Source{Name: c.ModelsOut, Data: text, LookupEnv: os.LookupEnv, ReadFile: os.ReadFile, Providers: all.Providers()})
	printProblems(con.err, problems)
	if slices.ContainsFunc(problems, isError) {
		warn(con.err, c.ModelsOut+" has errors, with which a gateway does not start", "Correct them, or start it with --skip-unsupported-models to leave out models of providers that Outcrop does not support.")
	}
}

func (i *imported) printJSON(con console) error {
	if i.Left == nil {
		i.Left = []takeover.Left{}
	}
	data, err := jsonx.Marshal(i)
	if err != nil {
		return err
	}
	text, err := jsonx.Indent(data)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(con.out, string(text))
	return err
}

// print prints tables of what was taken and what was left.
func (i *imported) print(con console) {
	s := screenOf(con.out)
	taken := &table{columns: []column{{head: "LITELLM'S TABLE"}, {head: "ROWS", right: true}, {head: "TAKEN", right: true}}}
	if !i.DryRun {
		taken.columns = append(taken.columns, column{head: "NEW", right: true}, column{head: "CHANGED", right: true}, column{head: "UNCHANGED", right: true}, column{head: "DELETED", right: true})
	}
	for _, t := range i.Tables {
		if t.Rows == 0 && t.Deleted == 0 {
			continue
		}
		row := []string{t.Name, strconv.Itoa(t.Rows), strconv.Itoa(t.Taken)}
		if !i.DryRun {
			row = append(row, strconv.Itoa(t.Created), strconv.Itoa(t.Changed), strconv.Itoa(t.Unchanged), strconv.Itoa(t.Deleted))
		}
		taken.rows = append(taken.rows, row)
	}
	taken.print(con.out, s)
	if i.Logs != nil {
		fmt.Fprintf(con.out, "\nSpend logs: %s", plural(i.Logs.Rows, "row"))
		if !i.DryRun {
			fmt.Fprintf(con.out, ", of which %d are new", i.Logs.Added)
		}
		fmt.Fprintln(con.out)
	}
	if i.ModelsFile != "" {
		fmt.Fprintf(con.out, "\nModels and credentials are in %s, with their secrets.\n", i.ModelsFile)
	}
	if !i.DryRun && slices.ContainsFunc(i.Tables, func(t *takeover.Table) bool {
		return t.Name == "LiteLLM_ProxyModelTable" && t.Created+t.Changed+t.Unchanged > 0
	}) && i.ModelsFile == "" {
		fmt.Fprintln(con.out, s.wrap("\nModels are served with general_settings.store_model_in_db: true, and with the salt key, or master key, that they are encrypted with.", ""))
	}
	if !i.DryRun && slices.ContainsFunc(i.Tables, func(t *takeover.Table) bool {
		return t.Name == "LiteLLM_PolicyTable" && t.Created+t.Changed+t.Unchanged > 0
	}) {
		fmt.Fprintln(con.out, s.wrap("\nPolicies are in force with general_settings.store_model_in_db: true, and with the guardrails that they name in the configuration.", ""))
	}
	i.printLeft(con, true, "Less strict than in LiteLLM:")
	i.printLeft(con, false, "Not taken, or without an effect:")
	if i.DryRun {
		fmt.Fprintln(con.out, "\nNothing was written, because of --dry-run.")
	}
}

func (i *imported) printLeft(con console, weaker bool, head string) {
	s := screenOf(con.out)
	for _, l := range i.Left {
		if l.Weaker != weaker {
			continue
		}
		if head != "" {
			fmt.Fprintln(con.out, "\n"+head)
			head = ""
		}
		name := strings.Trim(l.Table+"."+l.Field, ".")
		rows := cmp.Or(strings.Replace(plural(l.Rows, "row"), "0 rows", "", 1), "rows")
		fmt.Fprintln(con.out, s.wrap("  "+name+" ("+rows+"): "+l.Reason, "    "))
	}
}
