package bedrock

import (
	"strings"

	"outcrop/emulator/bedrock/bodyschema"
	"outcrop/emulator/bedrock/catalogue"
	"outcrop/emulator/bedrock/vector"
	"outcrop/internal/jsonx"
)

// rerankMost is the maximum number of documents in a call
// (https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-rerank.html).
const rerankMost = 1000

// rerankBody is InvokeModel of Cohere's and Amazon's rerankers.
func rerankBody(to *catalogue.Model, body []byte, _ string) (*vectors, error) {
	properties := map[string]bodyschema.Schema{
		"query": textOf(0), "documents": listOf(textOf(0), rerankMost), "top_n": number(bodyschema.Integer, 1, rerankMost),
	}
	required := []string{"query", "documents"}
	if strings.HasPrefix(to.ID, "cohere.") {
		properties["api_version"] = number(bodyschema.Integer, 2, 2)
		properties["max_tokens_per_doc"] = number(bodyschema.Integer, 1, 32768)
		required = append(required, "api_version")
	}
	if err := checkBody(body, object(required, properties)); err != nil {
		return nil, err
	}
	var said struct {
		Query     string   `json:"query"`
		Documents []string `json:"documents"`
		Top       *int     `json:"top_n"`
	}
	if err := jsonx.Unmarshal(body, &said); err != nil {
		return nil, err
	}
	results := vector.Rerank(said.Query, said.Documents)
	if said.Top != nil {
		results = results[:min(len(results), *said.Top)]
	}
	tokens := textTokens(said.Query)
	for _, d := range said.Documents {
		tokens += textTokens(d)
	}
	var w jsonx.Writer
	w.Object()
	w.Key("results")
	w.Array()
	for _, r := range results {
		w.Object()
		w.Key("index")
		w.Int(int64(r.Index))
		w.Key("relevance_score")
		w.Float(r.Score)
		w.EndObject()
	}
	w.EndArray()
	w.EndObject()
	return &vectors{body: w.Buf, tokens: tokens}, nil
}

// rerankRequest is the body of Rerank: shape RerankRequest of the agent runtime.
type rerankRequest struct {
	NextToken *string `json:"nextToken"`
	Queries   []struct {
		Type string `json:"type"`
		Text *struct {
			Text string `json:"text"`
		} `json:"textQuery"`
	} `json:"queries"`
	Configuration *struct {
		Type    string `json:"type"`
		Bedrock *struct {
			Model *struct {
				ARN    string    `json:"modelArn"`
				Fields jsonx.Raw `json:"additionalModelRequestFields"`
			} `json:"modelConfiguration"`
			Results *int `json:"numberOfResults"`
		} `json:"bedrockRerankingConfiguration"`
	} `json:"rerankingConfiguration"`
	Sources []struct {
		Type   string `json:"type"`
		Inline *struct {
			Type string `json:"type"`
			Text *struct {
				Text string `json:"text"`
			} `json:"textDocument"`
			JSON jsonx.Raw `json:"jsonDocument"`
		} `json:"inlineDocumentSource"`
	} `json:"sources"`
}

// agentTextMost is the maximum length of a query or document: shape RerankTextDocument.
const agentTextMost = 32_000

// rerank is the operation Rerank of the agent runtime.
func (e *Emulator) rerank(c *call) error {
	var said rerankRequest
	if err := jsonx.Unmarshal(c.body, &said); err != nil {
		return malformed(err, c.body)
	}
	documents, err := said.documents()
	if err != nil {
		return err
	}
	c.parameter = said.Configuration.Bedrock.Model.ARN
	to, err := e.identify(c)
	if err != nil {
		return err
	}
	if err := e.admit(c, to); err != nil {
		return err
	}
	if to.Family != "rerank" {
		return invalid("The provided model doesn't support reranking.")
	}
	results := vector.Rerank(said.Queries[0].Text.Text, documents)
	if n := said.Configuration.Bedrock.Results; n != nil {
		results = results[:min(len(results), *n)]
	}
	var w jsonx.Writer
	w.Object()
	w.Key("results")
	w.Array()
	for _, r := range results {
		w.Object()
		w.Key("index")
		w.Int(int64(r.Index))
		w.Key("relevanceScore")
		w.Float(r.Score)
		w.EndObject()
	}
	w.EndArray()
	w.EndObject()
	return c.writeJSON(w.Buf)
}

// lacking is the refusal of a missing member.
func lacking(path string) error {
	return invalid("1 validation error detected: Value at '%s' failed to satisfy constraint: Member must not be null", path)
}

// documents returns the texts of the sources, after checking the request against the
// service model.
func (r *rerankRequest) documents() ([]string, error) {
	switch {
	case r.Queries == nil:
		return nil, lacking("queries")
	case len(r.Queries) != 1:
		return nil, invalid("1 validation error detected: Value at 'queries' failed to satisfy constraint: Member must have length less than or equal to 1")
	case r.Queries[0].Type != "TEXT" || r.Queries[0].Text == nil:
		return nil, lacking("queries.1.member.textQuery")
	case r.Queries[0].Text.Text == "" || len(r.Queries[0].Text.Text) > agentTextMost:
		return nil, invalid("1 validation error detected: Value at 'queries.1.member.textQuery.text' failed to satisfy constraint: Member must have length between 1 and %d", agentTextMost)
	case r.Configuration == nil || r.Configuration.Bedrock == nil || r.Configuration.Bedrock.Model == nil:
		return nil, lacking("rerankingConfiguration.bedrockRerankingConfiguration.modelConfiguration")
	case r.Configuration.Type != "BEDROCK_RERANKING_MODEL":
		return nil, invalid("1 validation error detected: Value '%s' at 'rerankingConfiguration.type' failed to satisfy constraint: Member must satisfy enum value set: [BEDROCK_RERANKING_MODEL]", r.Configuration.Type)
	case !strings.HasPrefix(r.Configuration.Bedrock.Model.ARN, "arn:"):
		return nil, invalidIdentifier()
	case r.Configuration.Bedrock.Results != nil && (*r.Configuration.Bedrock.Results < 1 || *r.Configuration.Bedrock.Results > rerankMost):
		return nil, invalid("1 validation error detected: Value at 'rerankingConfiguration.bedrockRerankingConfiguration.numberOfResults' failed to satisfy constraint: Member must have value between 1 and %d", rerankMost)
	case len(r.Sources) == 0 || len(r.Sources) > rerankMost:
		return nil, invalid("1 validation error detected: Value at 'sources' failed to satisfy constraint: Member must have length between 1 and %d", rerankMost)
	}
	var all []string
	for _, s := range r.Sources {
		switch {
		case s.Inline == nil:
			return nil, lacking("sources.1.member.inlineDocumentSource")
		case s.Inline.Type == "JSON" && s.Inline.JSON != nil:
			all = append(all, string(s.Inline.JSON))
		case s.Inline.Text != nil && s.Inline.Text.Text != "" && len(s.Inline.Text.Text) <= agentTextMost:
			all = append(all, s.Inline.Text.Text)
		default:
			return nil, invalid("1 validation error detected: Value at 'sources.%d.member.inlineDocumentSource.textDocument.text' failed to satisfy constraint: Member must have length between 1 and %d", len(all)+1, agentTextMost)
		}
	}
	return all, nil
}
