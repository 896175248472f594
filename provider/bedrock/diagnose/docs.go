package diagnose

import (
	"strings"

	"outcrop/llm"
)

// Guides of AWS.
const (
	bedrockGuide = "https://docs.aws.amazon.com/bedrock/latest/userguide/"
	iamGuide     = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
)

// mantlePolicy is the page about the permission to call models on bedrock-mantle.
const mantlePolicy = "https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonBedrockMantleInferenceAccess.html"

// Docs gives the address of AWS's page about a verdict on a call, of the API that to names; empty if AWS has none.
func Docs(code llm.Code, to llm.Destination) string {
	if page := bodyDocs(code, to.API); page != "" {
		return page
	}
	switch code {
	case llm.CodeCredentialsMissing, llm.CodeCredentialsInvalid, llm.CodeCredentialsExpired:
		return "https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html"
	case llm.CodeSignature, llm.CodeClockSkew, llm.CodeWrongScope:
		return iamGuide + "reference_sigv-troubleshooting.html"
	case llm.CodeAPIKeyInvalid, llm.CodeAPIKeyExpired:
		return bedrockGuide + "api-keys.html"
	case llm.CodeBearerNotAllowed:
		return bedrockGuide + "api-keys-permissions.html"
	case llm.CodeIdentityMissing:
		return bedrockGuide + "inference-profiles-prereq.html"
	case llm.CodeSCPMissing, llm.CodeSCPDeny:
		return "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html"
	case llm.CodeBoundaryMissing, llm.CodeBoundaryDeny:
		return iamGuide + "access_policies_boundaries.html"
	case llm.CodeSessionMissing, llm.CodeSessionDeny:
		return iamGuide + "access_policies.html#policies_session"
	case llm.CodeEndpointMissing, llm.CodeEndpointDeny:
		return bedrockGuide + "vpc-interface-endpoints.html"
	case llm.CodeNotGranted, llm.CodeMarketplacePermission, llm.CodeMarketplacePending, llm.CodeUseCaseForm:
		return bedrockGuide + "model-access.html"
	case llm.CodeDataRetention:
		return bedrockGuide + "data-retention.html"
	case llm.CodeModelNeedsProfile, llm.CodeModelWrongPlace:
		return bedrockGuide + "inference-profiles-support.html"
	case llm.CodeModelUnknown, llm.CodeModelNotInRegion:
		return bedrockGuide + "models-region-compatibility.html"
	case llm.CodeWrongSurface:
		return bedrockGuide + "bedrock-mantle.html"
	case llm.CodeLegacyInactive, llm.CodeEndOfLife:
		return bedrockGuide + "model-lifecycle.html"
	case llm.CodeFeature:
		return bedrockGuide + "conversation-inference-supported-models-features.html" // of Converse; see bodyDocs
	case llm.CodeLimitRequests, llm.CodeLimitTokens, llm.CodeTokensPerDay, llm.CodeServiceQuota:
		return bedrockGuide + "quotas.html"
	case llm.CodeToolPairing:
		return bedrockGuide + "tool-use.html"
	case llm.CodeThinking:
		return bedrockGuide + "claude-messages-extended-thinking.html"
	default:
		return familyDocs(code)
	}
}

// bodyDocs is the page about the bodies of an API other than Converse, for verdicts on a body; empty for all others.
func bodyDocs(code llm.Code, api string) string {
	if code != llm.CodeFeature && !strings.HasPrefix(string(code), "request.") {
		return ""
	}
	switch api {
	case "chat", "responses": // OpenAI's
		return bedrockGuide + "bedrock-mantle.html"
	case "invoke":
		return bedrockGuide + "model-parameters.html"
	default:
		return ""
	}
}

// familyDocs is the page about all codes of a family.
func familyDocs(code llm.Code) string {
	switch {
	case code.Denied():
		return iamGuide + "troubleshoot_access-denied.html"
	case strings.HasPrefix(string(code), "request."):
		return "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html"
	case code == llm.CodeUnreachable:
		return "https://docs.aws.amazon.com/general/latest/gr/bedrock.html"
	case strings.HasPrefix(string(code), "gateway."):
		return ""
	}
	return bedrockGuide + "troubleshooting-api-error-codes.html"
}
