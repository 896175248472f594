package sagemaker_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/providertest"
	"outcrop/provider/providertest/dialects"
)

func TestMissingCredentialsSayWhatToSet(t *testing.T) {
	d, err := openWith(t, "sagemaker_chat", "rocks", nil, map[string]string{"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	_, err = chat(t, d, false)
	if e := llm.AsError(err); e.Code != llm.CodeCredentialsMissing || e.Status != 403 || !strings.Contains(e.Fix, "AWS_ACCESS_KEY_ID") || strings.Contains(e.Fix, "BEDROCK") || e.Destination.ID != "rocks" {
		t.Errorf("the error is %+v", e)
	}
	ready, ok := d.(provider.Readier)
	if !ok || ready.Ready(t.Context()) == nil {
		t.Error("it is ready without credentials")
	}
	findings := check(t, d)
	if len(findings) != 1 || findings[0].Err == nil || findings[0].Err.Code != llm.CodeCredentialsMissing {
		t.Errorf("the doctor finds %+v", findings)
	}
}

func TestAContainersRefusalKeepsItsStatusAndWords(t *testing.T) {
	const body = `{"ErrorCode":"CLIENT_ERROR_FROM_MODEL","LogStreamArn":"arn:aws:logs:eu-west-1:1:log-group:/aws/sagemaker/Endpoints/rocks","Message":"Received client error (422) from primary with message \"...\"","OriginalMessage":"{\"error\":\"Input validation error: best_of must be positive\",\"error_type\":\"validation\"}","OriginalStatusCode":422}`
	a := startAWS(t, func(w http.ResponseWriter, _, _ string) {
		w.Header().Set("X-Amzn-Errortype", "ModelError")
		w.Header().Set("X-Amzn-Requestid", "request-1")
		always(424, "application/json", body)(w, "", "")
	})
	_, err := chat(t, opened(t, "sagemaker_chat", "rocks", a.URL, nil), false)
	e := llm.AsError(err)
	if e.Status != 422 || e.Message != "Input validation error: best_of must be positive" || e.UpstreamStatus != 424 || e.RequestID != "request-1" || !strings.Contains(e.Cause, "log-group:/aws/sagemaker/Endpoints/rocks") {
		t.Errorf("the error is %+v", e)
	}
}

func TestAContainersRefusalOfWhatIsConfiguredSaysWhatToSet(t *testing.T) {
	for said, fix := range map[string]string{
		`404 {\"message\":\"The model rocks does not exist.\"}`: "hf_model_name",
		`404 {\"detail\":\"Not Found\"}`:                        "sagemaker_chat/ is for OpenAI's chat format",
		`401 Unauthorized`:                                      "settings of the container",
	} {
		status, message, _ := strings.Cut(said, " ")
		a := startAWS(t, func(w http.ResponseWriter, _, _ string) {
			w.Header().Set("X-Amzn-Errortype", "ModelError")
			always(424, "application/json", `{"Message":"...","OriginalMessage":"`+message+`","OriginalStatusCode":`+status+`}`)(w, "", "")
		})
		_, err := chat(t, opened(t, "sagemaker_chat", "rocks", a.URL, nil), false)
		if e := llm.AsError(err); !strings.Contains(e.Fix, fix) || e.Responsible() != llm.ActorOperator {
			t.Errorf("%s: the error is %+v", said, e)
		}
	}
}

func TestAMissingPermissionNamesTheStatement(t *testing.T) {
	const arn = "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/rocks"
	a := startAWS(t, func(w http.ResponseWriter, _, _ string) {
		w.Header().Set("X-Amzn-Errortype", "AccessDeniedException")
		always(403, "application/json", `{"Message":"User: arn:aws:sts::123456789012:assumed-role/gateway/outcrop is not authorized to perform: sagemaker:InvokeEndpoint on resource: `+arn+` because no identity-based policy allows the sagemaker:InvokeEndpoint action"}`)(w, "", "")
	})
	_, err := chat(t, opened(t, "sagemaker_chat", "rocks", a.URL, nil), true)
	e := llm.AsError(err)
	if e.Code != llm.CodeIdentityMissing || e.Status != 403 || string(e.Statement) != `{"Effect":"Allow","Action":"sagemaker:InvokeEndpoint","Resource":"`+arn+`"}` || !strings.Contains(e.Fix, "role gateway") || strings.Contains(e.Docs, "bedrock") {
		t.Errorf("the error is %+v", e)
	}
}

func TestASagemakerValidationErrorSaysWhatToSet(t *testing.T) {
	for message, want := range map[string]struct {
		status int
		code   llm.Code
		fix    string
	}{
		"Endpoint rocks of account 123456789012 not found.":                                        {404, llm.CodeModelUnknown, "aws_region_name"},
		"Inference Component Name header is required for endpoints to which you plan to deploy...": {400, llm.CodeModelUnknown, "Set model_id"},
		"Inference Component Name header is not allowed for endpoints that host SageMaker models.": {400, llm.CodeModelUnknown, "Remove model_id"},
		"Endpoint rocks of account 123456789012 is not in service. Current status is Creating.":    {503, llm.CodeModelNotReady, "outcrop doctor"},
		"1 validation error detected: Value at 'body' failed to satisfy constraint: ...":           {400, llm.CodeInvalid, "before the container"},
	} {
		a := startAWS(t, func(w http.ResponseWriter, _, _ string) {
			w.Header().Set("X-Amzn-Errortype", "ValidationError")
			always(400, "application/json", string(append(jsonx.AppendString([]byte(`{"Message":`), message), '}')))(w, "", "")
		})
		_, err := chat(t, opened(t, "sagemaker_chat", "rocks", a.URL, nil), false)
		if e := llm.AsError(err); e.Code != want.code || e.Status != want.status || e.Message != message || !strings.Contains(e.Fix, want.fix) {
			t.Errorf("%s: the error is %+v", message, e)
		}
	}
}

func TestNoRefusalSpeaksOfAnotherService(t *testing.T) {
	refusals := (dialects.SageMaker{}).Refusals()
	for _, kind := range []string{
		"MissingAuthenticationTokenException", "InvalidSignatureException", "RequestExpired", "ServiceQuotaExceededException", "ResourceNotFoundException",
		"AccessDeniedException", "ValidationException", "ModelError", "ModelStreamError", "UnknownOperationException", "",
	} {
		for _, status := range []int{400, 403, 404, 407, 408, 413, 418, 424, 429, 500, 503, 504} {
			for _, body := range []string{`{"Message":"Credential should be scoped to a valid region."}`, `{}`, ``} {
				refusals = append(refusals, providertest.Refusal{Status: status, Header: http.Header{"X-Amzn-Errortype": {kind}, "X-Amzn-Requestid": {"1"}}, Body: body})
			}
		}
	}
	for _, r := range refusals {
		a := startAWS(t, func(w http.ResponseWriter, _, _ string) {
			maps.Copy(w.Header(), r.Header)
			always(r.Status, "application/json", r.Body)(w, "", "")
		})
		_, err := chat(t, opened(t, "sagemaker_chat", "rocks", a.URL, nil), false)
		e := llm.AsError(err)
		if said := e.Message + e.Cause + e.Fix + e.Docs; strings.Contains(strings.ToLower(said), "bedrock") || e.Message == "" {
			t.Errorf("%d %v %s: %s", r.Status, r.Header, r.Body, said)
		}
		if e.Status < 400 || e.Status == http.StatusUnauthorized || e.Status == http.StatusProxyAuthRequired {
			t.Errorf("%d %v %s: the client's status is %d", r.Status, r.Header, r.Body, e.Status)
		}
	}
}
