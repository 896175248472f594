package gemini

import (
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// nameCitation is the name of a citation among the members of a text, which is in Converse's form
// (Citation in Bedrock's service model).
const nameCitation = "citation"

// grounding is what a response says of its sources: groundingMetadata and citationMetadata
// (https://ai.google.dev/api/generate-content#GroundingMetadata).
type grounding struct {
	Chunks []struct {
		Web     chunk `json:"web"`
		Context chunk `json:"retrievedContext"`
		Maps    chunk `json:"maps"`
	} `json:"groundingChunks"`
	// Sources is the Gemini API's name for what is recited, and Citations Vertex AI's.
	Sources   []chunk `json:"citationSources"`
	Citations []chunk `json:"citations"`
}

// chunk is a source.
type chunk struct {
	URI    string `json:"uri"`
	Title  string `json:"title"`
	Domain string `json:"domain"`
	Text   string `json:"text"`
}

// cite appends the sources of the response as citations of its text, each address once. Which part of
// the text each of them supports is in groundingMetadata, which is kept.
func (r *Reader) cite(events []llm.Event) []llm.Event {
	seen := map[chunk]bool{}
	for i := range r.extra {
		if name := r.extra[i].Name; name != "groundingMetadata" && name != "citationMetadata" {
			continue
		}
		var g grounding
		if jsonx.Unmarshal(r.extra[i].Value, &g) != nil {
			continue // it is passed on as it is
		}
		var all []chunk
		for _, c := range g.Chunks {
			all = append(all, c.Web, c.Context, c.Maps)
		}
		all = append(append(all, g.Sources...), g.Citations...)
		for _, c := range all {
			if c.URI == "" && c.Text == "" || seen[c] {
				continue
			}
			seen[c] = true
			events = r.begin(events, llm.BlockText)
			events = append(events, llm.Event{Kind: llm.EventDelta, Index: r.index, Block: llm.BlockText, Other: &jsonx.Member{Name: nameCitation, Value: c.citation()}})
		}
	}
	return events
}

// citation is a source in Converse's form.
func (c *chunk) citation() jsonx.Raw {
	var w jsonx.Writer
	w.Object()
	if c.Title != "" {
		w.Key("title")
		w.String(c.Title)
	}
	if c.Text != "" {
		w.Key("sourceContent")
		w.Array()
		w.Object()
		w.Key("text")
		w.String(c.Text)
		w.EndObject()
		w.EndArray()
	}
	w.Key("location")
	w.Object()
	if c.URI != "" {
		w.Key("web")
		w.Object()
		w.Key("url")
		w.String(c.URI)
		if c.Domain != "" {
			w.Key("domain")
			w.String(c.Domain)
		}
		w.EndObject()
	}
	w.EndObject()
	w.EndObject()
	return w.Buf
}

// ground is a source of a text of the response.
type ground struct {
	chunk
	length int // of the text, in bytes
}

// groundsOf are the sources of the texts of a response.
func groundsOf(blocks []llm.Block) (all []ground) {
	for i := range blocks {
		b := &blocks[i]
		for _, raw := range citationsIn(b) {
			all = append(all, ground{sourceOf(raw), len(b.Text)})
		}
	}
	return all
}

// citationsIn are the citations of a block: beside a text, or in a citationsContent.
func citationsIn(b *llm.Block) (found []jsonx.Raw) {
	switch {
	case b.Kind == llm.BlockText:
		for _, m := range b.Extra {
			if m.Name == nameCitation {
				found = append(found, m.Value)
			}
		}
	case b.Other != nil && b.Other.Name == "citationsContent":
		var v struct {
			Citations []jsonx.Raw `json:"citations"`
		}
		if jsonx.Unmarshal(b.Other.Value, &v) == nil {
			return v.Citations
		}
	}
	return found
}

// sourceOf is the source of a citation.
func sourceOf(raw jsonx.Raw) chunk {
	var v struct {
		Title   string `json:"title"`
		Source  string `json:"source"`
		Content []struct {
			Text string `json:"text"`
		} `json:"sourceContent"`
		Location struct {
			Web struct {
				URL    string `json:"url"`
				Domain string `json:"domain"`
			} `json:"web"`
		} `json:"location"`
	}
	if jsonx.Unmarshal(raw, &v) != nil {
		return chunk{}
	}
	c := chunk{Title: v.Title, URI: v.Location.Web.URL, Domain: v.Location.Web.Domain}
	if c.URI == "" && (strings.HasPrefix(v.Source, "https://") || strings.HasPrefix(v.Source, "http://")) {
		c.URI = v.Source
	}
	for i := range v.Content {
		c.Text += v.Content[i].Text
	}
	return c
}

// appendGrounding writes the sources of a response as groundingMetadata: pages as web, and documents as
// retrievedContext.
func appendGrounding(w *jsonx.Writer, grounds []ground) {
	if len(grounds) == 0 {
		return
	}
	w.Key("groundingMetadata")
	w.Object()
	w.Key("groundingChunks")
	w.Array()
	for i := range grounds {
		grounds[i].append(w)
	}
	w.EndArray()
	w.Key("groundingSupports")
	w.Array()
	for i := range grounds {
		g := &grounds[i]
		w.Object()
		w.Key("segment")
		w.Object()
		w.Key("startIndex")
		w.Int(0)
		w.Key("endIndex")
		w.Int(int64(g.length))
		w.EndObject()
		w.Key("groundingChunkIndices")
		w.Array()
		w.Int(int64(i))
		w.EndArray()
		w.EndObject()
	}
	w.EndArray()
	w.EndObject()
}

func (c *chunk) append(w *jsonx.Writer) {
	w.Object()
	if c.URI != "" {
		w.Key("web")
	} else {
		w.Key("retrievedContext")
	}
	w.Object()
	if c.URI != "" {
		w.Key("uri")
		w.String(c.URI)
	}
	w.Key("title")
	w.String(c.Title)
	if c.URI == "" && c.Text != "" {
		w.Key("text")
		w.String(c.Text)
	}
	if c.Domain != "" {
		w.Key("domain")
		w.String(c.Domain)
	}
	w.EndObject()
	w.EndObject()
}
