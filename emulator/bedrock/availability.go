package bedrock

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"outcrop/emulator/bedrock/account"
	"outcrop/emulator/bedrock/catalogue"
	"outcrop/internal/jsonx"
	"outcrop/internal/lazyregexp"
)

// Access is the answer of GetFoundationModelAvailability for a model, with the values
// of the service model; an empty value is AVAILABLE or AUTHORIZED.
type Access struct {
	// Agreement is AVAILABLE, PENDING, NOT_AVAILABLE or ERROR, and AgreementError
	// the message that comes with it, if any.
	Agreement, AgreementError string
	// Authorization is AUTHORIZED or NOT_AUTHORIZED.
	Authorization string
	// Entitlement and Region are AVAILABLE or NOT_AVAILABLE. Region is always
	// NOT_AVAILABLE if the region does not list the model.
	Entitlement, Region string
}

// Values of the service model.
const (
	available    = "AVAILABLE"
	notAvailable = "NOT_AVAILABLE"
	pending      = "PENDING"
	failed       = "ERROR"
	authorized   = "AUTHORIZED"
)

// check rejects values that the service model does not have.
func (a *Access) check() error {
	for _, word := range []struct {
		member, value string
		values        []string
	}{
		{"agreement", a.Agreement, []string{available, pending, notAvailable, failed}},
		{"authorization", a.Authorization, []string{authorized, "NOT_AUTHORIZED"}},
		{"entitlement", a.Entitlement, []string{available, notAvailable}},
		{"region", a.Region, []string{available, notAvailable}},
	} {
		if word.value != "" && !slices.Contains(word.values, word.value) {
			return fmt.Errorf("%s %q is none of %s", word.member, word.value, strings.Join(word.values, ", "))
		}
	}
	return nil
}

// bedrockModelID is shape BedrockModelId, bedrockModelIDMax its longest length.
var bedrockModelID = shape(`[a-z0-9-]{1,63}[.]{1}[a-z0-9-]{1,63}([a-z0-9-]{1,63}[.]){0,2}[a-z0-9-]{1,63}([:][a-z0-9-]{1,63}){0,2}(/[a-z0-9]{12}|)`)

const bedrockModelIDMax = 140

// getFoundationModelAvailability answers for a foundation model by its id; the service
// model allows no ARN here. A model of another region is described with
// regionAvailability NOT_AVAILABLE. No real exchange with an unknown id is known; it is
// refused as by GetFoundationModel.
func (e *Emulator) getFoundationModelAvailability(c *call) error {
	if len(c.parameter) > bedrockModelIDMax || !bedrockModelID.MatchString(c.parameter) {
		return mismatch(c.parameter, "modelId", bedrockModelID)
	}
	m := c.catalogue.Model(c.parameter)
	if m == nil {
		return invalidIdentifier()
	}
	a := e.accessTo(c.state, m)
	if !m.In(c.region) {
		a.Region = notAvailable
	}
	var w jsonx.Writer
	w.Object()
	w.Key("agreementAvailability")
	w.Object()
	if a.AgreementError != "" {
		w.Key("errorMessage")
		w.String(a.AgreementError)
	}
	w.Key("status")
	w.String(cmp.Or(a.Agreement, available))
	w.EndObject()
	w.Key("authorizationStatus")
	w.String(cmp.Or(a.Authorization, authorized))
	w.Key("entitlementAvailability")
	w.String(cmp.Or(a.Entitlement, available))
	w.Key("modelId")
	w.String(m.ID)
	w.Key("regionAvailability")
	w.String(cmp.Or(a.Region, available))
	w.EndObject()
	return c.writeJSON(w.Buf)
}

// accessTo returns the options' settings for a model, completed from the account's
// state.
func (e *Emulator) accessTo(s *state, m *catalogue.Model) Access {
	a := e.options.Access[m.ID]
	a.Agreement = cmp.Or(a.Agreement, s.subscription(m, e.options.Now()))
	if s.setup.NotAuthorized || m.Provider == anthropic && !s.submitted() {
		a.Authorization = cmp.Or(a.Authorization, "NOT_AUTHORIZED")
	}
	if about := s.about(m.ID); about != nil && about.Access == account.NotGranted {
		a.Entitlement = cmp.Or(a.Entitlement, notAvailable)
	}
	return a
}

// shape compiles a pattern of the service model, which must match a whole value.
func shape(pattern string) *lazyregexp.Regexp { return lazyregexp.New(`^(?:` + pattern + `)$`) }

// mismatch is the refusal of a value that does not match its shape.
func mismatch(value, member string, of *lazyregexp.Regexp) *refusal {
	pattern := strings.TrimSuffix(strings.TrimPrefix(of.String(), `^(?:`), `)$`)
	return invalid("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must satisfy regular expression pattern: %s", value, member, pattern)
}
