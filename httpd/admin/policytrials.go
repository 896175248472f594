package admin

import (
	"math"
	"strconv"

	"outcrop/gateway"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/openaichat"
)

// resolvedGuardrails is the last part of the path that shows the guardrails of a version.
const resolvedGuardrails = "resolved-guardrails"

// guardrailsOfPolicy serves GET /policies/{policy_id}/resolved-guardrails. They are those of the version itself; LiteLLM answers those of the
// version that is in force.
func (x *exchange) guardrailsOfPolicy() ([]byte, error) {
	if part := x.r.PathValue("part"); part != resolvedGuardrails {
		return nil, absent("", "There is no GET /policies/{policy_id}/%s.", clip(part))
	}
	t, err := x.policyOfPath()
	if err != nil {
		return nil, err
	}
	in, err := x.inForce()
	if err != nil {
		return nil, err
	}
	answer := &document{}
	answer.put("policy_id", t.ID)
	answer.put("policy_name", t.Alias)
	answer.set("resolved_guardrails", quoteAll(in.Guardrails(t.Alias, t.doc.bytes())))
	return answer.bytes(), nil
}

// testPipeline serves POST /policies/test-pipeline.
func (x *exchange) testPipeline() ([]byte, error) {
	given, err := x.given([]field{{name: "pipeline", form: object}, {name: "test_messages", form: list}})
	if err != nil {
		return nil, err
	}
	for _, name := range [...]string{"pipeline", "test_messages"} {
		if orNull(given.get(name)).Kind() == 'n' {
			return nil, invalid(name, "%s must be given.", name)
		}
	}
	chat := &document{}
	chat.put("model", "test")
	chat.set("messages", given.get("test_messages"))
	asked, err := openaichat.Decode(chat.bytes(), openaichat.Options{})
	if err != nil {
		return nil, refused("test_messages", "test_messages cannot be read as the messages of a chat: %s", llm.AsError(err).Message)
	}
	in, err := x.inForce()
	if err != nil {
		return nil, err
	}
	trial, faults, err := in.TryPipeline(x.r.Context(), given.get("pipeline"), &asked.LLM)
	if err := faulty(faults, err); err != nil {
		return nil, err
	}
	answer := &document{}
	answer.put("terminal_action", trial.Action.String())
	steps := make([]jsonx.Raw, len(trial.Steps))
	for i := range trial.Steps {
		steps[i] = trialStep(&trial.Steps[i])
	}
	answer.set("step_results", jsonx.Array(steps))
	answer.set("modified_data", changedMessages(trial.Request))
	answer.set("error_message", failureText(trial.Err))
	answer.set("modify_response_message", jsonx.Raw("null"))
	if trial.Words != "" {
		answer.put("modify_response_message", trial.Words)
	}
	return answer.bytes(), nil
}

// trialStep is a step in LiteLLM's form (litellm/types/proxy/policy_engine/pipeline_types.py, PipelineStepResult).
func trialStep(s *gateway.TrialStep) jsonx.Raw {
	outcome := "pass"
	switch {
	case s.Failed():
		outcome = "error"
	case s.Err != nil:
		outcome = "fail"
	}
	d := &document{}
	d.put("guardrail_name", s.Guardrail)
	d.put("outcome", outcome)
	d.put("action_taken", s.Action.String())
	d.set("modified_data", changedMessages(s.Request))
	d.set("error_detail", failureText(s.Err))
	d.set("duration_seconds", strconv.AppendFloat(nil, math.Round(s.Took.Seconds()*1e4)/1e4, 'f', -1, 64))
	return d.bytes()
}

func failureText(e *llm.Error) jsonx.Raw {
	if e == nil {
		return jsonx.Raw("null")
	}
	return quote(e.Message)
}

// changedMessages are the messages of a request in which something is masked; null for none.
func changedMessages(req *llm.Request) jsonx.Raw {
	if req == nil {
		return jsonx.Raw("null")
	}
	var w jsonx.Writer
	if _, err := openaichat.AppendRequest(&w, req, req.Model, &openaichat.Form{}); err != nil {
		return jsonx.Raw("null") // the messages have something that only some providers take
	}
	d := &document{}
	d.set("messages", parse(w.Buf).get("messages"))
	return d.bytes()
}
