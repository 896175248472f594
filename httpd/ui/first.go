package ui

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
)

// doctor is the last check of whether calls would work, and the one that runs. There is one for all who look.
type doctor struct {
	mu       sync.Mutex
	running  bool
	calls    bool // whether it calls models
	planned  int
	made     int
	began    time.Time
	ended    time.Time
	err      error
	findings []Finding
}

// checkTimeout bounds a check.
const checkTimeout = 10 * time.Minute

// start begins a check unless one runs.
func (h *Handler) start(calls bool) {
	d := &h.doctor
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.running || h.base.Err() != nil {
		return
	}
	d.running, d.calls, d.planned, d.made, d.findings, d.err, d.began = true, calls, 0, 0, nil, nil, h.opt.Now()
	h.own.Go(func() {
		ctx, cancel := context.WithTimeout(h.base, checkTimeout)
		defer cancel()
		err := h.opt.Check(ctx, calls, nil, func(n int) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.planned = n
		}, func(f Finding) {
			d.mu.Lock()
			defer d.mu.Unlock()
			if called(&f) {
				d.made++
			}
			d.findings = append(d.findings, f)
		})
		d.mu.Lock()
		defer d.mu.Unlock()
		d.running, d.ended, d.err = false, h.opt.Now(), err
	})
}

// called reports whether a finding is that of a call of a model.
func called(f *Finding) bool {
	return f.Check == provider.CheckWhole || f.Check == provider.CheckStream
}

// report is what the doctor's part of the page shows.
type report struct {
	Running       bool
	Planned, Made int
	// Done is whether there is a report, and Called whether models were called for it.
	Done, Called bool
	At           time.Time
	Identities   []identity
	Problems     []problem
	Models       []answering
	Checks       []checkRow
	Answering    int
	CanRun       bool
	Failed       string
}

// identity is who a provider says that we are.
type identity struct {
	Subject, Account, Principal, Credential, Origin, Region, Expires string
}

// problem is something that does not work, with what to do.
type problem struct {
	Code, Message, Cause, Fix, Docs string
	Statements                      []string
	Subjects                        []string
}

// answering is a model that was called.
type answering struct {
	Name, Target, Region, Reason string
	Whole, Stream                string
	Took                         time.Duration
}

type checkRow struct{ Subject, Region, State, Detail string }

// report describes the last check.
func (h *Handler) report(canRun bool) report {
	d := &h.doctor
	d.mu.Lock()
	defer d.mu.Unlock()
	r := report{Running: d.running, Planned: d.planned, Made: d.made, Done: !d.ended.IsZero() && !d.running, Called: d.calls, At: d.ended, CanRun: canRun}
	if d.err != nil {
		r.Failed = d.err.Error()
	}
	for i := range d.findings {
		f := &d.findings[i]
		if f.Err != nil {
			r.Problems = addProblem(r.Problems, f)
		}
		switch {
		case f.Check == provider.CheckIdentity && f.Err == nil:
			id := &f.Identity
			expires := ""
			if !id.Expires.IsZero() {
				expires = stamp(id.Expires)
			}
			r.Identities = append(r.Identities, identity{f.Subject, id.Account, id.Principal, string(id.Credential), id.Origin, cmp.Or(id.Location, f.Location), expires})
		case called(f):
			r.Models = addAnswering(r.Models, f)
		default:
			r.Checks = append(r.Checks, checkRow{cmp.Or(f.Subject, string(f.Check)), f.Location, string(f.State), strings.TrimSpace(cmp.Or(f.Detail, f.Fix))})
		}
	}
	for i := range r.Models {
		if r.Models[i].Whole == string(provider.StateOK) || r.Models[i].Stream == string(provider.StateOK) {
			r.Answering++
		}
	}
	return r
}

// addProblem adds a failure to those with the same code and fix.
func addProblem(all []problem, f *Finding) []problem {
	e := f.Err
	subject := cmp.Or(f.Model, f.Subject)
	for i := range all {
		if p := &all[i]; p.Code == string(e.Code) && p.Fix == e.Fix {
			if !slices.Contains(p.Subjects, subject) {
				p.Subjects = append(p.Subjects, subject)
			}
			return all
		}
	}
	return append(all, problem{string(e.Code), e.Message, e.Cause, e.Fix, e.Docs, statements(e), []string{subject}})
}

// statements are the IAM statements that an error says are missing, for people.
func statements(e *llm.Error) (all []string) {
	list := e.Statements
	if list == nil && len(e.Statement) > 0 {
		list = []jsonx.Raw{e.Statement}
	}
	for _, s := range list {
		text, err := jsonx.Indent(s)
		if err != nil {
			text = s
		}
		all = append(all, string(text))
	}
	return all
}

// addAnswering adds a call to the row of its model.
func addAnswering(all []answering, f *Finding) []answering {
	name := f.Model
	if len(f.Names) > 0 {
		name = f.Names[0]
	}
	i := slices.IndexFunc(all, func(a answering) bool { return a.Name == name && a.Region == f.Target.Region })
	if i < 0 {
		i = len(all)
		all = append(all, answering{Name: name, Target: f.Target.ID, Region: f.Target.Region, Reason: f.Target.Reason})
	}
	a := &all[i]
	if f.Check == provider.CheckStream {
		a.Stream = string(f.State)
	} else {
		a.Whole, a.Took = string(f.State), f.Took
	}
	return all
}

// firstData is what the first page shows.
type firstData struct {
	Report   *report
	Address  string
	Sample   string
	Locked   bool
	Examples []example
	CSRF     string
}

// example is a first call in one language.
type example struct{ ID, Title, Note, Text string }

// first shows the first steps.
func (x *exchange) first() error {
	d := firstData{Address: x.address(), Sample: cmp.Or(x.h.opt.Sample(), "MODEL"), Locked: x.h.opt.Master != "", CSRF: x.h.token(&x.session)}
	d.Examples = examples(d.Address, d.Sample, d.Locked)
	if x.person.sees() {
		if x.h.doctor.never() {
			x.h.start(false) // it calls no model
		}
		r := x.h.report(x.person.Role == Operator)
		d.Report = &r
	}
	return x.show(http.StatusOK, "first", "First steps", &d)
}

// never reports whether nothing was checked yet.
func (d *doctor) never() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.began.IsZero()
}

// startDoctor checks again, with calls of models.
func (x *exchange) startDoctor() error {
	x.h.opt.Logger.Info("the models are checked from the pages", slog.String("by", cmp.Or(x.person.UserID, string(x.person.Role))))
	x.h.start(true)
	return x.doctorPart()
}

// doctorPart shows how far the check is, or its report.
func (x *exchange) doctorPart() error {
	r := x.h.report(x.person.Role == Operator)
	return x.part("first", "doctor", &r)
}

// address is the address that the browser has for the gateway.
func (x *exchange) address() string {
	host := x.r.Host
	if host == "" || strings.Trim(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]") != "" {
		host = "127.0.0.1:4000"
	}
	if x.r.TLS != nil || strings.EqualFold(x.r.Header.Get("X-Forwarded-Proto"), "https") {
		return "https://" + host
	}
	return "http://" + host
}

// quoted is a text within single quotes of a shell.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// literal is a text as a string of JSON, which Python and JavaScript read too.
func literal(text string) string { return string(jsonx.AppendString(nil, text)) }

// examples are first calls to paste. A key is read from the variable OUTCROP_KEY, so that none is shown.
func examples(address, model string, locked bool) []example {
	bearer, key, note := "", "unused", ""
	python, script, shell := `"unused"`, `"unused"`, "unused"
	if locked {
		bearer, key = ` -H "Authorization: Bearer $OUTCROP_KEY"`, "$OUTCROP_KEY"
		python, script, shell = `os.environ["OUTCROP_KEY"]`, `process.env.OUTCROP_KEY`, `"$OUTCROP_KEY"`
		note = "Set OUTCROP_KEY to a key first; the page Keys makes one."
	}
	body := `{"model": ` + literal(model) + `, "messages": [{"role": "user", "content": "Hello"}]}`
	imports := "from openai import OpenAI\n"
	if locked {
		imports = "import os\nfrom openai import OpenAI\n"
	}
	codex := "OUTCROP_KEY=unused "
	if locked {
		codex = ""
	}
	return []example{
		{"curl", "curl", note, "curl -s " + address + "/v1/chat/completions" + bearer + " \\\n  -H 'Content-Type: application/json' \\\n  -d " + quoted(body)},
		{"python", "Python", strings.TrimSpace("pip install openai. " + note), imports + "client = OpenAI(base_url=" + literal(address+"/v1") + ", api_key=" + python + ")\nanswer = client.chat.completions.create(\n    model=" + literal(model) + ",\n    messages=[{\"role\": \"user\", \"content\": \"Hello\"}])\nprint(answer.choices[0].message.content)"},
		{"javascript", "JavaScript", strings.TrimSpace("npm install openai. " + note), "import OpenAI from \"openai\";\nconst client = new OpenAI({ baseURL: " + literal(address+"/v1") + ", apiKey: " + script + " });\nconst answer = await client.chat.completions.create({\n  model: " + literal(model) + ",\n  messages: [{ role: \"user\", content: \"Hello\" }],\n});\nconsole.log(answer.choices[0].message.content);"},
		{"claude", "Claude Code", note, "ANTHROPIC_BASE_URL=" + address + " ANTHROPIC_AUTH_TOKEN=" + shell + " \\\n  claude --model " + quoted(model)},
		{"codex", "Codex", note, codex + "codex -m " + quoted(model) + " -c model_provider=outcrop \\\n  -c 'model_providers.outcrop={name=\"Outcrop\", base_url=\"" + address + "/v1\", env_key=\"OUTCROP_KEY\", wire_api=\"responses\"}'"},
		{"other", "Anything else", "", "OpenAI-compatible:  " + address + "/v1\nAnthropic, Gemini:  " + address + "\nAPI key:            " + key},
	}
}
