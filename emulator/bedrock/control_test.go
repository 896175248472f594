package bedrock

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

type modelList struct {
	ModelSummaries []modelSummary `json:"modelSummaries"`
}

type modelSummary struct {
	ModelArn                string   `json:"modelArn"`
	ModelID                 string   `json:"modelId"`
	ProviderName            string   `json:"providerName"`
	InferenceTypesSupported []string `json:"inferenceTypesSupported"`
	OutputModalities        []string `json:"outputModalities"`
	ModelLifecycle          struct {
		Status          string `json:"status"`
		StartOfLifeTime string `json:"startOfLifeTime"`
	} `json:"modelLifecycle"`
	ResponseStreamingSupported bool `json:"responseStreamingSupported"`
}

type profileList struct {
	Summaries []profileSummary `json:"inferenceProfileSummaries"`
	NextToken string           `json:"nextToken"`
}

type profileSummary struct {
	ID     string `json:"inferenceProfileId"`
	Arn    string `json:"inferenceProfileArn"`
	Type   string `json:"type"`
	Status string `json:"status"`
	Models []struct {
		ModelArn string `json:"modelArn"`
	} `json:"models"`
}

func TestListFoundationModelsFilters(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	all := decode[modelList](t, s.get(t, "/foundation-models")).ModelSummaries
	if len(all) < 50 {
		t.Fatalf("got %d models, want more than 50", len(all))
	}
	tests := []struct {
		name, query string
		fits        func(modelSummary) bool
	}{
		{"by provider, in any case", "byProvider=anthropic", func(m modelSummary) bool { return m.ProviderName == "Anthropic" }},
		{"by output", "byOutputModality=EMBEDDING", func(m modelSummary) bool { return slices.Contains(m.OutputModalities, "EMBEDDING") }},
		{"by inference type", "byInferenceType=ON_DEMAND", func(m modelSummary) bool { return slices.Contains(m.InferenceTypesSupported, "ON_DEMAND") }},
		{"by both", "byInferenceType=ON_DEMAND&byProvider=Amazon", func(m modelSummary) bool {
			return m.ProviderName == "Amazon" && slices.Contains(m.InferenceTypesSupported, "ON_DEMAND")
		}},
		{"by customization, which nothing here has", "byCustomizationType=FINE_TUNING", func(modelSummary) bool { return false }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := decode[modelList](t, s.get(t, "/foundation-models?"+tt.query)).ModelSummaries
			want := slices.DeleteFunc(slices.Clone(all), func(m modelSummary) bool { return !tt.fits(m) })
			if len(got) != len(want) || slices.ContainsFunc(got, func(m modelSummary) bool { return !tt.fits(m) }) {
				t.Errorf("got %d models, want %d", len(got), len(want))
			}
		})
	}
	wantRefusal(t, s.get(t, "/foundation-models?byInferenceType=LATER"), 400, "ValidationException", "at 'byInferenceType' failed to satisfy constraint")
}

func TestModelsAndProfilesDependOnTheRegionInTheHost(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	got := decode[modelList](t, s.send(t, http.MethodGet, "/foundation-models?byProvider=DeepSeek", "", host("bedrock.eu-west-1.amazonaws.com"))).ModelSummaries
	for _, m := range got {
		if m.ModelID == "deepseek.r1-v1:0" || !strings.HasPrefix(m.ModelArn, "arn:aws:bedrock:eu-west-1::foundation-model/") {
			t.Errorf("Ireland lists %s", m.ModelArn)
		}
	}
	profiles := decode[profileList](t, s.send(t, http.MethodGet, "/inference-profiles", "", host("bedrock.us-gov-west-1.amazonaws.com"))).Summaries
	if len(profiles) == 0 {
		t.Error("GovCloud lists no profile")
	}
	for _, p := range profiles {
		if !strings.HasPrefix(p.Arn, "arn:aws-us-gov:bedrock:us-gov-west-1:"+DemoAccount+":inference-profile/us-gov.") {
			t.Errorf("GovCloud lists %s", p.Arn)
		}
	}
}

func TestGetFoundationModel(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	type details struct {
		ModelDetails modelSummary `json:"modelDetails"`
	}
	for _, id := range []string{
		"anthropic.claude-3-7-sonnet-20250219-v1:0",
		"anthropic.claude-3-7-sonnet-20250219-v1%3A0",
		url.PathEscape("arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-7-sonnet-20250219-v1:0"),
	} {
		m := decode[details](t, s.get(t, "/foundation-models/"+id)).ModelDetails
		if m.ModelLifecycle.Status != "LEGACY" || m.ModelLifecycle.StartOfLifeTime != "2025-02-24T00:00:00Z" ||
			!slices.Equal(m.InferenceTypesSupported, []string{"INFERENCE_PROFILE"}) || !m.ResponseStreamingSupported {
			t.Errorf("%s: got %+v", id, m)
		}
	}
	wantRefusal(t, s.get(t, "/foundation-models/anthropic.claude-9"), 400, "ValidationException", `{"message":"The provided model identifier is invalid."}`)
}

func TestListInferenceProfilesPagesWithoutLossOrRepetition(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	whole := decode[profileList](t, s.get(t, "/inference-profiles"))
	if whole.NextToken != "" || len(whole.Summaries) < 60 {
		t.Fatalf("got %d profiles and token %q", len(whole.Summaries), whole.NextToken)
	}
	var paged []string
	for token := ""; ; {
		page := decode[profileList](t, s.get(t, "/inference-profiles?maxResults=7&nextToken="+token))
		if len(page.Summaries) > 7 {
			t.Fatalf("a page of 7 has %d profiles", len(page.Summaries))
		}
		for _, p := range page.Summaries {
			paged = append(paged, p.ID)
		}
		if token = page.NextToken; token == "" {
			break
		}
	}
	var want []string
	for _, p := range whole.Summaries {
		want = append(want, p.ID)
	}
	if !slices.Equal(paged, want) {
		t.Errorf("pages give %d profiles, the whole list %d", len(paged), len(want))
	}
	wantRefusal(t, s.get(t, "/inference-profiles?nextToken=x"), 400, "ValidationException", "nextToken")
	wantRefusal(t, s.get(t, "/inference-profiles?maxResults=0"), 400, "ValidationException", "'maxResults'")
}

func TestGetInferenceProfileSaysWhereItLeads(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Profiles: []ApplicationProfile{{ID: "abc123def456", Name: "team a", Region: "us-east-1", Source: "us.anthropic.claude-sonnet-4-6"}}})
	account := "arn:aws:bedrock:us-east-1:" + DemoAccount
	tests := []struct {
		name, id, kind string
		models         int
		first          string
	}{
		{"a system profile by id", "us.anthropic.claude-sonnet-4-6", "SYSTEM_DEFINED", 5, "arn:aws:bedrock:ca-central-1::foundation-model/anthropic.claude-sonnet-4-6"},
		{"a system profile by ARN", account + ":inference-profile/us.anthropic.claude-sonnet-4-6", "SYSTEM_DEFINED", 5, "arn:aws:bedrock:ca-central-1::foundation-model/anthropic.claude-sonnet-4-6"},
		{"a global profile has the ARN without a region", "global.anthropic.claude-sonnet-4-6", "SYSTEM_DEFINED", 2, "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-6"},
		{"an application profile by ARN", account + ":application-inference-profile/abc123def456", "APPLICATION", 5, "arn:aws:bedrock:ca-central-1::foundation-model/anthropic.claude-sonnet-4-6"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := decode[profileSummary](t, s.get(t, "/inference-profiles/"+url.PathEscape(tt.id)))
			if p.Type != tt.kind || p.Status != "ACTIVE" || len(p.Models) != tt.models || p.Models[0].ModelArn != tt.first {
				t.Errorf("got %+v", p)
			}
		})
	}
	wantRefusal(t, s.get(t, "/inference-profiles/eu.anthropic.claude-sonnet-4-6"), 404, "ResourceNotFoundException", "could not be found")
	if got := decode[profileList](t, s.get(t, "/inference-profiles?type=APPLICATION")).Summaries; len(got) != 1 || got[0].ID != "abc123def456" {
		t.Errorf("type=APPLICATION lists %+v", got)
	}
}

func TestAnUnknownPathIsNoOperation(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	wantRefusal(t, s.get(t, "/models"), 404, "UnknownOperationException", "message")
	wantRefusal(t, s.send(t, http.MethodDelete, "/foundation-models", "", apiKey), 404, "UnknownOperationException", "message")
}

func TestNewRefusesOptionsThatContradictThemselves(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, want string
		options    Options
	}{
		{"an account that is none", `account "12"`, Options{Account: "12"}},
		{"a region without Bedrock", `region "nowhere-1"`, Options{Region: "nowhere-1"}},
		{"a profile of a model that is elsewhere", "neither an on-demand model nor a profile", Options{Profiles: []ApplicationProfile{{ID: "a", Region: "eu-west-1", Source: "us.anthropic.claude-sonnet-4-6"}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := New(tt.options); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}
