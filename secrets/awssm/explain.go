package awssm

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"outcrop/llm"
	"outcrop/provider/bedrock/creds"
	"outcrop/provider/bedrock/endpoint"
	"outcrop/provider/bedrock/iam"
	"outcrop/secrets"
)

// longestWords bounds what is repeated of AWS's messages, in bytes.
const longestWords = 600

// explain says why a call failed. verb is what was tried with the secret, such as read.
func (m *Manager) explain(ctx context.Context, verb, name string, err error) error {
	if own, ok := errors.AsType[*creds.Error](err); ok {
		return credentials(own)
	}
	what := "cannot " + verb + " the secret " + strconv.Quote(name) + " in " + m.Name()
	api, said := errors.AsType[smithy.APIError](err)
	strange, _ := errors.AsType[*awshttp.ResponseError](err)
	switch {
	case !said && ctx.Err() != nil:
		return context.Cause(ctx)
	case !said && strange != nil && strange.HTTPStatusCode() != 0:
		return &secrets.Error{Message: m.at.String() + " does not answer as AWS Secrets Manager does (status " + strconv.Itoa(strange.HTTPStatusCode()) + ")", Fix: m.route(), Whole: true}
	case !said:
		return &secrets.Error{Message: m.Name() + " cannot be reached at " + m.at.String() + ": " + reason(err), Fix: m.route(), Whole: true}
	}
	e := &secrets.Error{Message: what + ": AWS says " + api.ErrorCode() + ": " + llm.Clip(strings.TrimSuffix(api.ErrorMessage(), "."), longestWords)}
	switch code := api.ErrorCode(); {
	case code == "AccessDeniedException" && strings.Contains(api.ErrorMessage(), "KMS"), code == "DecryptionFailure", code == "EncryptionFailure":
		e.Fix = "Allow the gateway's identity kms:Decrypt, and for writing kms:GenerateDataKey, on the KMS key of the secret, in the policy of the key or of the identity."
	case code == "AccessDeniedException", code == "AccessDenied":
		e.Fix = "Add this statement to a policy of the gateway's identity: " + m.statement(verb, name, api.ErrorMessage())
	case credentialsRefused(code):
		e.Message, e.Whole = m.Name()+" does not accept the credentials: AWS says "+code+": "+llm.Clip(api.ErrorMessage(), longestWords), true
		e.Fix = "Check the credentials of general_settings.key_management_settings, or of the environment; outcrop doctor tells where they come from. Check the clock of this machine too."
	case code == "InvalidRequestException" && verb == "read":
		e.Fix = "If the secret is scheduled for deletion, restore it: aws secretsmanager restore-secret --region " + m.region + " --secret-id " + name
	}
	return e
}

// credentialsRefused reports whether an error of AWS's concerns the credentials, whatever the call is
// (https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html).
func credentialsRefused(code string) bool {
	switch code {
	case "UnrecognizedClientException", "InvalidClientTokenId", "ExpiredTokenException", "ExpiredToken", "InvalidSignatureException", "SignatureDoesNotMatch",
		"IncompleteSignature", "MissingAuthenticationToken", "MissingAuthenticationTokenException", "InvalidAccessKeyId", "OptInRequired":
		return true
	default:
		return false
	}
}

// credentials is the error of credentials that are not there.
func credentials(err error) *secrets.Error {
	e := &secrets.Error{Message: "AWS Secrets Manager cannot be called: " + err.Error(), Whole: true}
	if c, ok := errors.AsType[*creds.Error](err); ok {
		if c.Fix != "" {
			// The advice is for Bedrock, whose API keys Secrets Manager does not take.
			e.Fix = strings.ReplaceAll(c.Fix, "AWS_PROFILE, AWS_BEARER_TOKEN_BEDROCK, or", "AWS_PROFILE, or")
		}
		if c.Setting != "" {
			e.Message = "AWS Secrets Manager cannot be called: key_management_settings." + c.Message
		}
	}
	return e
}

// route is the next step where nothing answers.
func (m *Manager) route() string {
	if m.at.From != "" {
		return "The address is set by " + m.at.From + "; check it."
	}
	return "Check aws_region_name, the network route, proxies, and in a VPC without a way to the internet an interface endpoint for com.amazonaws." + m.region + ".secretsmanager."
}

// statement is what the identity's policies lack. AWS puts six characters behind the name in a secret's ARN
// (https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_iam-policies.html).
func (m *Manager) statement(verb, name, message string) string {
	actions := []string{"secretsmanager:GetSecretValue"}
	switch verb {
	case "write", "create", "restore":
		actions = []string{"secretsmanager:CreateSecret", "secretsmanager:PutSecretValue", "secretsmanager:RestoreSecret"}
		if len(m.settings.Tags) > 0 {
			actions = append(actions, "secretsmanager:TagResource")
		}
		if len(m.settings.Regions) > 0 {
			actions = append(actions, "secretsmanager:ReplicateSecretToRegions")
		}
	case "delete":
		actions = []string{"secretsmanager:DeleteSecret"}
	}
	resource := name
	if !strings.HasPrefix(name, "arn:") {
		resource = "arn:" + endpoint.PartitionOf(m.region).ID + ":secretsmanager:" + m.region + ":" + account(message) + ":secret:" + name + "-??????"
	}
	s := iam.Statement{Effect: iam.Allow, Actions: actions, Resources: []string{resource}}
	return string(s.JSON())
}

// account is the account of the identity that AWS names in a refusal; a wildcard if it names none.
func account(message string) string {
	for word := range strings.FieldsSeq(message) {
		if part := strings.SplitN(word, ":", 6); len(part) == 6 && part[0] == "arn" && len(part[4]) == 12 {
			return part[4]
		}
	}
	return "*"
}

// reason is why a connection failed, without the parts of the error that repeat the address or the call.
func reason(err error) string {
	if u, ok := errors.AsType[*url.Error](err); ok {
		if u.Timeout() {
			return "no answer within " + callTimeout.String()
		}
		err = u.Err
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return "DNS does not know the host, or does not answer: " + dns.Name
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Err != nil {
		return op.Err.Error()
	}
	return llm.Clip(err.Error(), longestWords)
}
