package gemini

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// maxEmbeds is how many inputs batchEmbedContents takes
// (https://ai.google.dev/gemini-api/docs/embeddings).
const maxEmbeds = 100

// AppendEmbedRequest writes a request for embeddings as a body of batchEmbedContents. resource is the
// name of the model there, such as models/gemini-embedding-001. The error is an *llm.Error.
func AppendEmbedRequest(w *jsonx.Writer, req *llm.EmbedRequest, resource string) ([]llm.Warning, error) {
	e := &encoder{w: w, req: &llm.Request{Call: req.Call}}
	switch {
	case len(req.Inputs) > maxEmbeds:
		return nil, llm.Invalid("input", "input has %d elements; Gemini accepts at most %d in one request", len(req.Inputs), maxEmbeds)
	case len(req.Types) > 0 && !slices.Equal(req.Types, []llm.VectorType{llm.VectorFloat}):
		return nil, llm.Unsupported("embedding_types", "embedding_types: Gemini returns only float")
	}
	task, err := taskOf(req.InputType)
	if err != nil {
		return nil, err
	}
	for _, m := range req.ModelFields {
		if m.Name != "taskType" && m.Name != "task_type" && m.Name != "title" {
			if err := e.refuse(m.Name, "%s is not supported by Gemini's embeddings", m.Name); err != nil {
				return nil, err
			}
		}
	}
	if req.MaxTokens.Set {
		e.warn(llm.WarnDropped, "max_tokens", "")
	}
	if req.Truncate != "" && req.Truncate != "END" {
		if err := e.refuse("truncate", "truncate: Gemini truncates texts at their end"); err != nil {
			return nil, err
		}
	}
	w.Object()
	w.Key("requests")
	w.Array()
	for i := range req.Inputs {
		if err := e.input(req, i, resource, task); err != nil {
			return nil, err
		}
	}
	w.EndArray()
	w.EndObject()
	return e.warnings, nil
}

// input writes the request for one input.
func (e *encoder) input(req *llm.EmbedRequest, i int, resource, task string) error {
	w, in := e.w, &req.Inputs[i]
	name := in.Name(i)
	if len(in.Tokens) > 0 {
		return llm.Unsupported(name, "%s: Gemini embeds text, not tokens", name)
	}
	w.Object()
	w.Key("model")
	w.String(resource)
	w.Key("content")
	w.Object()
	w.Key("parts")
	w.Array()
	if len(in.Parts) == 0 {
		e.text(in.Text, "")
	}
	for j := range in.Parts {
		if in.Parts[j].Kind == llm.BlockText {
			e.text(in.Parts[j].Text, "")
		} else if err := e.media(&in.Parts[j], name); err != nil {
			return err
		}
	}
	w.EndArray()
	w.EndObject()
	if task != "" {
		w.Key("taskType")
		w.Word(task)
	}
	for _, m := range req.ModelFields {
		switch {
		case m.Name == "title":
			w.Key("title")
			w.Raw(m.Value)
		case task == "" && (m.Name == "taskType" || m.Name == "task_type"):
			w.Key("taskType")
			w.Raw(m.Value)
		}
	}
	if req.Dimensions.Set {
		w.Key("outputDimensionality")
		w.Int(req.Dimensions.Value)
	}
	w.EndObject()
	return nil
}

// taskOf is Google's word for what vectors are for (https://ai.google.dev/api/embeddings#TaskType).
func taskOf(kind string) (string, error) {
	switch kind {
	case "":
		return "", nil
	case "search_document":
		return "RETRIEVAL_DOCUMENT", nil
	case "search_query":
		return "RETRIEVAL_QUERY", nil
	case "classification", "clustering":
		return map[string]string{"classification": "CLASSIFICATION", "clustering": "CLUSTERING"}[kind], nil
	case "RETRIEVAL_DOCUMENT", "RETRIEVAL_QUERY", "SEMANTIC_SIMILARITY", "CLASSIFICATION", "CLUSTERING", "QUESTION_ANSWERING", "FACT_VERIFICATION", "CODE_RETRIEVAL_QUERY":
		return kind, nil
	default:
		return "", llm.Unsupported("input_type", "input_type: Gemini does not know %q; it knows search_document, search_query, classification and clustering", llm.Clip(kind, 60))
	}
}

// DecodeEmbedResponse reads the response of batchEmbedContents with a number of vectors. The API
// reports no usage on AI Studio.
func DecodeEmbedResponse(body []byte, count int) (*llm.EmbedResponse, error) {
	var s struct {
		Embeddings []struct {
			Values []float64 `json:"values"`
		} `json:"embeddings"`
		Usage jsonx.Raw `json:"usageMetadata"`
	}
	if err := jsonx.Unmarshal(body, &s); err != nil {
		return nil, err
	}
	if len(s.Embeddings) != count {
		return nil, fmt.Errorf("it has %d vectors for %d inputs", len(s.Embeddings), count)
	}
	out := &llm.EmbedResponse{Vectors: make([]llm.Vector, count)}
	for i, v := range s.Embeddings {
		if len(v.Values) == 0 {
			return nil, errors.New("vector " + strconv.Itoa(i) + " is empty")
		}
		out.Vectors[i].Float = v.Values
	}
	if has(s.Usage) {
		u, err := DecodeUsage(s.Usage)
		if err != nil {
			return nil, err
		}
		out.Usage = u
	}
	return out, nil
}

// DecodeEmbed reads a request of embedContent, or of batchEmbedContents, in which each input has one.
// model is the one in the path. The error is an *llm.Error with status 400 that names the field.
func DecodeEmbed(body []byte, model string, batch bool) (*llm.EmbedRequest, error) {
	type request struct {
		Content    *clientContent `json:"content"`
		Task       string         `json:"taskType"`
		Dimensions *int64         `json:"outputDimensionality"`
	}
	var all struct {
		Requests []request `json:"requests"`
	}
	named, err := camelCased(body)
	switch {
	case err != nil:
	case batch:
		err = jsonx.Unmarshal(named, &all)
	default:
		all.Requests = make([]request, 1)
		err = jsonx.Unmarshal(named, &all.Requests[0])
	}
	switch {
	case err != nil:
		return nil, llm.Invalid("", "the request body is not valid: %v", err)
	case len(all.Requests) == 0:
		return nil, llm.Invalid("requests", "requests is not specified")
	}
	out := &llm.EmbedRequest{Call: llm.Call{Model: model}}
	for i, r := range all.Requests {
		path := "content"
		if batch {
			path = "requests[" + strconv.Itoa(i) + "].content"
		}
		if r.Content == nil || len(r.Content.Parts) == 0 {
			return nil, llm.Invalid(path, "%s has no parts", path)
		}
		d := &decoder{}
		if err := d.content(r.Content, path); err != nil {
			return nil, err
		}
		in := llm.EmbedInput{Field: path, Parts: d.out.LLM.Turns[0].Blocks}
		if len(in.Parts) == 1 && in.Parts[0].Kind == llm.BlockText {
			in.Text, in.Parts = in.Parts[0].Text, nil
		}
		out.Inputs = append(out.Inputs, in)
		var dimensions llm.Opt[int64]
		if r.Dimensions != nil {
			dimensions = llm.Some(*r.Dimensions)
		}
		if i > 0 && (dimensions != out.Dimensions || r.Task != all.Requests[0].Task) {
			path = strings.TrimSuffix(path, ".content")
			return nil, llm.Invalid(path, "%s must have the same taskType and outputDimensionality as requests[0]; send the others in a request of their own", path)
		}
		out.Dimensions, out.InputType = dimensions, inputTypeOf(r.Task)
	}
	return out, nil
}

// inputTypeOf is what vectors are for in the common language; empty if it has no word for it.
func inputTypeOf(task string) string {
	switch task {
	case "RETRIEVAL_DOCUMENT":
		return "search_document"
	case "RETRIEVAL_QUERY", "QUESTION_ANSWERING", "FACT_VERIFICATION", "CODE_RETRIEVAL_QUERY":
		return "search_query"
	case "CLASSIFICATION":
		return "classification"
	case "CLUSTERING":
		return "clustering"
	default:
		return ""
	}
}

// AppendEmbedResponse appends the response of embedContent, or of batchEmbedContents.
func AppendEmbedResponse(dst []byte, r *llm.EmbedResponse, batch bool) []byte {
	w := jsonx.Writer{Buf: dst}
	w.Object()
	if batch {
		w.Key("embeddings")
		w.Array()
	} else {
		w.Key("embedding")
	}
	for i := range r.Vectors {
		w.Object()
		w.Key("values")
		w.Array()
		for _, v := range r.Vectors[i].Float {
			w.Float(v)
		}
		w.EndArray()
		w.EndObject()
		if !batch {
			break
		}
	}
	if batch {
		w.EndArray()
	}
	w.EndObject()
	return w.Buf
}

// DecodeCount reads the response of countTokens.
func DecodeCount(body []byte) (int64, error) {
	var s struct {
		Total *int64 `json:"totalTokens"`
	}
	if err := jsonx.Unmarshal(body, &s); err != nil {
		return 0, err
	}
	if s.Total == nil {
		return 0, errors.New("it has no totalTokens")
	}
	return *s.Total, nil
}
