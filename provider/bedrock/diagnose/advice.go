package diagnose

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/modelid"
)

// advise fills in what lies behind a verdict, the next step, and where AWS writes
// about it.
func (c *Case) advise(e *llm.Error, d *denial) {
	e.Docs = Docs(e.Code)
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
			e.Fix = p.fix
		}
	case "limit":
		c.adviseLimit(e)
	default:
		c.adviseService(e)
	}
}

// meaning is what the vocabulary says of a code, as a sentence; the cause where
// nothing narrower is known.
func meaning(code llm.Code) string {
	m := code.Info().Meaning
	if m == "" {
		return ""
	}
	return strings.ToUpper(m[:1]) + m[1:] + "."
}

// adviseAccess is for what the account has not got yet.
func (c *Case) adviseAccess(e *llm.Error, d *denial) {
	in := " in " + cmp.Or(c.Target.Region, "the region of the call")
	switch e.Code {
	case llm.CodeUseCaseForm:
		e.Cause = "The model's maker asks once for each account, or organisation, what the models are for, and nobody has answered."
		e.Fix = "Submit the use case form, in the model catalogue of the Bedrock console or by aws bedrock put-use-case-for-model-access with the form's JSON as --form-data, and call again after " + cmp.Or(wait(e.Message), "a few minutes") + "."
	case llm.CodeMarketplacePermission:
		if strings.Contains(strings.ToLower(strings.ReplaceAll(e.Message, "_", " ")), "payment instrument") {
			e.Cause = "The account's first call of this model subscribes to it in AWS Marketplace, and the account has no valid means of payment for that."
			e.Fix = "Add a valid payment method to the account in the Billing console, and call again after " + cmp.Or(wait(e.Message), "a few minutes") + "."
			return
		}
		e.Cause = "The account's first call of this model subscribes to it in AWS Marketplace, and whoever made it may not subscribe."
		e.Statement = marketplace()
		e.Fix = "Call the model once with an identity that has these rights, or add this statement to a policy of " + who(d.principal) + ", and call again after " + cmp.Or(wait(e.Message), "a few minutes") + ": " + string(e.Statement)
	case llm.CodeMarketplacePending:
		e.Fix = "Wait " + cmp.Or(wait(e.Message), "a few minutes") + " and call again; after 15 minutes look at the agreement in the AWS Marketplace console."
	case llm.CodeDataRetention:
		e.Cause = "The model is offered only to accounts that let AWS keep prompts and answers, and the account's mode" + in + " is another."
		e.Fix = "If your rules allow it, set the mode by aws bedrock put-account-data-retention --mode provider_data_share" + regionFlag(c.Target.Region) + "; Claude Fable 5.1 and later take aws_review as well."
	case llm.CodeAccountNotAuthorized:
		e.Cause = "AWS has not cleared this account for the operation, as far as its words tell."
		e.Fix = "Check that this is the account and region that was meant, and open a support case with AWS that names the request id."
	default: // not_granted
		e.Fix = "Open the model in the model catalogue of the Bedrock console" + in + " and see whether it asks for an agreement, a form or access; an organisation's policy can keep it closed as well."
	}
}

func regionFlag(region string) string {
	if region == "" {
		return ""
	}
	return " --region " + region
}

// minutes is how long AWS asks to wait.
var minutes = regexp.MustCompile(`(\d{1,3}) minutes`) //nolint:gochecknoglobals // compiled once

func wait(message string) string { return minutes.FindString(message) }

// adviseCredentials is for credentials that AWS does not take.
func (c *Case) adviseCredentials(e *llm.Error) {
	switch e.Code {
	case llm.CodeClockSkew:
		c.adviseClock(e)
	case llm.CodeWrongScope:
		e.Cause = "The call was signed for " + cmp.Or(c.Target.Region, "another region") + ", and the endpoint that it reached is another region's or service's."
		e.Fix = "Make aws_region_name that of the endpoint, or take the endpoint's setting out."
	case llm.CodeSignature:
		e.Cause = "The secret key is not that of the access key, or something on the way changed the request after it was signed."
		e.Fix = "Set access key and secret anew, from one place, and look for a proxy between the gateway and AWS that changes headers or the path."
	case llm.CodeCredentialsInvalid:
		e.Cause = "AWS does not know the access key, or it is deactivated, or it belongs to another partition than the region's."
		e.Fix = "Check the gateway's credentials by aws sts get-caller-identity, and replace the key."
	case llm.CodeCredentialsExpired:
		e.Cause = "The temporary credentials that signed the call have run out."
		e.Fix = "Renew them: aws sso login for IAM Identity Center, new keys with their session token, or a role that the gateway can assume and renew itself."
	case llm.CodeCredentialsMissing:
		e.Fix = "Give the gateway credentials: a profile, a role, keys or AWS_BEARER_TOKEN_BEDROCK; a proxy that takes the Authorization header away has the same effect."
	case llm.CodeAPIKeyInvalid:
		e.Cause = "AWS does not take the Bedrock API key" + inRegion(c.Target.Region) + "."
		if c.KeyRegion != "" && c.KeyRegion != c.Target.Region {
			e.Cause = "The Bedrock API key was made in " + c.KeyRegion + " and works there only; the call was made in " + c.Target.Region + "."
		}
		e.Fix = "Use a key that was made in " + cmp.Or(c.Target.Region, "the region of the call") + ", whole and not yet deleted, or call in the key's region."
	default: // api_key_expired
		e.Cause = "A short-term Bedrock API key lives for 12 hours at most, and no longer than the session that it was made in."
		e.Fix = "Make a new key, or give the gateway a role or keys, which it renews itself."
	}
}

func inRegion(region string) string {
	if region == "" {
		return ""
	}
	return " in " + region
}

// stamps are the times in AWS's words on a signature that came too late or too
// early: the request's own, and in brackets AWS's.
var stamps = regexp.MustCompile(`\b(\d{8}T\d{6}Z)\b`) //nolint:gochecknoglobals // compiled once

const stampLayout = "20060102T150405Z"

// adviseClock gives both times, and the difference.
func (c *Case) adviseClock(e *llm.Error) {
	e.Fix = "Set the clock of the machine that the gateway runs on, best by NTP (chrony, or 169.254.169.123 on EC2)."
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
	e.Cause = "This machine's clock said " + ours.UTC().Format(time.RFC3339) + " when AWS's said " + theirs.UTC().Format(time.RFC3339) + ": it is " + off.String() + " " + word + "."
}

func parseStamp(s string) time.Time {
	t, err := time.Parse(stampLayout, s)
	if err != nil {
		return time.Time{}
	}
	return t
}

// adviseModel is for models that cannot be called, or not so.
func (c *Case) adviseModel(e *llm.Error) {
	switch e.Code {
	case llm.CodeLegacyInactive:
		e.Cause = "AWS closes a legacy model to accounts that have not called it lately."
		e.Fix = c.instead()
	case llm.CodeEndOfLife:
		e.Cause = "The model's life on Bedrock is over."
		e.Fix = c.instead()
	case llm.CodeModelUnknown:
		e.Fix = "Check the id and the region; outcrop models lists what can be called."
	case llm.CodeModelNeedsProfile:
		e.Fix = "Call the model through an inference profile; outcrop models lists them."
	case llm.CodeModelNotInRegion:
		e.Fix = NotHere(c.Known, c.Base)
	case llm.CodeModelNotReady:
		e.Fix = "Wait a minute and call again: a model of your own is loaded at its first call after a pause."
	case llm.CodeWrongSurface:
		e.Fix = "Outcrop calls models by Bedrock's Converse API only, so far; outcrop models lists those that it serves."
		if text := onlyChat(c.Known, c.Base); text != "" {
			e.Actor, e.Fix = llm.ActorCaller, text
		}
	default: // feature_unsupported
		e.Fix = "Leave out what the message names, or choose a model that has it."
		if e.Param != "" && !strings.HasPrefix(e.Param, "messages") {
			e.Fix = "Leave out " + e.Param + ", or choose a model that has it."
		}
	}
}

// NotHere is the advice about a model that a region does not have. known may be nil,
// and base of no model.
func NotHere(known *catalog.Catalogue, base string) string {
	if text := onlyChat(known, base); text != "" {
		return text
	}
	return "Call the model in a region that has it; outcrop models --region REGION lists what can be called from one."
}

// onlyChat says that a model is none to chat with; empty if it may be.
func onlyChat(known *catalog.Catalogue, base string) string {
	if known == nil {
		return ""
	}
	m, ok := known.Model(base)
	if !ok || m.Purpose() == "" {
		return ""
	}
	return m.ID + " is a model for " + m.Purpose() + ", and Outcrop calls only chat models so far; outcrop models lists them."
}

func (c *Case) instead() string { return Instead(c.Known, c.Base, c.Now) }

// Instead is the advice to move from a model to another: to the successor that a
// source names, or else to others of the same family that are active. known
// may be nil, and base of no model.
func Instead(known *catalog.Catalogue, base string, now time.Time) string {
	const somewhere = "Move to a model that is active; outcrop models lists them."
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

// active gives the ids of models of a family that are not legacy, those that came
// last first, as far as the days are known.
func active(known *catalog.Catalogue, of *catalog.Model, now time.Time, n int) []string {
	var all []*catalog.Model
	for _, m := range known.Models() {
		if m.ID != of.ID && m.Vendor == of.Vendor && m.Family == of.Family && m.Kind == of.Kind && m.Lifecycle.IsLegacy(now) != catalog.Yes && !m.Lifecycle.HasEnded(now) {
			all = append(all, m)
		}
	}
	slices.SortStableFunc(all, func(a, b *catalog.Model) int { return b.Lifecycle.Launched.Compare(a.Lifecycle.Launched) })
	var ids []string
	for _, m := range all[:min(n, len(all))] {
		ids = append(ids, m.ID)
	}
	return ids
}

// counts are the sizes in what models say of a prompt that is too long: its
// tokens, or prompt and max_tokens, and the limit.
var counts = regexp.MustCompile(`(\d+) tokens? > (\d+)|(\d+) \+ (\d+) > (\d+)|maximum context length (?:is|of) (\d+) tokens?`) //nolint:gochecknoglobals // compiled once

// mostTokens is the limit in what AWS and models say of too large an answer that was
// asked for.
var mostTokens = regexp.MustCompile(`model limit of (\d+)|> (\d+), which is the maximum`) //nolint:gochecknoglobals // compiled once

// adviseRequest is for what the caller must change.
func (c *Case) adviseRequest(e *llm.Error) {
	switch e.Code {
	case llm.CodeTooLong:
		e.Fix = "Shorten the conversation, ask for fewer tokens, or use a model with a larger context window."
		if n := counts.FindStringSubmatch(e.Message); n != nil && n[1] != "" {
			e.Cause = "The prompt has " + n[1] + " tokens, and the limit is " + n[2] + "."
		} else if n != nil && n[6] != "" {
			e.Cause = "The context window of the model has " + n[6] + " tokens."
		} else if n != nil {
			e.Cause = "The prompt has " + n[3] + " tokens and max_tokens is " + n[4] + ", and together they may be " + n[5] + "."
		} else if m, ok := c.model(); ok && m.Context > 0 && e.UpstreamStatus != 413 { // which is about bytes
			e.Cause = "The context window of " + m.ID + " has " + strconv.FormatInt(m.Context, 10) + " tokens."
		}
	case llm.CodeMaxTokens:
		e.Param = "max_tokens"
		e.Fix = "Ask for fewer tokens."
		if n := mostTokens.FindStringSubmatch(e.Message); n != nil {
			e.Fix = "Ask for at most " + n[1] + n[2] + " tokens."
		} else if m, ok := c.model(); ok && m.MaxOutput > 0 {
			e.Fix = "Ask for at most " + strconv.FormatInt(m.MaxOutput, 10) + " tokens."
		}
	case llm.CodeOrder:
		e.Fix = adviseOrder(e.Message)
	case llm.CodeToolPairing:
		e.Fix = "Answer every tool call of the assistant's turn in the turn behind it, none else, and send the tools along."
	case llm.CodeEmpty:
		e.Fix = "Leave out messages and blocks without text."
	case llm.CodeThinking:
		e.Fix = "Send the assistant's reasoning back exactly as it came, with its signature, or switch reasoning off for this call."
	case llm.CodeConflict:
		e.Fix = "Change or leave out one of the settings that the message names."
		if names := c.conflicting(e.Message); len(names) > 1 {
			e.Fix = "Change or leave out one of " + strings.Join(names, ", ") + "."
		} else if e.Param != "" {
			e.Fix = cmp.Or(within(e.Param, e.Message), "Change or leave out "+e.Param+".")
		}
	case llm.CodeUnknownField:
		switch near := meant(e.Param); {
		case e.Param == "":
			e.Fix = "Leave out the field that the message names."
		case near != "":
			e.Fix = "Did you mean " + near + "? Rename " + e.Param + ", or leave it out: the model has no such parameter."
		default:
			e.Fix = "Leave out " + e.Param + ": the model has no such parameter."
		}
	default:
		switch {
		case e.Param == "":
			e.Fix = "AWS does not say which part of the request it means. Send a short message alone, then add tools, response_format, media and settings one by one, until it fails again."
		case strings.HasPrefix(e.Param, "messages"):
			e.Fix = cmp.Or(within(e.Param, e.Message), "Change "+e.Param+" as the message says, and send the request again.")
		default:
			e.Fix = cmp.Or(within(e.Param, e.Message), "Change or leave out "+e.Param+", and send the request again.")
		}
	}
}

// adviseOrder is what mends a conversation whose turns are not as the model takes them:
// some take tool calls, and the results of tools, only in turns of their own ("Conversation
// blocks and tool use blocks cannot be provided in the same turn").
func adviseOrder(message string) string {
	switch s := plainly(message); {
	case s.says("same turn") && s.says("tool use|tool uses|tool call|tool calls"):
		return "Move the text that stands beside the tool calls into an assistant message of its own, or leave it out: the model takes tool calls alone in their message."
	case s.says("same turn") && s.says("tool result|tool results"):
		return "Move what stands beside the tool results into a user message of its own, with an assistant message between, or leave it out: the model takes tool results alone in their message."
	default:
		return "Begin with a user's turn, let user and assistant take turns, and end with the user."
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
	if c.Target.API == "control" { // nobody's request, and another quota than that of inference
		e.Actor = llm.ActorOperator
		e.Cause = "AWS limits how often an account may read its lists of models, apart from how often it may call them."
		e.Fix = "Nothing has to be done: the lists are read again in a minute, and calls do without them meanwhile. If it stays, raise outcrop_settings.bedrock.refresh_seconds."
		return
	}
	switch e.Code {
	case llm.CodeLimitRequests:
		e.Fix = "Call less often, let another region or profile take a share, or ask for more of the quota \"" + kind + " requests per minute for " + name + "\"" + in + "."
	case llm.CodeLimitTokens:
		e.Cause = "At the start of a call AWS counts the prompt and all of max_tokens against the quota."
		e.Fix = "Ask for fewer max_tokens, let another region or profile take a share, or ask for more of the quota \"" + kind + " tokens per minute for " + name + "\"" + in + "."
	case llm.CodeTokensPerDay:
		e.Fix = "Wait for the next day, call another model or region, or ask for more of the quota \"Model invocation max tokens per day for " + name + "\"" + in + "."
	default: // service_quota
		e.Fix = "Ask for more of the quota that the message names in Service Quotas, for Amazon Bedrock" + in + "."
	}
}

// adviseService is for what only AWS can change.
func (c *Case) adviseService(e *llm.Error) {
	switch e.Code {
	case llm.CodeAnswerTooLarge:
		e.Fix = "Ask for a shorter answer, or stream it; what no model gives, something between the gateway and AWS has made."
	case llm.CodeInterrupted:
		e.Fix = "Make the call again."
	case llm.CodeUnavailable, llm.CodeServiceInternal, llm.CodeModelError:
		e.Fix = "Try again; with more than one region in outcrop_settings.bedrock.policy.regions another takes over."
	case llm.CodeUnreachable:
		e.Cause = "Bedrock never answers with status " + strconv.Itoa(e.UpstreamStatus) + ": a proxy, a firewall or another server between this gateway and AWS does."
		e.Fix = "Check the proxy settings (HTTPS_PROXY and NO_PROXY, with the credentials that the proxy wants) and the endpoint that the deployment names."
	case llm.CodeTimeout:
		e.Fix = "Try again, ask for a shorter answer, or stream it."
	default: // model_output
		e.Fix = "Try again; simpler tool schemas and a lower temperature make it rarer."
	}
}
