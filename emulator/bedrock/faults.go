package bedrock

import (
	"strings"

	"outcrop/emulator/bedrock/fault"
	"outcrop/emulator/bedrock/policy"
)

// due returns the fault of a call: the one that its header requests, else the one that
// its prompt requests (marked, which may be empty), else that of the script in the
// options.
func (e *Emulator) due(c *call, marked string) (fault.Fault, error) {
	text := c.request.Header.Get(FaultHeader)
	if text == "" {
		text = marked
	}
	if text == "" {
		f, _ := e.script.Next(c.operation.name, c.parameter)
		return f, nil
	}
	f, due, err := e.script.Marked(c.operation.name, c.parameter, text)
	if err != nil {
		return fault.Fault{}, invalid("emulator: %v", err)
	}
	if !due {
		return fault.Fault{}, nil
	}
	return f, nil
}

// failControl applies the fault of a call to the control plane before the answer is
// made, and stores in the call the fault of the answer.
func (e *Emulator) failControl(c *call) error {
	var err error
	if c.fault, err = e.due(c, ""); err != nil {
		return err
	}
	if err := wait(c.request.Context(), c.fault.Latency); err != nil {
		return err
	}
	return e.refusalOf(c, &c.fault, false)
}

// refusalOf returns the refusal that replaces the answer; nil if the fault does not
// affect the beginning of the answer.
func (e *Emulator) refusalOf(c *call, f *fault.Fault, streaming bool) error {
	switch {
	case f.Kind == fault.Deny && f.Message != "":
		return denied(f.Message)
	case f.Kind == fault.Deny:
		return denied(e.noPolicyAllows(c))
	case f.Kind == fault.Exception && (!f.InStream || !streaming):
		return &refusal{status: f.Status, kind: f.Type, message: f.Message}
	}
	return nil
}

// noPolicyAllows is IAM's message to a caller whose policies do not mention the action:
// the words of the user guide's "Troubleshooting access denied error messages" and of
// public reports. For an action without a resource, such as ListFoundationModels, the
// message names none.
func (e *Emulator) noPolicyAllows(c *call) string {
	reason := policy.Decision{Layer: policy.Identity}.Reason(c.action())
	return notAuthorized(c.principal, c.action(), e.resourceARN(c), reason)
}

// resourceARN returns the ARN of the call's resource; empty for an operation without
// one.
func (e *Emulator) resourceARN(c *call) string {
	kind, id := c.operation.resource, c.parameter
	switch {
	case kind == "":
		return ""
	case kind == guardrailKind:
		id, _, _ = cutVersion(id)
		if !strings.HasPrefix(id, "arn:") {
			id = e.accountARN(c.region, guardrailKind, id)
		}
		return id
	case strings.HasPrefix(id, "arn:"):
		return id
	case id == "":
		id = "*" // a list
	case kind == profileKind && c.catalogue.Model(id) != nil:
		kind = modelKind
	case kind == profileKind && !strings.Contains(id, "."):
		kind = applicationKind
	}
	if kind == modelKind {
		return modelARN(c.region, id)
	}
	return e.accountARN(c.region, kind, id)
}
