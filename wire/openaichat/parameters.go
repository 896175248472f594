package openaichat

import (
	"slices"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Defaults decodes the operator's parameters, nil for none, as a request of a client would be. The
// error is an *llm.Error that names one of them.
func Defaults(parameters []jsonx.Member) (*llm.Defaults, error) {
	if len(parameters) == 0 {
		return nil, nil //nolint:nilnil // no parameters are no defaults
	}
	w := jsonx.Writer{}
	w.Object()
	w.Key("model")
	w.Word("m")
	w.Key("messages")
	w.Raw(jsonx.Raw(`[{"role":"user","content":"Hi"}]`))
	w.Members(parameters)
	w.EndObject()
	// For clients, unsupported parameters are refused, or dropped under drop_params.
	req, err := Decode(w.Buf, Options{DropParams: func(string) bool { return true }})
	if err != nil {
		return nil, err
	}
	d := &llm.Defaults{Request: req.LLM}
	r := &d.Request
	r.Model, r.Turns, r.DropParams, r.Names, r.UnmappedAt = "", nil, false, nil, nil
	const guardrail = "guardrailConfig"
	d.Guardrail = jsonx.Find(r.Extensions, guardrail)
	r.Extensions = slices.DeleteFunc(r.Extensions, func(m jsonx.Member) bool { return m.Name == guardrail })
	for _, m := range parameters {
		switch m.Name {
		case "additional_drop_params", "cache_control_injection_points":
			d.Elsewhere = append(d.Elsewhere, m.Name)
		}
	}
	return d, nil
}
