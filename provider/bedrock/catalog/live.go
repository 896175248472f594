package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/bedrock/endpoint"
)

// Live is what AWS reported to one account in one region. A list that is not set was not read, for
// example for lack of permission, and has no effect.
type Live struct {
	// Account is the account number; empty if unknown.
	Account string
	Region  string
	// At is when the lists were read.
	At time.Time
	// Models is from ListFoundationModels, and Profiles from ListInferenceProfiles with
	// both types.
	Models   llm.Opt[[]LiveModel]
	Profiles llm.Opt[[]LiveProfile]
	// Mantle has the ids of bedrock-mantle's own list of models.
	Mantle llm.Opt[[]string]
	// Availability is from GetFoundationModelAvailability, by base id, for the models that were
	// looked up.
	Availability map[string]Availability
	// BaseModel has the base model id by ARN, for those that were looked up: provisioned
	// throughput, deployments of custom models, profiles of other accounts.
	BaseModel map[string]string
}

// LiveModel is a member of modelSummaries
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_FoundationModelSummary.html). Values
// are AWS's and may be unknown to this release.
type LiveModel struct {
	ID       string `json:"id"`
	Name     string `json:"name,omitzero"`
	Provider string `json:"provider,omitzero"`
	// Input and Output are modalities: TEXT, IMAGE, ...
	Input  []string `json:"input,omitempty"`
	Output []string `json:"output,omitempty"`
	// Streaming is whether answers can be streamed; null if AWS did not say.
	Streaming *bool `json:"streaming,omitzero"`
	// InferenceTypes are ON_DEMAND, PROVISIONED and INFERENCE_PROFILE.
	InferenceTypes []string `json:"inferenceTypes,omitempty"`
	// Status is ACTIVE or LEGACY.
	Status    string    `json:"status,omitzero"`
	Start     time.Time `json:"start,omitzero"`
	Legacy    time.Time `json:"legacy,omitzero"`
	EndOfLife time.Time `json:"endOfLife,omitzero"`
}

// LiveProfile is a member of inferenceProfileSummaries
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_InferenceProfileSummary.html).
type LiveProfile struct {
	ID   string `json:"id"`
	Name string `json:"name,omitzero"`
	ARN  string `json:"arn"`
	// Type is SYSTEM_DEFINED or APPLICATION.
	Type string `json:"type"`
	// Models are the ARNs of the models that it leads to, one for each destination.
	// That of a worldwide profile's has no region.
	Models []string `json:"models"`
}

// Availability is an account's access to a model, in the terms of GetFoundationModelAvailability
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetFoundationModelAvailability.html).
type Availability struct {
	Agreement      string `json:"agreement,omitzero"` // AVAILABLE, PENDING, NOT_AVAILABLE, ERROR
	AgreementError string `json:"agreementError,omitzero"`
	Authorization  string `json:"authorization,omitzero"` // AUTHORIZED, NOT_AUTHORIZED
	Entitlement    string `json:"entitlement,omitzero"`   // AVAILABLE, NOT_AVAILABLE
	Region         string `json:"region,omitzero"`        // AVAILABLE, NOT_AVAILABLE
}

// Granted reports whether AWS's values allow calls.
func (a Availability) Granted() Known {
	switch {
	case a.Authorization == "NOT_AUTHORIZED", a.Entitlement == "NOT_AVAILABLE", a.Region == "NOT_AVAILABLE",
		a.Agreement == "NOT_AVAILABLE", a.Agreement == "ERROR", a.Agreement == "PENDING":
		return No
	case a.Authorization == "AUTHORIZED" && a.Entitlement == "AVAILABLE":
		return Yes
	}
	return Unknown
}

// liveVersion is the version of the file format of a Live. A file of another version is read again
// from AWS, not converted.
const liveVersion = 1

// liveFile is a Live on disk.
type liveFile struct {
	Version      int                     `json:"outcropLiveCatalogue"`
	Account      string                  `json:"account,omitzero"`
	Region       string                  `json:"region"`
	At           time.Time               `json:"at"`
	Models       *[]LiveModel            `json:"models,omitzero"`
	Profiles     *[]LiveProfile          `json:"profiles,omitzero"`
	Mantle       *[]string               `json:"mantle,omitzero"`
	Availability map[string]Availability `json:"access,omitempty"`
	BaseModel    map[string]string       `json:"beneath,omitempty"`
}

// Encode writes l in the format that DecodeLive reads.
func (l *Live) Encode() ([]byte, error) {
	return jsonx.Marshal(&liveFile{
		Version: liveVersion, Account: l.Account, Region: l.Region, At: l.At.UTC(),
		Models: pointer(l.Models), Profiles: pointer(l.Profiles), Mantle: pointer(l.Mantle), Availability: l.Availability, BaseModel: l.BaseModel,
	})
}

func pointer[T any](o llm.Opt[T]) *T {
	if !o.Set {
		return nil
	}
	return &o.Value
}

func optional[T any](p *T) llm.Opt[T] {
	if p == nil {
		return llm.Opt[T]{}
	}
	return llm.Some(*p)
}

// DecodeLive reads what Encode wrote. Anything else, such as a truncated file or another version,
// is an error.
func DecodeLive(data []byte) (*Live, error) {
	var f liveFile
	if err := jsonx.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("not a saved model list: %w", err)
	}
	if f.Version != liveVersion {
		return nil, fmt.Errorf("not a saved model list of version %d, but of version %d", liveVersion, f.Version)
	}
	l := &Live{
		Account: f.Account, Region: f.Region, At: f.At,
		Models: optional(f.Models), Profiles: optional(f.Profiles), Mantle: optional(f.Mantle), Availability: f.Availability, BaseModel: f.BaseModel,
	}
	if err := l.check(); err != nil {
		return nil, err
	}
	again, err := l.Encode()
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, data) {
		return nil, errors.New("not a saved model list: it has unknown members or another format")
	}
	return l, nil
}

// check verifies what With relies on.
func (l *Live) check() error {
	switch {
	case !endpoint.ValidRegion(l.Region):
		return fmt.Errorf("%q is not a region", l.Region)
	case l.At.IsZero():
		return errors.New("the model list has no time at which it was read")
	}
	for _, m := range l.Models.Value {
		if m.ID == "" {
			return errors.New("a model in the list has no id")
		}
	}
	for _, p := range l.Profiles.Value {
		if p.ID == "" || p.ARN == "" {
			return errors.New("a profile in the list has no id or no ARN")
		}
	}
	return nil
}
