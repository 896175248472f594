package anthropic

import (
	"strings"

	"outcrop/internal/jsonx"
)

// citation is a citation in Converse's form (Citation in Bedrock's service model).
type citation struct {
	Title         optional[string] `json:"title"`
	Source        string           `json:"source"`
	SourceContent list[cited]      `json:"sourceContent"`
	Location      struct {
		Char   *span `json:"documentChar"`
		Page   *span `json:"documentPage"`
		Chunk  *span `json:"documentChunk"`
		Search *span `json:"searchResultLocation"`
		Web    *struct {
			URL string `json:"url"`
		} `json:"web"`
	} `json:"location"`
}

type cited struct {
	Text string `json:"text"`
}

type span struct {
	Document int64 `json:"documentIndex"`
	Search   int64 `json:"searchResultIndex"`
	Start    int64 `json:"start"`
	End      int64 `json:"end"`
}

// citationsOf returns the citations of a text block (see converse.Reader), in Anthropic's form.
func citationsOf(extra []jsonx.Member) (found []jsonx.Raw) {
	for i := range extra {
		if extra[i].Name != "citation" {
			continue
		}
		if c := anthropicCitation(extra[i].Value); c != nil {
			found = append(found, c)
		}
	}
	return found
}

// citedContent returns the text of a citationsContent block and its citations, in Anthropic's form.
// ok is false for any other block.
func citedContent(other *jsonx.Member) (text string, found []jsonx.Raw, ok bool) {
	if other == nil || other.Name != "citationsContent" {
		return "", nil, false
	}
	var v struct {
		Content   list[cited]     `json:"content"`
		Citations list[jsonx.Raw] `json:"citations"`
	}
	if jsonx.Unmarshal(other.Value, &v) != nil {
		return "", nil, false
	}
	var all strings.Builder
	for i := range v.Content {
		all.WriteString(v.Content[i].Text)
	}
	for _, raw := range v.Citations {
		if c := anthropicCitation(raw); c != nil {
			found = append(found, c)
		}
	}
	return all.String(), found, true
}

// anthropicCitation translates a citation; nil if Anthropic has no form for its location.
func anthropicCitation(raw jsonx.Raw) jsonx.Raw {
	var c citation
	if jsonx.Unmarshal(raw, &c) != nil {
		return nil
	}
	var text strings.Builder
	for i := range c.SourceContent {
		text.WriteString(c.SourceContent[i].Text)
	}
	w := jsonx.Writer{}
	w.Object()
	switch l := &c.Location; {
	case l.Char != nil:
		c.located(&w, "char_location", "char_index", l.Char)
	case l.Page != nil:
		c.located(&w, "page_location", "page_number", l.Page)
	case l.Chunk != nil:
		c.located(&w, "content_block_location", "block_index", l.Chunk)
	case l.Search != nil:
		w.Key("type")
		w.Word("search_result_location")
		w.Key("search_result_index")
		w.Int(l.Search.Search)
		bounds(&w, "block_index", l.Search)
		w.Key("source")
		w.String(c.Source)
		c.title(&w, "title")
	case l.Web != nil || isURL(c.Source):
		url := c.Source
		if l.Web != nil && l.Web.URL != "" {
			url = l.Web.URL
		}
		w.Key("type")
		w.Word("web_search_result_location")
		w.Key("url")
		w.String(url)
		c.title(&w, "title")
		w.Key("encrypted_index")
		w.Word("")
	default:
		return nil
	}
	w.Key("cited_text")
	w.String(text.String())
	w.EndObject()
	return w.Buf
}

// located writes a location in a document.
func (c *citation) located(w *jsonx.Writer, kind, unit string, at *span) {
	w.Key("type")
	w.Word(kind)
	w.Key("document_index")
	w.Int(at.Document)
	c.title(w, "document_title")
	bounds(w, unit, at)
}

func bounds(w *jsonx.Writer, unit string, at *span) {
	w.Key("start_" + unit)
	w.Int(at.Start)
	w.Key("end_" + unit)
	w.Int(at.End)
}

func (c *citation) title(w *jsonx.Writer, key string) {
	w.Key(key)
	if c.Title.Set {
		w.String(c.Title.Value)
	} else {
		w.Null()
	}
}
