package tenant

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"outcrop/llm"
	"outcrop/quota"
	"outcrop/store"
)

// Classes of refusals: LiteLLM's types of errors (1.110.2, as observed).
const (
	classAuth    = "auth_error"
	classUnknown = "token_not_found_in_db"
	classExpired = "expired_key"
	classBudget  = "budget_exceeded"
	classRate    = "throttling_error"
	classModel   = "key" + classDenied

	classDenied = "_model_access_denied" // after whose list it is
)

// Missing is the refusal of a request without a key.
func Missing() *llm.Error {
	return &llm.Error{
		Code: llm.CodeUnauthorized, Status: 401, Class: classAuth, Message: "the API key is missing.",
		Fix: "Send the gateway's key as Authorization: Bearer, api-key, x-api-key, x-litellm-api-key or x-goog-api-key.",
	}
}

// Malformed is the refusal of a key that cannot be one.
func Malformed() *llm.Error {
	return &llm.Error{
		Code: llm.CodeUnauthorized, Status: 401, Class: classAuth, Message: "the API key is not valid for this gateway: its keys begin with sk-.",
		Fix: "Ask the gateway's operator for a key.",
	}
}

// Unknown is the refusal of a key that does not exist.
func Unknown() *llm.Error {
	return &llm.Error{
		Code: llm.CodeUnauthorized, Status: 401, Class: classUnknown, Param: "key", Message: "the API key is not valid for this gateway.",
		Fix: "Ask the gateway's operator for a key.",
	}
}

// NoKey is the refusal of what is nobody's key: Unknown, or Malformed if it cannot be one.
func NoKey(key string) *llm.Error {
	if strings.HasPrefix(key, "sk-") {
		return Unknown()
	}
	return Malformed()
}

func blocked(what, fix string) *llm.Error {
	return &llm.Error{Code: llm.CodeKeyBlocked, Status: 401, Class: classAuth, Message: what + " is blocked.", Fix: fix}
}

func expired(name string, at, now time.Time) *llm.Error {
	return &llm.Error{
		Code: llm.CodeKeyExpired, Status: 401, Class: classExpired, Param: name,
		Message: fmt.Sprintf("the API key %s expired at %s; it is now %s.", name, at.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339)),
		Fix:     "Ask the gateway's operator for a new key, or to extend this one.",
	}
}

func deniedModel(model string, a *allowance) *llm.Error {
	class := classModel
	switch a.kind {
	case store.KindTeam, store.KindMember:
		class = "team" + classDenied
	case store.KindProject:
		class = "project" + classDenied
	case store.KindUser:
		class = "user" + classDenied
	case store.KindOrganization:
		class = "org" + classDenied
	case store.KindCustomer:
		class = "customer" + classDenied
	default: // the key's
	}
	return &llm.Error{
		Code: llm.CodeModelDenied, Status: 403, Class: class, Param: "model",
		Message: fmt.Sprintf("the model %q is not available to %s, or there is no model of this name.", model, a.whose),
		Fix:     "GET /v1/models lists the models that this key may call.",
	}
}

func deniedRoute(path string) *llm.Error {
	return &llm.Error{
		Code: llm.CodeRouteDenied, Status: 403, Class: classAuth, Message: fmt.Sprintf("this key may not call %s.", path),
		Fix: "Ask the gateway's operator to change allowed_routes of the key.",
	}
}

// deniedToken is the refusal of a path that tokens may not call, with LiteLLM's status for operators and for teams.
func deniedToken(path string, scoped bool) *llm.Error {
	e := &llm.Error{
		Code: llm.CodeRouteDenied, Status: 403, Class: classAuth, Message: fmt.Sprintf("tokens of teams may not call %s.", path),
		Fix: "The gateway's operator can add the path, or a group of paths, to litellm_jwtauth.team_allowed_routes.",
	}
	if scoped {
		e.Status, e.Message = 401, fmt.Sprintf("tokens with the scope of the gateway's operators may not call %s.", path)
		e.Fix = "Use a token without this scope, or add the path, or a group such as llm_api_routes, to litellm_jwtauth.admin_allowed_routes."
	}
	return e
}

// of is the refusal of a token that belongs to what does not exist here.
func of(status int, message, fix string) *llm.Error {
	return &llm.Error{Code: llm.CodeTokenDenied, Status: status, Class: classAuth, Message: message, Fix: fix}
}

// away is the refusal while limits cannot be checked, or because a document that may have limits cannot be read.
func away(err error) *llm.Error {
	if errors.Is(err, context.Canceled) {
		return &llm.Error{Code: llm.CodeClientGone, Status: 499, Message: "the client went away", Err: err}
	}
	if unreadable, ok := errors.AsType[*unreadableError](err); ok {
		return &llm.Error{
			Code: llm.CodeLimitsAway, Status: 503, Message: "the limits of this call are not known: what the database has of the " + string(unreadable.kind) + " cannot be read.", Err: err,
			Fix: "The gateway's operator can write it again, with /" + string(unreadable.kind) + "/update.",
		}
	}
	return &llm.Error{
		Code: llm.CodeLimitsAway, Status: 503, Message: "the limits of this key cannot be checked, because the database or Valkey cannot be reached.", RetryAfter: "1", Err: err,
		Fix: "Send the request again; outcrop_settings.limits.when_away says what happens to such calls.",
	}
}

// scope says of a limit whose it is, and what it limits.
type scope struct {
	what   what
	tokens Counted // of a limit of tokens
	whose  string  // as in: the budget of whose
	model  string  // of a limit for one model
}

// Counted are the tokens that a limit of tokens counts.
type Counted uint8

// Tokens that a limit counts.
const (
	AllTokens Counted = iota
	InputTokens
	OutputTokens
)

// String names the tokens, as in: 10 tokens a minute.
func (c Counted) String() string {
	switch c {
	case InputTokens:
		return "tokens of prompts"
	case OutputTokens:
		return "tokens of responses"
	default:
		return "tokens"
	}
}

type what uint8

const (
	whatMoney what = iota
	whatRequests
	whatTokens
	whatParallel
)

// exceeded is the refusal for a limit of a call that may use some units.
func (s *scope) exceeded(e *quota.ExceededError, units int64, budgetStatus int) *llm.Error {
	whose := s.whose
	if s.model != "" {
		whose += " for the model " + strconv.Quote(s.model)
	}
	if s.what == whatMoney {
		out := &llm.Error{
			Code: llm.CodeBudget, Status: budgetStatus, Class: classBudget,
			Message: fmt.Sprintf("the budget of %s is used up: Budget has been exceeded! Current cost: %s, Max budget: %s.", whose, llm.Cost(e.Limit-e.Left), llm.Cost(e.Limit)),
			Fix:     "Ask the gateway's operator to raise the budget.",
		}
		if e.Left > 0 { // of budgets that are not to be exceeded
			out.Message = fmt.Sprintf("the call may cost up to %s, and the budget of %s has %s left of %s.", llm.Cost(units), whose, llm.Cost(e.Left), llm.Cost(e.Limit))
		}
		if e.Resets > 0 {
			out.Fix = "The budget begins anew in " + max(e.Resets, time.Second).Round(time.Second).String() + "; the gateway's operator can raise it."
		}
		return out
	}
	out := &llm.Error{Code: llm.CodeRateLimited, Status: 429, Class: classRate, RetryAfter: "1"}
	if e.Resets > 0 {
		out.RetryAfter = strconv.Itoa(max(1, int(math.Ceil(e.Resets.Seconds()))))
	}
	switch s.what {
	case whatRequests:
		out.Message = fmt.Sprintf("Rate limit exceeded for %s: %d requests a minute. Limit type: requests.", whose, e.Limit)
	case whatTokens:
		out.Message = fmt.Sprintf("Rate limit exceeded for %s: %d %s a minute, of which %d are left. Limit type: tokens.", whose, e.Limit, s.tokens, e.Left)
	default:
		out.Message = fmt.Sprintf("Rate limit exceeded for %s: %d calls at a time. Limit type: max_parallel_requests.", whose, e.Limit)
		out.Fix, out.Err = "Wait for one of the calls to end.", llm.ErrFull
		return out
	}
	out.Fix = "Send the request again after " + out.RetryAfter + " s."
	return out
}

// asExceeded returns err as an *quota.ExceededError; nil if it is none.
func asExceeded(err error) *quota.ExceededError {
	e, _ := errors.AsType[*quota.ExceededError](err)
	return e
}
