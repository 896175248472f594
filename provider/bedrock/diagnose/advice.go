package diagnose

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"outcrop/internal/lazyregexp"
	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/modelid"
)

// advise fills in the cause, the next step, and AWS's documentation of an error.
func (c *Case) advise(e *llm.Error, d *denial) {
	e.Docs = Docs(e.Code, c.Target)
	if e.Code == llm.CodeIdentityMissing && strings.HasPrefix(d.action, "bedrock-mantle:") { // it has no profiles
		e.Docs = mantlePolicy
	}
	defer func() { e.Cause = cmp.Or(e.Cause, meaning(e.Code)) }()
	switch family, _, _ := strings.Cut(string(e.Code), "."); family {
	case "iam":
		c.adviseRight(e, d)
	case "access":
		c.adviseAccess(e, d)
	case "credentials":
		c.adviseCredentials(e)
	case "model":
		e.Param = cmp.Or(e.Param, c.field(llm.Clip(e.Message, maxJudged)))
		c.adviseModel(e)
	case "request":
		e.Param = cmp.Or(e.Param, c.field(llm.Clip(e.Message, maxJudged)))
		c.adviseRequest(e)
		if p := hintOf(llm.Clip(e.Message, maxJudged)); p != nil && p.fix != "" {
			e.Fix = strings.ReplaceAll(p.fix, "FIELD", c.name(p.field))
		}
	case "limit":
		c.adviseLimit(e)
	default:
		c.adviseService(e)
	}
}

// meaning is the general meaning of a code, as a sentence; the cause if nothing narrower is known.
func meaning(code llm.Code) string {
	m := code.Info().Meaning
	if m == "" {
		return ""
	}
	return strings.ToUpper(m[:1]) + m[1:] + "."
}

// adviseAccess is for access that the account does not have yet.
func (c *Case) adviseAccess(e *llm.Error, d *denial) {
	in := " in " + cmp.Or(c.Target.Region, "the region of the call")
	switch e.Code {
	case llm.CodeUseCaseForm:
		e.Cause = "The model's provider requires a use case form once for each account or organization, and none has been submitted."
		e.Fix = "Submit the use case form in the model catalogue of the Bedrock console, or with aws bedrock put-use-case-for-model-access and the form's JSON as --form-data, and try again after " + cmp.Or(wait(e.Message), "a few minutes") + "."
	case llm.CodeMarketplacePermission:
		if strings.Contains(strings.ToLower(strings.ReplaceAll(e.Message, "_", " ")), "payment instrument") {
			e.Cause = "The account's first call of this model subscribes to it in AWS Marketplace, and the account has no valid payment method."
			e.Fix = "Add a valid payment method to the account in the Billing console, and try again after " + cmp.Or(wait(e.Message), "a few minutes") + "."
			return
		}
		e.Cause = "The account's first call of this model subscribes to it in AWS Marketplace, and the calling identity is not allowed to subscribe."
		e.Statement = marketplace()
		e.Fix = "Call the model once with an identity that has these permissions, or add this statement to a policy of " + who(d.principal) + ", and try again after " + cmp.Or(wait(e.Message), "a few minutes") + ": " + string(e.Statement)
	case llm.CodeMarketplacePending:
		e.Fix = "Wait " + cmp.Or(wait(e.Message), "a few minutes") + " and try again. If it still fails after 15 minutes, check the agreement in the AWS Marketplace console."
	case llm.CodeDataRetention:
		e.Cause = "The model is available only to accounts that let AWS retain prompts and responses, and the account's data retention mode" + in + " does not."
		e.Fix = "If your organization permits it, run aws bedrock put-account-data-retention --mode provider_data_share" + regionFlag(c.Target.Region) + "; Claude Fable 5.1 and later also accept the mode aws_review."
	case llm.CodeAccountNotAuthorized:
		e.Cause = "According to AWS's message, this account is not authorized for the operation."
		e.Fix = "Check that this is the intended account and region, and open an AWS support case with the request id."
	default: // not_granted
		e.Fix = "Open the model in the model catalogue of the Bedrock console" + in + " and check whether it requires an agreement, a form or an access request; a policy of the organization can also block it."
	}
}

func regionFlag(region string) string {
	if region == "" {
		return ""
	}
	return " --region " + region
}

// minutes is how long AWS asks to wait.
var minutes = lazyregexp.New(`(\d{1,3}) minutes`) //nolint:gochecknoglobals // compiled once

func wait(message string) string { return minutes.FindString(message) }

// adviseCredentials is for credentials that AWS does not accept.
func (c *Case) adviseCredentials(e *llm.Error) {
	switch e.Code {
	case llm.CodeClockSkew:
		c.adviseClock(e)
	case llm.CodeWrongScope:
		e.Cause = "The call was signed for " + cmp.Or(c.Target.Region, "another region") + ", but the endpoint belongs to another region or service."
		e.Fix = "Set aws_region_name to the endpoint's region, or remove the endpoint setting."
	case llm.CodeSignature:
		e.Cause = "The secret access key does not belong to the access key id, or a proxy changed the request after it was signed."
		e.Fix = "Set the access key id and its secret again, from the same source, and check for a proxy between the gateway and AWS that changes headers or the path."
	case llm.CodeCredentialsInvalid:
		e.Cause = "The access key is unknown to AWS or deactivated, or it belongs to another partition than the region."
		e.Fix = "Check the gateway's credentials with aws sts get-caller-identity, and replace the key."
	case llm.CodeCredentialsExpired:
		e.Cause = "The temporary credentials that signed the call have expired."
		e.Fix = "Renew them: run aws sso login for IAM Identity Center, set new keys with their session token, or configure a role, which the gateway assumes and renews itself."
	case llm.CodeCredentialsMissing:
		e.Fix = "Configure credentials for the gateway: a profile, a role, keys or AWS_BEARER_TOKEN_BEDROCK. A proxy that removes the Authorization header has the same effect."
	case llm.CodeAPIKeyInvalid:
		e.Cause = "AWS does not accept the Bedrock API key" + inRegion(c.Target.Region) + "."
		if c.KeyRegion != "" && c.KeyRegion != c.Target.Region {
			e.Cause = "The Bedrock API key was made in " + c.KeyRegion + " and is valid only there; the call was made in " + c.Target.Region + "."
		}
		e.Fix = "Use a key that was made in " + cmp.Or(c.Target.Region, "the region of the call") + ", complete and not deleted, or call in the key's region."
	default: // api_key_expired
		e.Cause = "A short-term Bedrock API key is valid for at most 12 hours, and no longer than the session in which it was created."
		e.Fix = "Create a new key, or configure a role, whose credentials the gateway renews itself."
	}
}

func inRegion(region string) string {
	if region == "" {
		return ""
	}
	return " in " + region
}

// stamps are the times in AWS's message about an expired or premature signature: the request's and,
// in brackets, AWS's.
var stamps = lazyregexp.New(`\b(\d{8}T\d{6}Z)\b`) //nolint:gochecknoglobals // compiled once

const stampLayout = "20060102T150405Z"

// adviseClock gives both times, and the difference.
func (c *Case) adviseClock(e *llm.Error) {
	e.Fix = "Correct the clock of the gateway's machine, preferably with NTP (chrony; on EC2 the server 169.254.169.123)."
	ours, theirs := c.Now, c.Served
	if found := stamps.FindAllString(e.Message, 3); len(found) >= 2 {
		ours = parseStamp(found[0])
		theirs = parseStamp(found[len(found)-1])
	}
	if ours.IsZero() || theirs.IsZero() {
		e.Cause = "This machine's clock is off by more than the five minutes that AWS allows."
		return
	}
	off, word := theirs.Sub(ours).Round(time.Second), "behind"
	if off < 0 {
		off, word = -off, "ahead"
	}
	e.Cause = "This machine's clock showed " + ours.UTC().Format(time.RFC3339) + " when AWS's showed " + theirs.UTC().Format(time.RFC3339) + ": it is " + off.String() + " " + word + "."
}

func parseStamp(s string) time.Time {
	t, err := time.Parse(stampLayout, s)
	if err != nil {
		return time.Time{}
	}
	return t
}

// adviseModel is for models that cannot be called, or not in this way.
func (c *Case) adviseModel(e *llm.Error) {
	switch e.Code {
	case llm.CodeLegacyInactive:
		e.Cause = "AWS withdraws access to a legacy model from accounts that have not used it recently."
		e.Fix = c.instead()
	case llm.CodeEndOfLife:
		e.Cause = "The model is retired on Bedrock."
		e.Fix = c.instead()
	case llm.CodeModelUnknown:
		e.Fix = "Check the id and the region; run outcrop models to list what can be called."
	case llm.CodeModelNeedsProfile:
		e.Fix = "Call the model through an inference profile; run outcrop models to list them."
	case llm.CodeModelNotInRegion:
		e.Fix = NotHere(c.Known, c.Base)
	case llm.CodeModelNotReady:
		e.Fix = "Wait a minute and try again: a custom model is loaded at its first call after a pause."
	case llm.CodeWrongSurface:
		e.Fix = "Bedrock has the model in other APIs than this one; run outcrop models to list what can be called."
		if text := onlyChat(c.Known, c.Base); text != "" {
			e.Actor, e.Fix = llm.ActorCaller, text
		}
	default: // feature_unsupported
		e.Fix = "Remove what the message names, or use a model that supports it."
		if e.Param != "" && !strings.HasPrefix(e.Param, c.name(llm.FieldMessages)) {
			e.Fix = "Remove " + e.Param + ", or use a model that supports it."
		}
	}
}

// NotHere is the advice about a model that a region does not have. known may be nil, and base may
// be unknown.
func NotHere(known *catalog.Catalogue, base string) string {
	if text := onlyChat(known, base); text != "" {
		return text
	}
	return "Call the model in a region that has it; run outcrop models --region REGION to list what can be called from a region."
}

// onlyChat says that a model is not a chat model; empty if it may be one.
func onlyChat(known *catalog.Catalogue, base string) string {
	if known == nil {
		return ""
	}
	m, ok := known.Model(base)
	if !ok || m.Purpose() == "" {
		return ""
	}
	return m.NotForChat() + ". Run outcrop models chat to list the chat models."
}

func (c *Case) instead() string { return Instead(c.Known, c.Base, c.Now) }

// Instead is the advice to move from a model to another: to the successor that a source names, or
// else to others of the same family that are active. known may be nil, and base may be unknown.
func Instead(known *catalog.Catalogue, base string, now time.Time) string {
	const somewhere = "Move to an active model; run outcrop models to list them."
	if known == nil {
		return somewhere
	}
	m, ok := known.Model(base)
	switch {
	case !ok:
		return somewhere
	case m.Lifecycle.Successor != "":
		return "Move to its successor, " + m.Lifecycle.Successor + "."
	}
	if next := active(known, m, now, 3); len(next) > 0 {
		return "Move to an active model of the same family, such as " + strings.Join(next, ", ") + "."
	}
	return somewhere
}

// active returns the ids of models of a family that are not legacy, newest first, as far as the
// days are known.
func active(known *catalog.Catalogue, of *catalog.Model, now time.Time, n int) []string {
	var all []*catalog.Model
	for _, m := range known.Models() {
		if m.ID != of.ID && m.Vendor == of.Vendor && m.Family == of.Family && m.Kind == of.Kind && m.Lifecycle.IsLegacy(now) != catalog.Yes && !m.Lifecycle.HasEnded(now) {
			all = append(all, m)
		}
	}
	slices.SortStableFunc(all, func(a, b *catalog.Model) int { return cmp.Compare(b.Lifecycle.Launched, a.Lifecycle.Launched) })
	var ids []string
	for _, m := range all[:min(n, len(all))] {
		ids = append(ids, m.ID)
	}
	return ids
}

// counts are the sizes in what models say of a prompt that is too long: its
// tokens, or prompt and max_tokens, and the limit.
var counts = lazyregexp.New(`(\d+) tokens? > (\d+)|(\d+) \+ (\d+) > (\d+)|maximum context length (?:is|of) (\d+) tokens?`) //nolint:gochecknoglobals // compiled once

// mostTokens is the limit in what AWS and models say of too large an answer that was
// asked for.
var mostTokens = lazyregexp.New(`model limit of (\d+)|> (\d+), which is the maximum`) //nolint:gochecknoglobals // compiled once

// MostTokens is the limit in a provider's refusal of a request for more tokens than the model can write; 0
// if e is none, or does not name it.
func MostTokens(e *llm.Error) int64 {
	if e == nil || !e.Upstream || e.Code != llm.CodeMaxTokens {
		return 0
	}
	n := mostTokens.FindStringSubmatch(e.Message)
	if n == nil {
		return 0
	}
	most, err := strconv.ParseInt(n[1]+n[2], 10, 64)
	if err != nil {
		return 0
	}
	return most
}

// adviseRequest is for what the caller must change.
func (c *Case) adviseRequest(e *llm.Error) {
	switch e.Code {
	case llm.CodeContentFiltered:
		e.Fix = "Change the prompt or the image: the model's filter refuses it."
	case llm.CodeTooLong:
		e.Fix = "Shorten the conversation, reduce " + c.name(llm.FieldMaxTokens) + ", or use a model with a larger context window."
		if n := counts.FindStringSubmatch(e.Message); n != nil && n[1] != "" {
			e.Cause = "The prompt has " + n[1] + " tokens, and the limit is " + n[2] + "."
		} else if n != nil && n[6] != "" {
			e.Cause = "The context window of the model has " + n[6] + " tokens."
		} else if n != nil {
			e.Cause = "The prompt has " + n[3] + " tokens and " + c.name(llm.FieldMaxTokens) + " is " + n[4] + "; together they may be at most " + n[5] + "."
		} else if m, ok := c.model(); ok && m.Context > 0 && e.UpstreamStatus != 413 { // which is about bytes
			e.Cause = "The context window of " + m.ID + " has " + strconv.FormatInt(m.Context, 10) + " tokens."
		}
	case llm.CodeMaxTokens:
		e.Param = c.name(llm.FieldMaxTokens)
		e.Fix = "Reduce " + c.name(llm.FieldMaxTokens) + "."
		if n := mostTokens.FindStringSubmatch(e.Message); n != nil {
			e.Fix = "Set " + c.name(llm.FieldMaxTokens) + " to at most " + n[1] + n[2] + "."
		} else if m, ok := c.model(); ok && m.MaxOutput > 0 {
			e.Fix = "Set " + c.name(llm.FieldMaxTokens) + " to at most " + strconv.FormatInt(m.MaxOutput, 10) + "."
		}
	case llm.CodeOrder:
		e.Fix = adviseOrder(e.Message)
	case llm.CodeToolPairing:
		e.Fix = "After each assistant message with tool calls, send one result for every call and no others, and include " + c.name(llm.FieldTools) + " in the request."
	case llm.CodeEmpty:
		e.Fix = "Remove messages and content blocks without text."
	case llm.CodeThinking:
		e.Fix = "Send the assistant's reasoning back unchanged, with its signature, or disable reasoning for this call."
	case llm.CodeConflict:
		e.Fix = "Change or remove one of the settings that the message names."
		if names := c.conflicting(e.Message); len(names) > 1 {
			e.Fix = "Change or remove one of " + strings.Join(names, ", ") + "."
		} else if e.Param != "" {
			e.Fix = cmp.Or(within(e.Param, e.Message), "Change or remove "+e.Param+".")
		}
	case llm.CodeUnknownField:
		switch near := c.meant(e.Param); {
		case e.Param == "":
			e.Fix = "Remove the field that the message names."
		case near != "":
			e.Fix = "Did you mean " + near + "? Rename " + e.Param + ", or remove it: the model has no such parameter."
		default:
			e.Fix = "Remove " + e.Param + ": the model has no such parameter."
		}
	default:
		switch {
		case e.Param == "":
			e.Fix = "AWS does not say which part of the request is invalid. Send a short message alone, then add tools, " + c.name(llm.FieldFormat) + ", media and settings one by one until it fails again."
		case strings.HasPrefix(e.Param, c.name(llm.FieldMessages)):
			e.Fix = cmp.Or(within(e.Param, e.Message), "Change "+e.Param+" as the message says, and try again.")
		default:
			e.Fix = cmp.Or(within(e.Param, e.Message), required(e.Param, e.Message), "Change or remove "+e.Param+", and try again.")
		}
	}
}

// adviseOrder is the advice for a conversation whose turns the model does not accept: some models
// accept tool calls, and tool results, only in turns of their own ("Conversation blocks and tool
// use blocks cannot be provided in the same turn").
func adviseOrder(message string) string {
	switch s := plainly(message); {
	case s.says("same turn") && s.says("tool use|tool uses|tool call|tool calls"):
		return "Move the text next to the tool calls into an assistant message of its own, or remove it: the model accepts tool calls only in a message of their own."
	case s.says("same turn") && s.says("tool result|tool results"):
		return "Move the content next to the tool results into a user message of its own, with an assistant message between them, or remove it: the model accepts tool results only in a message of their own."
	default:
		return "Begin with a user message, alternate user and assistant messages, and end with a user message."
	}
}

func (c *Case) model() (*catalog.Model, bool) {
	if c.Known == nil {
		return nil, false
	}
	return c.Known.Model(c.Base)
}

// adviseLimit names the quota, as Service Quotas lists it
// (https://docs.aws.amazon.com/general/latest/gr/bedrock.html).
func (c *Case) adviseLimit(e *llm.Error) {
	name := "the model"
	if m, ok := c.model(); ok && m.Name != "" {
		name = m.Name
	}
	kind := "On-demand model inference"
	if id, err := modelid.Parse(c.Target.ID); err == nil {
		switch {
		case id.Geography == "global":
			kind = "Global cross-region model inference"
		case id.Geography != "" || id.ARN.Kind == modelid.ApplicationInferenceProfile:
			kind = "Cross-region model inference"
		}
	}
	in := inRegion(c.Target.Region)
	if c.Target.API == "control" { // not a client's request, and another quota than that of inference
		e.Actor = llm.ActorOperator
		e.Cause = "AWS limits how often an account may list models, separately from model calls."
		e.Fix = "No action is needed: the gateway reads the lists again in a minute, and calls work without them. If it persists, increase outcrop_settings.bedrock.refresh_seconds."
		return
	}
	switch e.Code {
	case llm.CodeLimitRequests:
		e.Fix = "Call less often, spread calls over more regions or profiles, or request an increase of the quota \"" + kind + " requests per minute for " + name + "\"" + in + "."
	case llm.CodeLimitTokens:
		e.Cause = "At the start of a call, AWS counts the prompt and all of " + c.name(llm.FieldMaxTokens) + " against the quota."
		e.Fix = "Reduce " + c.name(llm.FieldMaxTokens) + ", spread calls over more regions or profiles, or request an increase of the quota \"" + kind + " tokens per minute for " + name + "\"" + in + "."
	case llm.CodeTokensPerDay:
		e.Fix = "Wait until the next day, use another model or region, or request an increase of the quota \"Model invocation max tokens per day for " + name + "\"" + in + "."
	default: // service_quota
		e.Fix = "Request an increase of the quota that the message names, in Service Quotas for Amazon Bedrock" + in + "."
	}
}

// adviseService is for what only AWS can change.
func (c *Case) adviseService(e *llm.Error) {
	switch e.Code {
	case llm.CodeAnswerTooLarge:
		e.Fix = "Reduce " + c.name(llm.FieldMaxTokens) + ", or stream the response. If it is larger than any model's, check for a proxy between the gateway and AWS."
	case llm.CodeInterrupted:
		e.Fix = "Try again."
	case llm.CodeUnavailable, llm.CodeServiceInternal, llm.CodeModelError:
		e.Fix = "Try again; with more than one region in outcrop_settings.bedrock.policy.regions, the gateway fails over to another."
	case llm.CodeUnreachable:
		e.Cause = "Bedrock never responds with status " + strconv.Itoa(e.UpstreamStatus) + ": it comes from a proxy, a firewall or another server between this gateway and AWS."
		e.Fix = "Check the proxy settings (HTTPS_PROXY with the proxy's credentials, and NO_PROXY) and the deployment's endpoint."
	case llm.CodeTimeout:
		e.Fix = "Try again, reduce " + c.name(llm.FieldMaxTokens) + ", or stream the response."
	default: // model_output
		e.Fix = "Try again; simpler tool schemas and a lower temperature make this error less likely."
	}
}
