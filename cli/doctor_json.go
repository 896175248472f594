package cli

import (
	"fmt"
	"io"
	"time"

	"outcrop"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
)

// doctorJSON is the JSON of outcrop doctor; docs/doctor.md describes it.
type doctorJSON struct {
	Outcrop     string        `json:"outcrop"`
	Healthy     bool          `json:"healthy"`
	Interrupted bool          `json:"interrupted"`
	Probes      probesJSON    `json:"probes"`
	Checks      []checkJSON   `json:"checks"`
	Models      []callJSON    `json:"models"`
	Refusals    []refusalJSON `json:"refusals"`
}

type probesJSON struct {
	Planned int     `json:"planned"`
	Made    int     `json:"made"`
	Cost    float64 `json:"cost_usd"`
}

type checkJSON struct {
	Identity int         `json:"identity,omitzero"`
	Names    []string    `json:"names"`
	Check    string      `json:"check"`
	Subject  string      `json:"subject"`
	Region   string      `json:"region,omitzero"`
	State    string      `json:"state"`
	Detail   string      `json:"detail,omitzero"`
	Fix      string      `json:"fix,omitzero"`
	Took     int64       `json:"took_ms"`
	Count    int         `json:"count,omitzero"`
	Caller   *callerJSON `json:"caller,omitzero"`
	Ours     string      `json:"ours,omitzero"`
	Theirs   string      `json:"theirs,omitzero"`
	Error    *errorJSON  `json:"error,omitzero"`
}

type callerJSON struct {
	Account    string `json:"account,omitzero"`
	ARN        string `json:"arn,omitzero"`
	Credential string `json:"credential,omitzero"`
	AccessKey  string `json:"access_key_id,omitzero"`
	Origin     string `json:"origin,omitzero"`
	Expires    string `json:"expires,omitzero"`
	Region     string `json:"region,omitzero"`
}

type callJSON struct {
	Identity int        `json:"identity"`
	Names    []string   `json:"names"`
	Model    string     `json:"model"`
	Verb     string     `json:"verb"`
	Calls    string     `json:"calls,omitzero"`
	API      string     `json:"api,omitzero"`
	Region   string     `json:"region,omitzero"`
	Reason   string     `json:"reason,omitzero"`
	Whole    *probeJSON `json:"whole,omitzero"`
	Stream   *probeJSON `json:"stream,omitzero"`
}

type probeJSON struct {
	State  string     `json:"state"`
	Detail string     `json:"detail,omitzero"`
	Took   int64      `json:"took_ms"`
	Cost   *float64   `json:"cost_usd,omitzero"`
	Error  *errorJSON `json:"error,omitzero"`
}

type errorJSON struct {
	Code           string    `json:"code"`
	Actor          string    `json:"actor"`
	Message        string    `json:"message"`
	Cause          string    `json:"cause,omitzero"`
	Fix            string    `json:"fix,omitzero"`
	Statement      jsonx.Raw `json:"statement,omitzero"`
	Docs           string    `json:"docs,omitzero"`
	Type           string    `json:"aws_type,omitzero"`
	UpstreamStatus int       `json:"aws_status,omitzero"`
	RequestID      string    `json:"aws_request_id,omitzero"`
}

type refusalJSON struct {
	Code       string      `json:"code"`
	Actor      string      `json:"actor"`
	Meaning    string      `json:"meaning"`
	State      string      `json:"state"`
	Subjects   []string    `json:"subjects"`
	Messages   []string    `json:"messages"`
	Causes     []string    `json:"causes,omitempty"`
	Fixes      []string    `json:"fixes,omitempty"`
	Statements []jsonx.Raw `json:"statements,omitempty"`
	Docs       []string    `json:"docs,omitempty"`
}

// printJSON writes the findings as JSON.
func (d *diagnosis) printJSON(w io.Writer) error {
	out := doctorJSON{
		Outcrop: outcrop.Version, Healthy: d.healthy(), Interrupted: d.interrupted,
		Probes: probesJSON{d.planned, d.made, d.cost().USD()},
		Checks: []checkJSON{}, Models: []callJSON{}, Refusals: []refusalJSON{},
	}
	for i := range d.findings {
		if f := &d.findings[i]; f.Check != provider.CheckWhole && f.Check != provider.CheckStream {
			out.Checks = append(out.Checks, newCheckJSON(f))
		}
	}
	for _, c := range d.calls() {
		f := c.any()
		out.Models = append(out.Models, callJSON{
			Identity: f.CallerIndex, Names: f.Names, Model: f.Model, Verb: f.Verb.String(), Calls: f.Target.ID, API: f.Target.API, Region: f.Location, Reason: f.Target.Reason,
			Whole: newProbeJSON(c.whole), Stream: newProbeJSON(c.stream),
		})
	}
	for _, r := range d.refusals() {
		row := refusalJSON{
			Code: string(r.code), Actor: string(r.actor), Meaning: r.code.Info().Meaning, State: string(r.state),
			Subjects: r.subjects, Messages: r.messages, Causes: r.causes, Fixes: r.fixes, Docs: r.docs,
		}
		for _, s := range r.statements {
			row.Statements = append(row.Statements, jsonx.Raw(s))
		}
		out.Refusals = append(out.Refusals, row)
	}
	text, err := jsonx.Marshal(&out)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s\n", text)
	return nil
}

func newCheckJSON(f *outcrop.Finding) checkJSON {
	row := checkJSON{
		Identity: f.CallerIndex, Names: f.Names, Check: string(f.Check), Subject: f.Subject, Region: f.Location, State: string(f.State), Detail: f.Detail, Fix: f.Fix,
		Took: f.Took.Milliseconds(), Count: f.Count, Ours: moment(f.Ours), Theirs: moment(f.Theirs), Error: newErrorJSON(f.Err),
	}
	if f.Check == provider.CheckIdentity {
		id := &f.Identity
		row.Caller = &callerJSON{
			Account: id.Account, ARN: id.Principal, Credential: string(id.Credential), AccessKey: id.Key,
			Origin: id.Origin, Expires: moment(id.Expires), Region: id.Location,
		}
	}
	return row
}

// moment formats a time for JSON; empty for the zero time.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func newProbeJSON(f *outcrop.Finding) *probeJSON {
	if f == nil {
		return nil
	}
	row := &probeJSON{State: string(f.State), Detail: f.Detail, Took: f.Took.Milliseconds(), Error: newErrorJSON(f.Err)}
	if f.Cost.Set {
		usd := f.Cost.Value.USD()
		row.Cost = &usd
	}
	return row
}

func newErrorJSON(e *llm.Error) *errorJSON {
	if e == nil {
		return nil
	}
	return &errorJSON{
		Code: string(e.Code), Actor: string(e.Responsible()), Message: e.Message, Cause: e.Cause, Fix: e.Fix, Statement: e.Statement, Docs: e.Docs,
		Type: e.Type, UpstreamStatus: e.UpstreamStatus, RequestID: e.RequestID,
	}
}
