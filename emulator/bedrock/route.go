package bedrock

import (
	"net/http"
	"net/url"
	"strings"

	"outcrop/provider/bedrock/sign"
)

// routed is an operation with its path in the service models: a whole path, or the
// parts before and after its variable part.
type routed struct {
	method, prefix, suffix string
	exact                  bool // prefix is the whole path
	operation              operation
}

// routes are the operations of the runtime and the control plane.
func routes() []routed {
	const get, post = http.MethodGet, http.MethodPost
	return []routed{
		{post, "/model/", "/converse", false, operation{"Converse", serviceRuntime, (*Emulator).converse, profileKind}},
		{post, "/model/", "/converse-stream", false, operation{"ConverseStream", serviceRuntime, (*Emulator).converseStream, profileKind}},
		{post, "/model/", "/invoke", false, operation{"InvokeModel", serviceRuntime, (*Emulator).invokeModel, profileKind}},
		{post, "/model/", "/invoke-with-response-stream", false, operation{"InvokeModelWithResponseStream", serviceRuntime, (*Emulator).invokeModelStream, profileKind}},
		{post, "/model/", "/count-tokens", false, operation{"CountTokens", serviceRuntime, failing((*Emulator).countTokens), modelKind}},
		{post, "/guardrail/", "/apply", false, operation{"ApplyGuardrail", serviceRuntime, failing((*Emulator).applyGuardrail), guardrailKind}},
		{post, "/async-invoke", "", true, operation{"StartAsyncInvoke", serviceRuntime, failing((*Emulator).startAsyncInvoke), ""}},
		{get, "/async-invoke", "", true, operation{"ListAsyncInvokes", serviceRuntime, failing((*Emulator).listAsyncInvokes), ""}},
		{get, "/async-invoke/", "", false, operation{"GetAsyncInvoke", serviceRuntime, failing((*Emulator).getAsyncInvoke), asyncKind}},
		{post, "/v1/responses", "", true, operation{createResponse, serviceRuntime, (*Emulator).createResponse, profileKind}},
		{post, "/openai/v1/responses", "", true, operation{createResponse, serviceRuntime, (*Emulator).createResponse, profileKind}},
		{post, "/v1/chat/completions", "", true, operation{createChat, serviceRuntime, (*Emulator).createChatCompletion, profileKind}},
		{post, "/openai/v1/chat/completions", "", true, operation{createChat, serviceRuntime, (*Emulator).createChatCompletion, profileKind}},
		{get, "/v1/models", "", true, operation{listModels, serviceMantle, failing((*Emulator).listModels), ""}},
		{post, "/rerank", "", true, operation{"Rerank", serviceAgent, failing((*Emulator).rerank), ""}},
		{get, "/foundation-models", "", true, operation{"ListFoundationModels", serviceControl, (*Emulator).listFoundationModels, ""}},
		{get, "/foundation-models/", "", false, operation{"GetFoundationModel", serviceControl, (*Emulator).getFoundationModel, modelKind}},
		{get, "/foundation-model-availability/", "", false, operation{"GetFoundationModelAvailability", serviceControl, (*Emulator).getFoundationModelAvailability, modelKind}},
		{get, "/inference-profiles", "", true, operation{"ListInferenceProfiles", serviceControl, (*Emulator).listInferenceProfiles, profileKind}},
		{get, "/inference-profiles/", "", false, operation{"GetInferenceProfile", serviceControl, (*Emulator).getInferenceProfile, profileKind}},
		{get, "/list-foundation-model-agreement-offers/", "", false, operation{"ListFoundationModelAgreementOffers", serviceControl, (*Emulator).listFoundationModelAgreementOffers, ""}},
		{post, "/create-foundation-model-agreement", "", true, operation{"CreateFoundationModelAgreement", serviceControl, (*Emulator).createFoundationModelAgreement, ""}},
		{post, "/use-case-for-model-access", "", true, operation{"PutUseCaseForModelAccess", serviceControl, (*Emulator).putUseCaseForModelAccess, ""}},
		{get, "/use-case-for-model-access", "", true, operation{"GetUseCaseForModelAccess", serviceControl, (*Emulator).getUseCaseForModelAccess, ""}},
		{http.MethodPut, "/data-retention", "", true, operation{"PutAccountDataRetention", serviceControl, (*Emulator).putAccountDataRetention, ""}},
		{get, "/data-retention", "", true, operation{"GetAccountDataRetention", serviceControl, (*Emulator).getAccountDataRetention, ""}},
		{get, "/provisioned-model-throughput/", "", false, operation{"GetProvisionedModelThroughput", serviceControl, (*Emulator).getProvisionedModelThroughput, provisionedKind}},
		{get, "/model-customization/custom-model-deployments/", "", false, operation{"GetCustomModelDeployment", serviceControl, (*Emulator).getCustomModelDeployment, deploymentKind}},
		{get, "/imported-models/", "", false, operation{"GetImportedModel", serviceControl, (*Emulator).getImportedModel, importedKind}},
	}
}

// route returns the operation of a request and the decoded variable part of its path.
// Model ids may be percent-encoded there, or contain ':' and, in an ARN, '/'. Repeated
// slashes count as one.
func route(r *http.Request, body []byte) (operation, string, error) {
	path := sign.CollapseSlashes(r.URL.EscapedPath())
	segment := func(prefix, suffix string) (string, bool) {
		rest, ok := strings.CutPrefix(path, prefix)
		if !ok {
			return "", false
		}
		if rest, ok = strings.CutSuffix(rest, suffix); !ok || rest == "" {
			return "", false
		}
		id, err := url.PathUnescape(rest)
		return id, err == nil
	}
	for _, row := range routes() {
		if row.exact {
			if path == row.prefix && r.Method == row.method {
				return row.operation, "", nil
			}
		} else if id, ok := segment(row.prefix, row.suffix); ok && r.Method == row.method {
			return row.operation, id, nil
		}
	}
	if r.Method == http.MethodPost && path == "/" {
		return routeSTS(body)
	}
	return operation{}, "", unknownOperation()
}

// regionOf returns the region in a host such as bedrock-runtime.eu-west-1.amazonaws.com
// or the name of a VPC endpoint; empty if there is none.
func regionOf(host string) string {
	labels := strings.Split(host, ".")
	for i, label := range labels[:len(labels)-1] {
		switch label {
		case "bedrock-runtime", "bedrock-runtime-fips", "bedrock-agent-runtime", "bedrock-agent-runtime-fips", "bedrock", "bedrock-fips", "bedrock-mantle", "sts", "sts-fips":
			if region := labels[i+1]; strings.Count(region, "-") >= 2 {
				return region
			}
		}
	}
	return ""
}

// endpointOf returns the id of the VPC endpoint in a host such as
// vpce-0a1b2c3d-4e5f.bedrock-runtime.us-east-1.vpce.amazonaws.com; empty if there is
// none.
func endpointOf(host string) string {
	label, _, _ := strings.Cut(host, ".")
	if parts := strings.SplitN(label, "-", 3); parts[0] == "vpce" && len(parts) > 1 {
		return parts[0] + "-" + parts[1]
	}
	return ""
}
