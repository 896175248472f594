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
	if len(req.Inputs) > maxEmbeds {
		return nil, llm.Invalid("input", "input has %d elements; Gemini accepts at most %d in one request", len(req.Inputs), maxEmbeds)
	}
	task, err := e.embeds(req, false)
	if err != nil {
		return nil, err
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

// AppendEmbedOne writes the request for one input as a body of embedContent, which names no model.
func AppendEmbedOne(w *jsonx.Writer, req *llm.EmbedRequest, i int) ([]llm.Warning, error) {
	e := &encoder{w: w, req: &llm.Request{Call: req.Call}}
	task, err := e.embeds(req, false)
	if err != nil {
		return nil, err
	}
	if err := e.input(req, i, "", task); err != nil {
		return nil, err
	}
	return e.warnings, nil
}

// AppendPredictRequest writes the request for the inputs from a number on, and before another, as a
// body of Vertex AI's predict for text embeddings
// (https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api). The
// error is an *llm.Error.
func AppendPredictRequest(w *jsonx.Writer, req *llm.EmbedRequest, from, to int) ([]llm.Warning, error) {
	e := &encoder{w: w, req: &llm.Request{Call: req.Call}}
	task, err := e.embeds(req, true)
	if err != nil {
		return nil, err
	}
	w.Object()
	w.Key("instances")
	w.Array()
	for i := from; i < to; i++ {
		if err := e.instance(req, i, task); err != nil {
			return nil, err
		}
	}
	w.EndArray()
	w.Key("parameters")
	w.Object()
	if req.Truncate != "" {
		w.Key("autoTruncate")
		w.Bool(req.Truncate == "END")
	}
	if req.Dimensions.Set {
		w.Key("outputDimensionality")
		w.Int(req.Dimensions.Value)
	}
	w.EndObject()
	w.EndObject()
	return e.warnings, nil
}

// instance writes one input of predict, which takes text only.
func (e *encoder) instance(req *llm.EmbedRequest, i int, task string) error {
	in := &req.Inputs[i]
	name, text := in.Name(i), in.Text
	switch {
	case len(in.Tokens) > 0:
		return llm.Unsupported(name, "%s: Gemini embeds text, not tokens", name)
	case len(in.Parts) == 1 && in.Parts[0].Kind == llm.BlockText:
		text = in.Parts[0].Text
	case len(in.Parts) > 0:
		return llm.Unsupported(name, "%s: this model embeds texts one by one, and no media", name)
	}
	e.w.Object()
	e.w.Key("content")
	e.w.String(text)
	if task != "" {
		e.w.Key("task_type")
		e.w.Word(task)
	}
	for _, m := range req.ModelFields {
		switch {
		case m.Name == "title":
			e.w.Key("title")
			e.w.Raw(m.Value)
		case (m.Name == "taskType" || m.Name == "task_type") && task == "":
			e.w.Key("task_type")
			e.w.Raw(m.Value)
		}
	}
	e.w.EndObject()
	return nil
}

// embeds checks what is the same for all inputs, and returns Google's word for what the vectors are
// for. exact is whether the API can refuse long texts instead of truncating them.
func (e *encoder) embeds(req *llm.EmbedRequest, exact bool) (task string, err error) {
	if len(req.Types) > 0 && !slices.Equal(req.Types, []llm.VectorType{llm.VectorFloat}) {
		return "", llm.Unsupported("embedding_types", "embedding_types: Gemini returns only float")
	}
	if task, err = taskOf(req.InputType); err != nil {
		return "", err
	}
	for _, m := range req.ModelFields {
		if m.Name != "taskType" && m.Name != "task_type" && m.Name != "title" {
			if err := e.refuse(m.Name, "%s is not supported by Gemini's embeddings", m.Name); err != nil {
				return "", err
			}
		}
	}
	if req.MaxTokens.Set {
		e.warn(llm.WarnDropped, "max_tokens", "")
	}
	if req.Truncate != "" && req.Truncate != "END" && (!exact || req.Truncate != "NONE") {
		if err := e.refuse("truncate", "truncate: Gemini truncates texts at their end"); err != nil {
			return "", err
		}
	}
	return task, nil
}

// input writes the request for one input.
func (e *encoder) input(req *llm.EmbedRequest, i int, resource, task string) error {
	w, in := e.w, &req.Inputs[i]
	name := in.Name(i)
	if len(in.Tokens) > 0 {
		return llm.Unsupported(name, "%s: Gemini embeds text, not tokens", name)
	}
	w.Object()
	if resource != "" {
		w.Key("model")
		w.String(resource)
	}
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
		case (m.Name == "taskType" || m.Name == "task_type") && task == "":
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

// DecodeEmbedOne reads the response of embedContent: a vector, and its usage, 0 if it is not reported.
func DecodeEmbedOne(body []byte) (llm.Vector, llm.Usage, error) {
	var s struct {
		Embedding struct {
			Values []float64 `json:"values"`
		} `json:"embedding"`
		Usage jsonx.Raw `json:"usageMetadata"`
	}
	var usage llm.Usage
	if err := jsonx.Unmarshal(body, &s); err != nil {
		return llm.Vector{}, usage, err
	}
	if len(s.Embedding.Values) == 0 {
		return llm.Vector{}, usage, errors.New("it has no vector")
	}
	if has(s.Usage) {
		var err error
		if usage, err = DecodeUsage(s.Usage); err != nil {
			return llm.Vector{}, usage, err
		}
	}
	return llm.Vector{Float: s.Embedding.Values}, usage, nil
}

// DecodePredictResponse reads the response of Vertex AI's predict with a number of vectors.
func DecodePredictResponse(body []byte, count int) ([]llm.Vector, llm.Usage, error) {
	var s struct {
		Predictions []struct {
			Embeddings struct {
				Values     []float64 `json:"values"`
				Statistics struct {
					Tokens float64 `json:"token_count"`
				} `json:"statistics"`
			} `json:"embeddings"`
		} `json:"predictions"`
	}
	var usage llm.Usage
	if err := jsonx.Unmarshal(body, &s); err != nil {
		return nil, usage, err
	}
	if len(s.Predictions) != count {
		return nil, usage, fmt.Errorf("it has %d vectors for %d inputs", len(s.Predictions), count)
	}
	out := make([]llm.Vector, count)
	for i := range s.Predictions {
		p := &s.Predictions[i].Embeddings
		if len(p.Values) == 0 {
			return nil, usage, errors.New("vector " + strconv.Itoa(i) + " is empty")
		}
		out[i].Float = p.Values
		usage.Input += int64(p.Statistics.Tokens)
	}
	usage.Total = usage.Input
	return out, usage, nil
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
