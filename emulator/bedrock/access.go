package bedrock

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"

	"outcrop/emulator/bedrock/account"
	"outcrop/emulator/bedrock/catalogue"
	"outcrop/internal/jsonx"
)

// This file has the conditions for access to a model, and the calls that fulfil them.

// serviceDenied is a 403 from the service itself, which comes after IAM's.
func serviceDenied(message string) *refusal {
	return &refusal{status: http.StatusForbidden, kind: "AccessDeniedException", message: message}
}

// anthropic is the catalogue's name for the maker of Claude.
const anthropic = "Anthropic"

// admit refuses a call to a model to which the account has no access, in AWS's words as
// far as public reports, recorded exchanges or the user guide have them. The order of
// the refusals is an assumption.
func (e *Emulator) admit(c *call, to *catalogue.Model) error {
	s := c.state
	if s.setup.NotAuthorized {
		return serviceDenied("Your account is not authorized to invoke this API operation.")
	}
	if c.ownModel() {
		return nil
	}
	about := s.about(to.ID)
	if about == nil {
		about = new(account.Model)
	}
	switch {
	case about.Access == account.NotGranted:
		return serviceDenied("You don't have access to the model with the specified model ID.")
	case about.Lifecycle == account.Ended:
		return notFound("This model version has reached the end of its life. Please refer to the AWS documentation for more details.")
	case about.Lifecycle == account.Idle:
		return notFound("Access denied. This Model is marked by provider as Legacy and you have not been actively using the model in the last 30 days. Please upgrade to an active model on Amazon Bedrock")
	case to.Provider == anthropic && !s.submitted():
		return notFound("Model use case details have not been submitted for this account. Fill out the Anthropic use case details form before using the model. If you have already filled out the form, try again in 15 minutes.")
	}
	if err := e.subscribed(c, to); err != nil {
		return err
	}
	return s.retains(about)
}

// ownModel reports whether a call is to one of the account's own models, which need no
// subscription and have no quota of a foundation model.
func (c *call) ownModel() bool {
	_, kind, _, ok := splitARN(c.parameter, c.region)
	return ok && (kind == deploymentKind || kind == importedKind)
}

func (s *state) submitted() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.useCase != nil
}

// retains refuses a model that is not available under the account's mode of data
// retention. With inherit, the mode is the model's own, which is default.
func (s *state) retains(about *account.Model) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	mode := s.retention
	if mode == account.RetentionInherit {
		mode = account.RetentionDefault
	}
	if len(about.Retention) == 0 || slices.Contains(about.Retention, mode) {
		return nil
	}
	return invalid("data retention mode '%s' is not available for this model", mode)
}

// marketed reports whether a model is sold on AWS Marketplace; the exceptions
// are those of the Amazon Bedrock User Guide, "Access Amazon Bedrock foundation
// models".
func marketed(m *catalogue.Model) bool {
	maker, _, _ := strings.Cut(m.ID, ".")
	return !slices.Contains([]string{"amazon", "deepseek", "meta", "mistral", "openai", "qwen"}, maker)
}

// subscription is the state of an agreement: AVAILABLE, PENDING, NOT_AVAILABLE
// or ERROR.
func (s *state) subscription(m *catalogue.Model, now time.Time) string {
	about := s.about(m.ID)
	if about == nil || !marketed(m) {
		return available
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	since, ok := s.subscriptions[m.ID]
	switch {
	case ok && now.Before(since.Add(time.Duration(s.setup.SubscriptionTakes))), about.Subscription == account.Pending:
		return pending
	case ok, about.Subscription == "", about.Subscription == account.Active:
		return available
	case about.Subscription == account.Failed:
		return failed
	default:
		return notAvailable
	}
}

func (s *state) subscribe(m *catalogue.Model, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subscriptions[m.ID] = now
}

// subscribed refuses a model without an active subscription. The first call by a
// principal with the permission to subscribe subscribes the account for everyone
// (Amazon Bedrock User Guide, "Access Amazon Bedrock foundation models").
func (e *Emulator) subscribed(c *call, to *catalogue.Model) error {
	now := e.options.Now()
	status := c.state.subscription(to, now)
	if status == notAvailable {
		if e.mayMarket(c, "ViewSubscriptions") != nil || e.mayMarket(c, "Subscribe") != nil {
			return serviceDenied("Model access is denied due to IAM user or service role is not authorized to perform the required AWS Marketplace actions " +
				"(aws-marketplace:ViewSubscriptions, aws-marketplace:Subscribe) to enable access to this model. Refer to the Amazon Bedrock documentation for further details. " +
				"Your AWS Marketplace subscription for this model cannot be completed at this time. If you recently fixed this issue, try again after 5 minutes.")
		}
		c.state.subscribe(to, now)
		status = c.state.subscription(to, now)
	}
	switch status {
	case pending:
		return serviceDenied("Your account is not authorized to access this model. Your AWS Marketplace subscription for this model is still being processed")
	case failed:
		return serviceDenied("Model access is denied due to INVALID_PAYMENT_INSTRUMENT:A valid payment instrument must be provided. " +
			"Your AWS Marketplace subscription for this model cannot be completed at this time. If you recently fixed this issue, try again after 5 minutes.")
	}
	return nil
}

// mayMarket asks IAM for an AWS Marketplace action that Bedrock makes on behalf of the
// principal.
func (e *Emulator) mayMarket(c *call, action string) error {
	const bedrock = "bedrock.amazonaws.com"
	return e.require(c, requirement{
		action: "aws-marketplace:" + action, resource: "*", unnamed: true, forwarded: true,
		context: map[string]string{"aws:CalledViaLast": bedrock, "aws:CalledViaFirst": bedrock, "aws:CalledVia": bedrock, "aws:ViaAWSService": "true"},
	})
}

// agreed returns the model named by a call about agreements.
func (c *call) agreed(id string) (*catalogue.Model, error) {
	if len(id) > bedrockModelIDMax || !bedrockModelID.MatchString(id) {
		return nil, mismatch(id, "modelId", bedrockModelID)
	}
	m := c.catalogue.Model(id)
	if m == nil || !m.In(c.region) {
		return nil, notFound("The specified model could not be found.")
	}
	return m, nil
}

// offerToken is the token that ListFoundationModelAgreementOffers returns for a model.
func offerToken(m *catalogue.Model) string {
	return base64.RawURLEncoding.EncodeToString([]byte("emulated offer of " + m.ID))
}

// listFoundationModelAgreementOffers returns one offer for each model sold on AWS
// Marketplace, with invented terms.
func (e *Emulator) listFoundationModelAgreementOffers(c *call) error {
	m, err := c.agreed(c.parameter)
	if err != nil {
		return err
	}
	query, err := c.query("offerType")
	if err != nil {
		return err
	}
	if err := oneOf(query, "offerType", "ALL", "PUBLIC"); err != nil {
		return err
	}
	var w jsonx.Writer
	w.Object()
	w.Key("modelId")
	w.String(m.ID)
	w.Key("offers")
	w.Array()
	if marketed(m) {
		w.Raw(jsonx.Raw(`{"offerId":"offer-emulated00000","offerToken":"` + offerToken(m) + `","termDetails":{` +
			`"legalTerm":{"url":"https://example.com/terms"},"supportTerm":{"refundPolicyDescription":"None."},` +
			`"usageBasedPricingTerm":{"rateCard":[]},"validityTerm":{"agreementDuration":"P36500D"}}}`))
	}
	w.EndArray()
	w.EndObject()
	return c.writeJSON(w.Buf)
}

// createFoundationModelAgreement subscribes the account to a model. The words of its
// refusals imitate AWS's, since no real exchange is known.
func (e *Emulator) createFoundationModelAgreement(c *call) error {
	var body struct {
		ModelID    string `json:"modelId"`
		OfferToken string `json:"offerToken"`
	}
	if err := jsonx.Unmarshal(c.body, &body); err != nil {
		return malformed(err, c.body)
	}
	m, err := c.agreed(body.ModelID)
	if err != nil {
		return err
	}
	if !marketed(m) || body.OfferToken != offerToken(m) {
		return invalid("The provided offer token is invalid.")
	}
	if err := e.mayMarket(c, "Subscribe"); err != nil {
		return err
	}
	now := e.options.Now()
	if status := c.state.subscription(m, now); status == available || status == pending {
		return &refusal{status: http.StatusBadRequest, kind: "ConflictException", message: "An agreement for this model exists already."}
	}
	c.state.subscribe(m, now)
	var w jsonx.Writer
	w.Object()
	w.Key("modelId")
	w.String(m.ID)
	w.EndObject()
	return c.writeStatus(http.StatusAccepted, w.Buf)
}

// Lengths of a form of use case details in bytes: shape AcknowledgementFormDataBody.
const (
	formMin = 10
	formMax = 16384
)

func (e *Emulator) putUseCaseForModelAccess(c *call) error {
	var body struct {
		FormData *string `json:"formData"`
	}
	if err := jsonx.Unmarshal(c.body, &body); err != nil {
		return malformed(err, c.body)
	}
	if body.FormData == nil {
		return invalid("1 validation error detected: Value at 'formData' failed to satisfy constraint: Member must not be null")
	}
	form, err := base64.StdEncoding.DecodeString(*body.FormData)
	if err != nil {
		return &refusal{status: http.StatusBadRequest, kind: "SerializationException", message: "formData is not base64"}
	}
	if len(form) < formMin || len(form) > formMax {
		return invalid("1 validation error detected: Value at 'formData' failed to satisfy constraint: Member must have length between %d and %d", formMin, formMax)
	}
	c.state.mu.Lock()
	c.state.useCase = form
	c.state.mu.Unlock()
	return c.writeStatus(http.StatusCreated, []byte("{}"))
}

func (e *Emulator) getUseCaseForModelAccess(c *call) error {
	c.state.mu.Lock()
	form := c.state.useCase
	c.state.mu.Unlock()
	if form == nil {
		return notFound("Model use case details have not been submitted for this account.")
	}
	var w jsonx.Writer
	w.Object()
	w.Key("formData")
	w.Word(base64.StdEncoding.EncodeToString(form))
	w.EndObject()
	return c.writeJSON(w.Buf)
}

func (e *Emulator) putAccountDataRetention(c *call) error {
	var body struct {
		Mode string `json:"mode"`
	}
	if err := jsonx.Unmarshal(c.body, &body); err != nil {
		return malformed(err, c.body)
	}
	if !slices.Contains(account.Retentions(), body.Mode) {
		return invalid("1 validation error detected: Value '%s' at 'mode' failed to satisfy constraint: Member must satisfy enum value set: [%s]", body.Mode, strings.Join(account.Retentions(), ", "))
	}
	c.state.mu.Lock()
	c.state.retention, c.state.retentionAt = body.Mode, e.options.Now()
	c.state.mu.Unlock()
	return e.getAccountDataRetention(c)
}

func (e *Emulator) getAccountDataRetention(c *call) error {
	c.state.mu.Lock()
	mode, at := c.state.retention, c.state.retentionAt
	c.state.mu.Unlock()
	var w jsonx.Writer
	w.Object()
	w.Key("mode")
	w.String(mode)
	writeDay(&w, "updatedAt", at)
	w.EndObject()
	return c.writeJSON(w.Buf)
}

// writeStatus answers with a body and a status other than 200.
func (c *call) writeStatus(status int, body []byte) error {
	c.Header().Set("Content-Type", "application/json")
	c.WriteHeader(status)
	return c.writeWhole(body, c.fault)
}
