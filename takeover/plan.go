package takeover

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/quota"
	"outcrop/store"
	"outcrop/tenant"
)

// Plan is what a take-over would write.
type Plan struct {
	// Tables are what was found, by table.
	Tables []*Table
	// Left is what is not taken, or has no effect.
	Left []Left

	entities []*entity
	present  map[store.Ref]bool // that LiteLLM has, taken or not
	now      time.Time

	budgets map[string]row    // by id
	emails  map[string]string // ids of users
	aliases map[string]row    // of LiteLLM_ModelTable by id
	members map[string]row    // of LiteLLM_TeamMembership by the id of the entity
	left    map[Left]int      // with Rows 0
}

// Table tells of one table of LiteLLM.
type Table struct {
	Name string `json:"table"`
	// Rows is how many it has, and Taken how many of them become something in Outcrop.
	Rows  int `json:"rows"`
	Taken int `json:"taken"`
	// What a take-over has done with them.
	Created   int `json:"created"`
	Changed   int `json:"changed"`
	Unchanged int `json:"unchanged"`
	Deleted   int `json:"deleted"`
}

// Left is something that is not taken, or has no effect.
type Left struct {
	Table string `json:"table"`
	// Field is a column or a member of the metadata; empty for whole rows.
	Field string `json:"field,omitzero"`
	// Rows is how many rows have it.
	Rows   int    `json:"rows"`
	Reason string `json:"reason"`
	// Weaker is whether Outcrop lets something through that LiteLLM refuses.
	Weaker bool `json:"weaker,omitzero"`
}

// entity is an entity that is to be written, with what it has spent.
type entity struct {
	store.Entity

	table *Table
	// spent is what it has spent in its budget's period, which ends at resets; the zero time for never.
	spent  int64
	resets time.Time
	// duration is that of its budget.
	duration string
	// counter is whether there is a counter only.
	counter bool
	// source is the document as LiteLLM has it, to find out whether it has changed; nil if that is Doc. What is encrypted
	// again is never the same twice.
	source []byte
}

// seen is what is compared with what was seen before.
func (e *entity) seen() []byte {
	if e.source != nil {
		return e.source
	}
	return e.Doc
}

func (e *entity) ref() store.Ref { return store.Ref{Kind: e.Kind, ID: e.ID} }

// Read reads what can be taken over. now decides which keys are still valid.
func Read(ctx context.Context, s *Source, now time.Time) (*Plan, error) {
	p := &Plan{
		now: now, present: map[store.Ref]bool{}, left: map[Left]int{},
		budgets: map[string]row{}, emails: map[string]string{}, aliases: map[string]row{}, members: map[string]row{},
	}
	for _, read := range []func(context.Context, *Source) error{
		p.readBudgets, p.plain(organizationsTable(), nil), p.plain(usersTable(), p.user), p.readMemberships, p.readTeams,
		p.plain(keysTableOf(), p.key), p.readOldKeys, p.readOrgMemberships, p.plain(projectsTable(), p.project), p.plain(groupBudgetsTable(), nil), p.plain(customersTable(), nil), p.plain(tagsTable(), p.tag),
		p.plain(groupsTable(), nil), p.noteModels, p.readOthers,
	} {
		if err := read(ctx, s); err != nil {
			return nil, err
		}
	}
	p.tell()
	return p, nil
}

// tell adds what was noted to Left, in which what is less strict than in LiteLLM comes first.
func (p *Plan) tell() {
	for what, rows := range p.left {
		what.Rows = rows
		p.Left = append(p.Left, what)
	}
	clear(p.left)
	slices.SortFunc(p.Left, func(a, b Left) int {
		if a.Weaker != b.Weaker {
			if a.Weaker {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Field, b.Field), cmp.Compare(a.Reason, b.Reason))
	})
}

// leave notes a row with something that is not taken.
func (p *Plan) leave(table, field, reason string, weaker bool) {
	p.left[Left{Table: table, Field: field, Reason: reason, Weaker: weaker}]++
}

func (p *Plan) table(name string) *Table {
	t := &Table{Name: name}
	p.Tables = append(p.Tables, t)
	return t
}

// plain reads a table whose rows become entities each. also may change the entity, or say that it is not taken.
func (p *Plan) plain(of table, also func(r row, d *doc, e *entity) bool) func(context.Context, *Source) error {
	return func(ctx context.Context, s *Source) error {
		t := p.table(of.name)
		return s.each(ctx, of.name, "", nil, func(r row) error {
			t.Rows++
			e := &entity{Entity: store.Entity{Kind: of.kind, ID: r.text(of.id)}, table: t}
			p.present[e.ref()] = true
			d := p.document(r, &of)
			if of.alias != "" {
				e.Alias = r.text(of.alias)
			}
			if of.kind == store.KindUser {
				e.Alias = tenant.UserNames(r.text("user_email"), e.Alias, r.text("sso_user_id"))
			}
			if also == nil || also(r, d, e) {
				p.add(r, d, e)
			}
			return nil
		})
	}
}

// add adds an entity to what is to be written, unless its document cannot be read.
func (p *Plan) add(r row, d *doc, e *entity) {
	e.Created, e.Updated = r.time("created_at"), r.time("updated_at")
	e.spent = p.units(e.table.Name, r.get("spend"))
	e.duration, e.resets = r.text("budget_duration"), r.time("budget_reset_at")
	if budget, ok := p.budgets[r.text("budget_id")]; ok && e.duration == "" {
		e.duration, e.resets = budget.text("budget_duration"), budget.time("budget_reset_at")
	}
	if _, err := quota.ParseWindow(e.duration, p.now); err != nil && e.duration != "" {
		p.leave(e.table.Name, "budget_duration", "it is no period that Outcrop knows, so the budget does not begin anew", false)
	}
	e.Doc = d.bytes()
	if !e.counter {
		if err := tenant.Check(&e.Entity); err != nil {
			p.leave(e.table.Name, "", "the row cannot be read, so it is not taken: "+reason(err), false)
			return
		}
	}
	if d.has("budget_limits") && !empty(d.get("budget_limits")) {
		p.leave(e.table.Name, "budget_limits", "LiteLLM's database does not have what was spent in these periods, so they begin with 0", true)
	}
	if !empty(d.get("model_max_budget")) {
		p.leave(e.table.Name, "model_max_budget", "LiteLLM's database does not have what was spent on single models, so it begins with 0", true)
	}
	e.table.Taken++
	p.present[e.ref()] = true
	p.entities = append(p.entities, e)
}

// reason is an error without the entity that it names, so that rows with the same fault count as one.
func reason(err error) string {
	for inner := err; inner != nil; {
		u, ok := inner.(interface{ Unwrap() error })
		if !ok {
			return inner.Error()
		}
		inner = u.Unwrap()
	}
	return err.Error()
}

// units are an amount in US dollars, in 10⁻¹² USD. Amounts that are too large are the largest number.
func (p *Plan) units(table string, v jsonx.Raw) int64 {
	if v == nil {
		return 0
	}
	if c, ok := llm.ParseCost(string(v)); ok {
		return int64(c)
	}
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil || math.IsNaN(f) || f < 0 {
		p.leave(table, "spend", "it is no amount, or less than 0, and counts as 0", true)
		return 0
	}
	if f *= 1e12; f < math.MaxInt64 {
		return int64(f)
	}
	return math.MaxInt64
}

// document is the document of a row.
func (p *Plan) document(r row, of *table) *doc {
	d := &doc{}
	for _, m := range r.members {
		switch {
		case slices.Contains(everywhere(), m.Name) || slices.Contains(of.drop, m.Name):
			continue
		case slices.Contains(timeColumns(), m.Name):
			if t := r.time(m.Name); !t.IsZero() {
				m.Value = jsonx.AppendString(nil, t.Format("2006-01-02T15:04:05.000Z07:00"))
			}
		case slices.Contains(jsonColumns(), m.Name):
			m.Value = unwrapped(m.Value)
		}
		if m.Name == "metadata" {
			m.Value = p.metadata(m.Value, of.name)
		}
		d.set(m.Name, m.Value)
	}
	for _, k := range of.kept {
		if !empty(d.get(k.name)) {
			p.leave(of.name, k.name, k.reason, k.weaker)
		}
	}
	return d
}

// metadata is the metadata without what is not taken.
func (p *Plan) metadata(v jsonx.Raw, table string) jsonx.Raw {
	if v.Kind() != '{' {
		return v
	}
	d := parse(v)
	for _, name := range secretMetadata() {
		if !empty(d.get(name)) {
			p.leave(table, "metadata."+name, metadataCredentials, false)
		}
		d.drop(name)
	}
	for _, k := range inMetadata() {
		if !empty(d.get(k.name)) {
			p.leave(table, "metadata."+k.name, k.reason, k.weaker)
		}
	}
	return d.bytes()
}
