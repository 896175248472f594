package app_test

import (
	"strings"
	"testing"

	"outcrop/app"
)

func TestVersionsAndPipelinesAreTriedBeforeTheyAreInForce(t *testing.T) {
	base := account(t)
	a := start(t, app.Options{Config: load(t, base, policiesBeside(base, "")), DataDir: t.TempDir()})
	tell(t, a,
		exchange{"POST", "/policies", `{"policy_name":"potters","inherit":"file","guardrails_add":["clay"]}`, 200, ""},
		exchange{"POST", "/policies/attachments", `{"policy_name":"potters","tags":["pott*"]}`, 200, ""},
	)
	draft := idIn(t, tell(t, a, exchange{"POST", "/policies/name/potters/versions", `{}`, 200, `"version_status":"draft"`}), "policy_id")
	tell(t, a,
		exchange{"GET", "/policies/" + draft + "/resolved-guardrails", "", 200, `{"policy_id":"` + draft + `","policy_name":"potters","resolved_guardrails":["clay","mud"]}`},
		exchange{"PUT", "/policies/" + draft, `{"inherit":null,"guardrails_add":["mud"],"pipeline":{"mode":"pre_call","steps":[{"guardrail":"clay","on_fail":"allow"}]}}`, 200, ""},
		exchange{"GET", "/policies/" + draft + "/resolved-guardrails", "", 200, `"resolved_guardrails":["mud"]`},
		exchange{"GET", "/policies/none/resolved-guardrails", "", 404, "not found"},
		exchange{"GET", "/policies/" + draft + "/others", "", 404, "There is no GET"},
	)

	// A draft that a request names checks the call too, and takes nothing from what is in force.
	ask := func(text, tags, policy string, want int, has string) {
		t.Helper()
		status, body := asks(t, a, "sk-master", "POST", "/v1/chat/completions", `{"model":"sand","messages":[{"role":"user","content":"`+text+`"}],"metadata":{"tags":[`+tags+`]},"policies":["`+policy+`"]}`)
		if status != want || !strings.Contains(body, has) {
			t.Errorf("%s with [%s] and %s: %d %s", text, tags, policy, status, body)
		}
	}
	ask("mud", "", "policy_"+draft, 400, "mud")
	ask("clay", "", "policy_"+draft, 200, "")
	ask("clay", `"potters"`, "policy_"+draft, 400, "clay")
	ask("sand", "", "policy_none", 400, "no policy")

	pipeline := `"pipeline":{"mode":"pre_call","steps":[{"guardrail":"mud","on_pass":"next","on_fail":"next","on_error":null,"pass_data":false},{"guardrail":"clay","on_fail":"modify_response","modify_response_message":"No clay."}]}`
	trial := tell(t, a, exchange{"POST", "/policies/test-pipeline", `{` + pipeline + `,"test_messages":[{"role":"user","content":"mud and clay"}]}`, 200, `{"terminal_action":"modify_response","step_results":[{"guardrail_name":"mud","outcome":"fail","action_taken":"next","modified_data":null,"error_detail":"Content blocked: keyword 'mud' detected`})
	if !strings.Contains(trial, `{"guardrail_name":"clay","outcome":"fail","action_taken":"modify_response"`) || !strings.Contains(trial, `"modified_data":null,"error_message":null,"modify_response_message":"No clay."}`) || !strings.Contains(trial, `"duration_seconds":0`) {
		t.Error(trial)
	}
	tell(t, a,
		exchange{"POST", "/policies/test-pipeline", `{` + pipeline + `,"test_messages":[{"role":"user","content":"sand"}]}`, 200, `"outcome":"pass","action_taken":"allow"`},
		exchange{"POST", "/policies/test-pipeline", `{"pipeline":{"mode":"post_call","steps":[{"guardrail":"wash"}]},"test_messages":[{"role":"assistant","content":"loess here"}]}`, 200, `"modified_data":{"messages":[{"role":"assistant","content":"[KEYWORD_REDACTED] here"}]}`},
		exchange{"POST", "/policies/test-pipeline", `{"pipeline":{"mode":"pre_call","steps":[{"guardrail":"none"}]},"test_messages":[{"role":"user","content":"a"}]}`, 400, `there is no guardrail`},
		exchange{"POST", "/policies/test-pipeline", `{"pipeline":{"mode":"pre_call","steps":[]},"test_messages":[{"role":"user","content":"a"}]}`, 400, "steps"},
		exchange{"POST", "/policies/test-pipeline", `{` + pipeline + `,"test_messages":[{"role":"nobody"}]}`, 400, "test_messages cannot be read"},
		exchange{"POST", "/policies/test-pipeline", `{` + pipeline + `}`, 422, "test_messages must be given"},

		exchange{"GET", "/policy/list", "", 200, `"potters":{"inherit":"file","scope":{"teams":[],"keys":[],"models":[],"tags":[]},"guardrails":{"add":["clay"],"remove":[]},"resolved_guardrails":["clay","mud"],"inheritance_chain":["file","potters"]}},"total_count":2}`},
		exchange{"GET", "/policy/info/file", "", 200, `{"policy_name":"file","inherit":null`},
		exchange{"GET", "/policy/info/none", "", 404, "not found"},
		exchange{"POST", "/policy/test", `{"tags":["potters"]}`, 200, `"matching_policies":["potters"],"resolved_guardrails":["clay","mud"],"message":null}`},
		exchange{"POST", "/policy/validate", `{"policies":{"a":{"inherit":"file","guardrails":{"add":["clay"]},"condition":{"model":"sa.*"}},"b":{"inherit":"a"}}}`, 200, `{"valid":true,"errors":[],"warnings":[]}`},
		exchange{"POST", "/policy/validate", `{"policies":{"a":{"guardrails":{"add":["none"]}}}}`, 200, `{"valid":false,"errors":[{"policy_name":"a","error_type":"invalid_guardrail"`},
		exchange{"POST", "/policy/validate", `{"policies":{"a":{"inherit":"b"},"b":{"inherit":"a"},"c":{"inherit":"none"},"d":1}}`, 200, `"error_type":"circular_inheritance"`},
		exchange{"POST", "/policy/validate", `{"policies":{"c":{"inherit":"none"}}}`, 200, `"error_type":"invalid_inheritance"`},
		exchange{"POST", "/policy/validate", `{"policies":{"d":1}}`, 200, `"error_type":"invalid_syntax"`},
	)
}

func TestWhomAnAttachmentWouldBeFor(t *testing.T) {
	base := account(t)
	a := start(t, app.Options{Config: load(t, base, policiesBeside(base, "")), DataDir: t.TempDir()})
	tell(t, a,
		exchange{"POST", "/team/new", `{"team_id":"eu","team_alias":"health-eu","metadata":{"tags":["care"]}}`, 200, ""},
		exchange{"POST", "/team/new", `{"team_id":"us","team_alias":"health-us"}`, 200, ""},
		exchange{"POST", "/team/new", `{"team_id":"none","metadata":{"tags":["care"]}}`, 200, ""},
		exchange{"POST", "/key/generate", `{"key_alias":"ward","team_id":"eu"}`, 200, ""},
		exchange{"POST", "/key/generate", `{"team_id":"eu"}`, 200, ""},
		exchange{"POST", "/key/generate", `{"key_alias":"lab","team_id":"us","metadata":{"tags":["study"]}}`, 200, ""},
		exchange{"POST", "/key/generate", `{"key_alias":"labour"}`, 200, ""},
	)
	for body, want := range map[string]string{
		`"scope":"*"`:                            `{"affected_keys_count":-1,"affected_teams_count":-1,`,
		`"models":["sand"]`:                      `{"affected_keys_count":-1,"affected_teams_count":-1,`,
		`"teams":["health-*"]`:                   `{"affected_keys_count":3,"affected_teams_count":2,"unnamed_keys_count":1,"unnamed_teams_count":0,`,
		`"keys":["lab"]`:                         `{"affected_keys_count":1,"affected_teams_count":0,"unnamed_keys_count":0,"unnamed_teams_count":0,"sample_keys":["lab"],"sample_teams":[]}`,
		`"keys":["lab*"]`:                        `{"affected_keys_count":2,`,
		`"tags":["study"]`:                       `{"affected_keys_count":1,"affected_teams_count":0,"unnamed_keys_count":0,"unnamed_teams_count":0,"sample_keys":["lab"]`,
		`"tags":["ca*"]`:                         `{"affected_keys_count":2,"affected_teams_count":2,"unnamed_keys_count":1,"unnamed_teams_count":1,"sample_keys":["ward"],"sample_teams":["health-eu"]}`,
		`"teams":["health-*"],"keys":["lab*"]`:   `{"affected_keys_count":1,"affected_teams_count":1,"unnamed_keys_count":0,"unnamed_teams_count":0,"sample_keys":["lab"],"sample_teams":["health-us"]}`,
		`"teams":["health-us"],"tags":["other"]`: `{"affected_keys_count":0,"affected_teams_count":0,`,
	} {
		tell(t, a, exchange{"POST", "/policies/attachments/estimate-impact", `{"policy_name":"file",` + body + `}`, 200, want})
	}
	tell(t, a,
		exchange{"POST", "/policies/attachments/estimate-impact", `{"policy_name":"file","scope":"all"}`, 400, "scope"},
		exchange{"POST", "/policies/attachments/estimate-impact", `{"scope":"*"}`, 422, "policy_name must be given"},
	)
}
