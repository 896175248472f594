package bedrock

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/bedrock/endpoint"
	"outcrop/provider/bedrock/modelid"
	"outcrop/provider/bedrock/sign"
)

// maxPages bounds how often a list goes on, should AWS's never end.
const maxPages = 50

// foundationModels is the answer of ListFoundationModels, as far as it is used
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListFoundationModels.html).
type foundationModels struct {
	ModelSummaries []struct {
		ModelID                 string   `json:"modelId"`
		ModelName               string   `json:"modelName"`
		ProviderName            string   `json:"providerName"`
		OutputModalities        []string `json:"outputModalities"`
		InferenceTypesSupported []string `json:"inferenceTypesSupported"`
		ModelLifecycle          struct {
			Status string `json:"status"`
		} `json:"modelLifecycle"`
	} `json:"modelSummaries"`
}

// inferenceProfiles is one page of ListInferenceProfiles
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListInferenceProfiles.html).
type inferenceProfiles struct {
	InferenceProfileSummaries []struct {
		InferenceProfileID   string `json:"inferenceProfileId"`
		InferenceProfileName string `json:"inferenceProfileName"`
		InferenceProfileARN  string `json:"inferenceProfileArn"`
		Status               string `json:"status"`
		Type                 string `json:"type"`
	} `json:"inferenceProfileSummaries"`
	NextToken string `json:"nextToken"`
}

// Models asks AWS which text models and inference profiles the account has in
// the deployment's region.
func (d *deployment) Models(ctx context.Context) ([]provider.Model, error) {
	var models foundationModels
	if err := d.list(ctx, "foundation-models", "", &models); err != nil {
		return nil, err
	}
	var out []provider.Model
	for _, m := range models.ModelSummaries {
		if len(m.OutputModalities) > 0 && !slices.Contains(m.OutputModalities, "TEXT") {
			continue
		}
		out = append(out, provider.Model{
			ID: m.ModelID, Name: m.ModelName, Owner: m.ProviderName, Kind: "model",
			OnDemand: slices.Contains(m.InferenceTypesSupported, "ON_DEMAND"),
			Legacy:   m.ModelLifecycle.Status == "LEGACY",
		})
	}
	token := ""
	for range maxPages {
		query := "maxResults=1000"
		if token != "" {
			query += "&nextToken=" + url.QueryEscape(token)
		}
		var page inferenceProfiles
		if err := d.list(ctx, "inference-profiles", query, &page); err != nil {
			return out, err
		}
		for _, p := range page.InferenceProfileSummaries {
			id := p.InferenceProfileID
			if p.Type == "APPLICATION" {
				id = p.InferenceProfileARN
			}
			out = append(out, provider.Model{ID: id, Name: p.InferenceProfileName, Owner: owner(id), Kind: "profile", OnDemand: p.Status == "ACTIVE"})
		}
		if token = page.NextToken; token == "" {
			break
		}
	}
	return out, nil
}

// owner is the vendor in a profile's id.
func owner(id string) string {
	parsed, err := modelid.Parse(id)
	if err != nil {
		return ""
	}
	return parsed.Vendor
}

// list makes one call of the control plane.
func (d *deployment) list(ctx context.Context, path, query string, into any) error {
	end, err := endpoint.Resolve(endpoint.Control, endpoint.Settings{
		Region: d.region(modelid.ID{}, modelid.ID{}), Environ: d.params.Environ,
	})
	if err != nil {
		return err
	}
	u := end.URL(query, path)
	r := &sign.Request{Method: http.MethodGet, Host: end.Host, Path: u.EscapedPath(), Query: query, Header: http.Header{}}
	resp, err := d.send(ctx, r, u, end.Region, llm.Target{API: "control", Region: end.Region, ID: path, Note: d.params.Note})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	buf := d.buffer()
	defer d.release(buf)
	if err := buf.readFrom(resp.Body); err != nil {
		return err
	}
	return jsonx.Unmarshal(buf.bytes, into)
}
