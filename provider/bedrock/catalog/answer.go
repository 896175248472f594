package catalog

import (
	"errors"
	"fmt"
	"time"

	"outcrop/internal/jsonx"
)

// DecodeFoundationModels reads an answer of ListFoundationModels
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListFoundationModels.html).
// Members that are not known are left alone.
func DecodeFoundationModels(body []byte) ([]LiveModel, error) {
	var answer struct {
		ModelSummaries *[]struct {
			ModelID                    string   `json:"modelId"`
			ModelName                  string   `json:"modelName"`
			ProviderName               string   `json:"providerName"`
			InputModalities            []string `json:"inputModalities"`
			OutputModalities           []string `json:"outputModalities"`
			ResponseStreamingSupported *bool    `json:"responseStreamingSupported"`
			InferenceTypesSupported    []string `json:"inferenceTypesSupported"`
			ModelLifecycle             struct {
				Status          string    `json:"status"`
				StartOfLifeTime time.Time `json:"startOfLifeTime"`
				LegacyTime      time.Time `json:"legacyTime"`
				EndOfLifeTime   time.Time `json:"endOfLifeTime"`
			} `json:"modelLifecycle"`
		} `json:"modelSummaries"`
	}
	if err := jsonx.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("response of ListFoundationModels: %w", err)
	}
	if answer.ModelSummaries == nil {
		return nil, errors.New("response of ListFoundationModels: has no modelSummaries")
	}
	models := make([]LiveModel, 0, len(*answer.ModelSummaries))
	for _, m := range *answer.ModelSummaries {
		models = append(models, LiveModel{
			ID: m.ModelID, Name: m.ModelName, Provider: m.ProviderName, Input: m.InputModalities, Output: m.OutputModalities,
			Streaming: m.ResponseStreamingSupported, InferenceTypes: m.InferenceTypesSupported, Status: m.ModelLifecycle.Status,
			Start: m.ModelLifecycle.StartOfLifeTime, Legacy: m.ModelLifecycle.LegacyTime, EndOfLife: m.ModelLifecycle.EndOfLifeTime,
		})
	}
	return models, nil
}

// summary is an inference profile in an answer of AWS's.
type summary struct {
	InferenceProfileID   string `json:"inferenceProfileId"`
	InferenceProfileName string `json:"inferenceProfileName"`
	InferenceProfileARN  string `json:"inferenceProfileArn"`
	Type                 string `json:"type"`
	Models               []struct {
		ModelARN string `json:"modelArn"`
	} `json:"models"`
}

func (s *summary) profile() LiveProfile {
	p := LiveProfile{ID: s.InferenceProfileID, Name: s.InferenceProfileName, ARN: s.InferenceProfileARN, Type: s.Type, Models: make([]string, 0, len(s.Models))}
	for _, m := range s.Models {
		p.Models = append(p.Models, m.ModelARN)
	}
	return p
}

// DecodeInferenceProfiles reads a page of ListInferenceProfiles
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListInferenceProfiles.html).
// next is the token for the page behind it, empty if it is the last.
func DecodeInferenceProfiles(body []byte) (profiles []LiveProfile, next string, err error) {
	var answer struct {
		InferenceProfileSummaries *[]summary `json:"inferenceProfileSummaries"`
		NextToken                 string     `json:"nextToken"`
	}
	if err := jsonx.Unmarshal(body, &answer); err != nil {
		return nil, "", fmt.Errorf("response of ListInferenceProfiles: %w", err)
	}
	if answer.InferenceProfileSummaries == nil {
		return nil, "", errors.New("response of ListInferenceProfiles: has no inferenceProfileSummaries")
	}
	profiles = make([]LiveProfile, 0, len(*answer.InferenceProfileSummaries))
	for i := range *answer.InferenceProfileSummaries {
		profiles = append(profiles, (*answer.InferenceProfileSummaries)[i].profile())
	}
	return profiles, answer.NextToken, nil
}

// DecodeInferenceProfile reads an answer of GetInferenceProfile
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetInferenceProfile.html).
func DecodeInferenceProfile(body []byte) (LiveProfile, error) {
	var answer summary
	if err := jsonx.Unmarshal(body, &answer); err != nil {
		return LiveProfile{}, fmt.Errorf("response of GetInferenceProfile: %w", err)
	}
	if answer.InferenceProfileARN == "" {
		return LiveProfile{}, errors.New("response of GetInferenceProfile: has no inferenceProfileArn")
	}
	return answer.profile(), nil
}

// DecodeAccess reads an answer of GetFoundationModelAvailability.
func DecodeAccess(body []byte) (Availability, error) {
	var answer struct {
		AgreementAvailability struct {
			Status       string `json:"status"`
			ErrorMessage string `json:"errorMessage"`
		} `json:"agreementAvailability"`
		AuthorizationStatus     string `json:"authorizationStatus"`
		EntitlementAvailability string `json:"entitlementAvailability"`
		RegionAvailability      string `json:"regionAvailability"`
	}
	if err := jsonx.Unmarshal(body, &answer); err != nil {
		return Availability{}, fmt.Errorf("response of GetFoundationModelAvailability: %w", err)
	}
	return Availability{
		Agreement: answer.AgreementAvailability.Status, AgreementError: answer.AgreementAvailability.ErrorMessage,
		Authorization: answer.AuthorizationStatus, Entitlement: answer.EntitlementAvailability, Region: answer.RegionAvailability,
	}, nil
}

// DecodeMantleModels reads an answer of bedrock-mantle's GET /v1/models, which has the form of OpenAI's, and gives the
// ids (https://docs.aws.amazon.com/bedrock/latest/userguide/models-get-info.html).
func DecodeMantleModels(body []byte) ([]string, error) {
	var answer struct {
		Data *[]struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := jsonx.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("the models of bedrock-mantle: %w", err)
	}
	if answer.Data == nil {
		return nil, errors.New("the models of bedrock-mantle: the response has no data")
	}
	ids := make([]string, 0, len(*answer.Data))
	for _, m := range *answer.Data {
		if m.ID != "" {
			ids = append(ids, m.ID)
		}
	}
	return ids, nil
}

// DecodeProvisionedModel reads an answer of GetProvisionedModelThroughput
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetProvisionedModelThroughput.html)
// and gives the ARN of the foundation model beneath.
func DecodeProvisionedModel(body []byte) (arn string, err error) {
	var answer struct {
		FoundationModelARN string `json:"foundationModelArn"`
	}
	if err := jsonx.Unmarshal(body, &answer); err != nil {
		return "", fmt.Errorf("response of GetProvisionedModelThroughput: %w", err)
	}
	if answer.FoundationModelARN == "" {
		return "", errors.New("response of GetProvisionedModelThroughput: has no foundationModelArn")
	}
	return answer.FoundationModelARN, nil
}

// DecodeCustomModelDeployment reads an answer of GetCustomModelDeployment
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetCustomModelDeployment.html)
// and gives the ARN of the custom model, which holds the id of its base.
func DecodeCustomModelDeployment(body []byte) (arn string, err error) {
	var answer struct {
		ModelARN string `json:"modelArn"`
	}
	if err := jsonx.Unmarshal(body, &answer); err != nil {
		return "", fmt.Errorf("response of GetCustomModelDeployment: %w", err)
	}
	if answer.ModelARN == "" {
		return "", errors.New("response of GetCustomModelDeployment: has no modelArn")
	}
	return answer.ModelARN, nil
}
