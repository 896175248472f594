package cli

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/internal/levenshtein"
)

// keysCommand holds the commands for virtual keys.
type keysCommand struct {
	List    keysListCommand   `cmd:"" default:"withargs" help:"List the keys (the default)."`
	Create  keysCreateCommand `cmd:"" help:"Make a key and print it, this once."`
	Info    keysInfoCommand   `cmd:"" help:"Show a key with what it has spent."`
	Update  keysUpdateCommand `cmd:"" help:"Change a key."`
	Block   keysBlockCommand  `cmd:"" help:"Refuse calls with a key."`
	Unblock keysAllowCommand  `cmd:"" help:"Accept calls with a blocked key again."`
	Rotate  keysRotateCommand `cmd:"" help:"Replace a key by a new one with the same limits and print it, this once."`
	Delete  keysDeleteCommand `cmd:"" help:"Delete keys."`
}

type keysListCommand struct {
	adminFlags
	outputFlags
	Team   string `placeholder:"TEAM" help:"Only the keys of a team."`
	User   string `placeholder:"USER" help:"Only the keys of a user."`
	Search string `placeholder:"WORD" help:"Only keys whose alias or hash contains a word."`
	Status string `enum:"any,active,expired,revoked" default:"any" help:"Only keys that are active, expired or revoked (blocked)."`
}

// keyFlags are the fields of a key that create and update set.
type keyFlags struct {
	limitFlags
	modelFlags
	Duration string `placeholder:"TIME" help:"When the key expires: 90d, 12h and so on; none for never."`
	Team     string `placeholder:"TEAM" help:"The team that the key belongs to; none for no team."`
	User     string `placeholder:"USER" help:"The user that the key belongs to; none for no user."`
	Budget   string `placeholder:"BUDGET" help:"A budget of outcrop budgets, for limits that several keys have alike; none for no budget."`
	setFlags
}

type keysCreateCommand struct {
	adminFlags
	Alias string `arg:"" optional:"" help:"A name for the key, to manage it by."`
	keyFlags
	JSON bool `name:"json" help:"Print all fields as JSON."`
}

// keyArgument is the key that a command is about.
type keyArgument struct {
	Which string `arg:"" name:"key-or-alias" help:"The key's alias, its hash or the beginning of its hash, or the key itself."`
}

type keysInfoCommand struct {
	adminFlags
	keyArgument
	JSON bool `name:"json" help:"Print JSON, as the gateway's API has it."`
}

type keysUpdateCommand struct {
	adminFlags
	keyArgument
	Alias string `placeholder:"NAME" help:"Another alias."`
	keyFlags
}

type keysBlockCommand struct {
	adminFlags
	keyArgument
}

type keysAllowCommand struct {
	adminFlags
	keyArgument
}

type keysRotateCommand struct {
	adminFlags
	keyArgument
	Grace string `name:"grace-period" placeholder:"TIME" help:"How long the old key works beside the new one, such as 24h; otherwise it ends at once."`
	JSON  bool   `name:"json" help:"Print all fields as JSON."`
}

type keysDeleteCommand struct {
	adminFlags
	Keys []string `arg:"" name:"key-or-alias" help:"Aliases, hashes, the beginnings of hashes, or keys."`
}

// shortHash is how much of a key's hash tables show; it is enough to name the key.
const shortHash = 12

// Run lists the keys.
func (c *keysListCommand) Run(ctx context.Context, con console) error {
	return c.with(ctx, con, func(m *manager) error {
		q := url.Values{"return_full_object": {"true"}}
		for name, value := range map[string]string{"search": c.Search, "status": strings.TrimPrefix(c.Status, "any")} {
			if value != "" {
				q.Set(name, value)
			}
		}
		for _, v := range [...]struct {
			kind  thingKind
			value string
		}{{teamKind(), c.Team}, {userKind(), c.User}} {
			if v.value == "" {
				continue
			}
			id, err := m.named(ctx, v.kind, v.value)
			if err != nil {
				return err
			}
			q.Set(v.kind.id, id)
		}
		all, err := m.list(ctx, "/key/list", "size", "keys", q)
		if err != nil {
			return err
		}
		return c.printThings(con, all, keyTable(all), "There are no such keys. outcrop keys create NAME makes one.")
	})
}

// keyTable is the table of keys.
func keyTable(all []object) *table {
	t := &table{columns: []column{
		{head: "ALIAS"},
		{head: "HASH", worth: 6},
		{head: "KEY", worth: 2},
		{head: "TEAM", worth: 7},
		{head: "USER", worth: 7},
		{head: "SPENT $", worth: 10, right: true},
		{head: "BUDGET $", worth: 9, right: true},
		{head: "RESETS", worth: 4},
		{head: "RPM", worth: 5, right: true},
		{head: "TPM", worth: 5, right: true},
		{head: "MODELS", worth: 3},
		{head: "EXPIRES", worth: 4},
		{head: "STATUS", worth: 8},
	}}
	for _, k := range all {
		k = k.withBudget()
		t.add(k.text("key_alias"), head(k.text("token")), k.text("key_name"), k.text("team_id"), k.text("user_id"), k.money("spend"), k.money("max_budget"),
			k.date("budget_reset_at"), k.text("rpm_limit"), k.text("tpm_limit"), k.text("models"), k.date("expires"), k.text("status"))
	}
	return t
}

// head is the beginning of a hash.
func head(hash string) string { return hash[:min(shortHash, len(hash))] }

// list reads all pages of a list. sizeName is what the API calls the size of a page, and member where the list is.
func (m *manager) list(ctx context.Context, path, sizeName, member string, q url.Values) ([]object, error) {
	all := []object{}
	q.Set(sizeName, "100")
	for page := int64(1); ; page++ {
		q.Set("page", strconv.FormatInt(page, 10))
		answer, err := m.get(ctx, path, q)
		if err != nil {
			return nil, err
		}
		o := objectOf(answer)
		some, err := objectsOf(o.get(member))
		if err != nil {
			return nil, m.stranger()
		}
		all = append(all, some...)
		if pages, _ := strconv.ParseInt(o.text("total_pages"), 10, 64); page >= pages || len(some) == 0 {
			return all, nil
		}
	}
}

// keyNamed finds the key that a word names, and returns its hash. A key itself never leaves this process.
func (m *manager) keyNamed(ctx context.Context, word string) (string, error) {
	if strings.HasPrefix(word, "sk-") {
		sum := sha256.Sum256([]byte(word))
		return hex.EncodeToString(sum[:]), nil
	}
	if _, err := hex.DecodeString(word); err == nil && len(word) == 2*sha256.Size {
		return word, nil
	}
	found, err := m.list(ctx, "/key/list", "size", "keys", url.Values{"search": {word}, "return_full_object": {"true"}})
	if err != nil {
		return "", err
	}
	var exact, begun []string
	for _, k := range found {
		switch hash := k.text("token"); {
		case k.text("key_alias") == word:
			exact = append(exact, hash)
		case len(word) >= 6 && strings.HasPrefix(hash, strings.ToLower(word)):
			begun = append(begun, hash)
		}
	}
	if len(exact) == 0 {
		exact = begun
	}
	switch len(exact) {
	case 1:
		return exact[0], nil
	case 0:
		return "", m.noKey(ctx, word)
	}
	for i, hash := range exact {
		exact[i] = head(hash)
	}
	return "", &hinted{fmt.Sprintf("%q is the name of %d keys", word, len(exact)), "Name one by its hash: " + strings.Join(exact, ", ") + "."}
}

// noKey is the error of a key that does not exist, with the alias that was probably meant.
func (m *manager) noKey(ctx context.Context, word string) error {
	answer, err := m.get(ctx, "/key/aliases", url.Values{"size": {"100"}})
	if err != nil {
		return err
	}
	var list struct {
		Aliases []string `json:"aliases"`
	}
	if err := jsonx.Unmarshal(answer, &list); err != nil {
		return m.stranger()
	}
	return unknown("key", word, list.Aliases, "outcrop keys")
}

// unknown is the error of a thing that does not exist, with the name that was probably meant.
func unknown(kind, word string, names []string, command string) error {
	hint := "Run " + command + " to list what there is."
	if near := levenshtein.Nearest(word, names, max(3, len(word)/3+1)); near != "" {
		hint = "Did you mean " + near + "? " + command + " lists all of them."
	}
	return &hinted{fmt.Sprintf("there is no %s %q", kind, word), hint}
}

// fill writes the fields that are set into a request, except for what the key belongs to.
func (f *keyFlags) fill(body *object) error {
	if err := f.limitFlags.fill(body); err != nil {
		return err
	}
	f.modelFlags.fill(body)
	timed(body, "duration", f.Duration)
	f.setFlags.fill(body)
	return nil
}

// belongs writes what the key belongs to into a request.
func (f *keyFlags) belongs(ctx context.Context, m *manager, body *object) error {
	for _, v := range [...]struct {
		kind  thingKind
		value string
	}{{teamKind(), f.Team}, {userKind(), f.User}, {budgetKind(), f.Budget}} {
		switch v.value {
		case "":
		case unlimited:
			body.raw(v.kind.id, jsonx.Raw("null"))
		default:
			id, err := m.named(ctx, v.kind, v.value)
			if err != nil {
				return err
			}
			body.put(v.kind.id, id)
		}
	}
	return nil
}

// Run makes a key.
func (c *keysCreateCommand) Run(ctx context.Context, con console) error {
	body := &object{}
	given(body, "key_alias", c.Alias)
	if err := c.fill(body); err != nil {
		return err
	}
	return c.with(ctx, con, func(m *manager) error {
		if err := c.belongs(ctx, m, body); err != nil {
			return err
		}
		answer, err := m.post(ctx, "/key/generate", body)
		if err != nil {
			return err
		}
		return m.printKey(con, answer, c.JSON, "Made")
	})
}

// printKey prints a new key: on standard output the key alone, so that a script can keep it.
func (m *manager) printKey(con console, answer jsonx.Raw, json bool, done string) error {
	o := objectOf(answer)
	key := o.text("key")
	if key == "" {
		return m.stranger()
	}
	if json {
		if err := printRaw(con.out, answer); err != nil {
			return err
		}
	} else {
		fmt.Fprintln(con.out, key)
	}
	name := "a key"
	if alias := o.text("key_alias"); alias != "" {
		name = "the key " + alias
	}
	fmt.Fprintf(con.err, "%s %s (hash %s). Store it now: it will not be shown again.\n", done, name, head(cmp.Or(o.text("token"), o.text("token_id"))))
	return nil
}

// Run shows a key.
func (c *keysInfoCommand) Run(ctx context.Context, con console) error {
	return c.with(ctx, con, func(m *manager) error {
		hash, err := m.keyNamed(ctx, c.Which)
		if err != nil {
			return err
		}
		answer, err := m.get(ctx, "/key/info", url.Values{"key": {hash}})
		if err != nil {
			return absentKey(err, c.Which)
		}
		info := objectOf(objectOf(answer).get("info"))
		info.put("token", hash)
		if c.JSON {
			return printRaw(con.out, info.bytes())
		}
		describe(con.out, info.withBudget())
		return nil
	})
}

// masked is a word that may be a key, as messages have it.
func masked(word string) string {
	if strings.HasPrefix(word, "sk-") {
		return "sk-..."
	}
	return word
}

// Run changes a key.
func (c *keysUpdateCommand) Run(ctx context.Context, con console) error {
	body := &object{}
	given(body, "key_alias", c.Alias)
	if err := c.fill(body); err != nil {
		return err
	}
	if c.Team+c.User+c.Budget == "" {
		if err := changed(body, "keys update"); err != nil {
			return err
		}
	}
	return c.changeKey(ctx, con, c.Which, "/key/update", body, "Changed", &c.keyFlags)
}

// Run blocks a key.
func (c *keysBlockCommand) Run(ctx context.Context, con console) error {
	return c.changeKey(ctx, con, c.Which, "/key/block", &object{}, "Blocked", &keyFlags{})
}

// Run unblocks a key.
func (c *keysAllowCommand) Run(ctx context.Context, con console) error {
	return c.changeKey(ctx, con, c.Which, "/key/unblock", &object{}, "Unblocked", &keyFlags{})
}

// changeKey sends a change of a key, and says that it is done.
func (f *adminFlags) changeKey(ctx context.Context, con console, word, path string, body *object, done string, of *keyFlags) error {
	return f.with(ctx, con, func(m *manager) error {
		hash, err := m.keyNamed(ctx, word)
		if err != nil {
			return err
		}
		body.put("key", hash)
		if err := of.belongs(ctx, m, body); err != nil {
			return err
		}
		if _, err := m.post(ctx, path, body); err != nil {
			return absentKey(err, word)
		}
		fmt.Fprintf(con.out, "%s the key %s.\n", done, masked(word))
		return nil
	})
}

// absentKey is the error of a key that does not exist, if an error says that.
func absentKey(err error, word string) error {
	e, ok := errors.AsType[*apiError](err)
	if ok && e.status == http.StatusNotFound && (e.param == "key" || e.param == "keys") {
		return unknown("key", masked(word), nil, "outcrop keys")
	}
	return err
}

// Run replaces a key.
func (c *keysRotateCommand) Run(ctx context.Context, con console) error {
	return c.with(ctx, con, func(m *manager) error {
		hash, err := m.keyNamed(ctx, c.Which)
		if err != nil {
			return err
		}
		body := &object{}
		body.put("key", hash)
		given(body, "grace_period", c.Grace)
		answer, err := m.post(ctx, "/key/regenerate", body)
		if err != nil {
			return absentKey(err, c.Which)
		}
		return m.printKey(con, answer, c.JSON, "Replaced")
	})
}

// Run deletes keys.
func (c *keysDeleteCommand) Run(ctx context.Context, con console) error {
	return c.with(ctx, con, func(m *manager) error {
		hashes, words := make([]string, len(c.Keys)), make([]string, len(c.Keys))
		for i, word := range c.Keys {
			var err error
			if hashes[i], err = m.keyNamed(ctx, word); err != nil {
				return err
			}
			words[i] = masked(word)
		}
		body := &object{}
		body.list("keys", hashes)
		answer, err := m.post(ctx, "/key/delete", body)
		if err != nil {
			return absentKey(err, strings.Join(words, ", "))
		}
		var deleted []jsonx.Raw
		if err := jsonx.Unmarshal(objectOf(answer).get("deleted_keys"), &deleted); err != nil {
			return m.stranger()
		}
		fmt.Fprintf(con.out, "Deleted %s.\n", plural(len(deleted), "key"))
		return nil
	})
}
