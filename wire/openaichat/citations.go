package openaichat

import (
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// cite is a part of the response's text with its citations.
type cite struct {
	block     *llm.Block
	start     int // characters of the content before the block
	length    int // characters of the block
	citations []jsonx.Raw
}

// citesOf returns the citations of a block: for a text those from a stream (see converse.Reader),
// for a citationsContent those inside.
func citesOf(b *llm.Block) []jsonx.Raw {
	var found []jsonx.Raw
	switch {
	case b.Kind == llm.BlockText:
		for _, m := range b.Extra {
			if m.Name == "citation" {
				found = append(found, m.Value)
			}
		}
	case isOther(b, "citationsContent"):
		var v struct {
			Citations []jsonx.Raw `json:"citations"`
		}
		if jsonx.Unmarshal(b.Other.Value, &v) != nil || len(v.Citations) == 0 {
			return []jsonx.Raw{nil} // an unreadable value is passed on unchanged
		}
		return v.Citations
	}
	return found
}

// appendAnnotations writes citations of URLs as OpenAI's annotations. OpenAI has no form for other
// sources; they are in provider_specific_fields.
func appendAnnotations(w *jsonx.Writer, cites []cite) {
	begun := false
	for i := range cites {
		c := &cites[i]
		for _, raw := range c.citations {
			title, url := webSource(raw)
			if url == "" {
				continue
			}
			if !begun {
				begun = true
				w.Key("annotations")
				w.Array()
			}
			w.Object()
			w.Key("type")
			w.Word("url_citation")
			w.Key("url_citation")
			w.Object()
			w.Key("start_index")
			w.Int(int64(c.start))
			w.Key("end_index")
			w.Int(int64(c.start + c.length))
			w.Key("title")
			w.String(title)
			w.Key("url")
			w.String(url)
			w.EndObject()
			w.EndObject()
		}
	}
	if begun {
		w.EndArray()
	}
}

// webSource returns the title and URL of a citation (Citation in Bedrock's service model); the URL
// is empty if its source has none.
func webSource(citation jsonx.Raw) (title, url string) {
	var v struct {
		Title    string `json:"title"`
		Source   string `json:"source"`
		Location struct {
			Web struct {
				URL string `json:"url"`
			} `json:"web"`
		} `json:"location"`
	}
	if len(citation) == 0 || jsonx.Unmarshal(citation, &v) != nil {
		return "", ""
	}
	url = v.Location.Web.URL
	if url == "" && (strings.HasPrefix(v.Source, "https://") || strings.HasPrefix(v.Source, "http://")) {
		url = v.Source
	}
	return v.Title, url
}

// appendCited writes each cited text with its citations in Converse's form, in the same field as
// LiteLLM.
func appendCited(w *jsonx.Writer, cites []cite) {
	if len(cites) == 0 {
		return
	}
	w.Key("citationsContent")
	w.Array()
	for i := range cites {
		c := &cites[i]
		if c.block.Kind == llm.BlockOther {
			appendRaw(w, c.block.Other.Value)
			continue
		}
		w.Object()
		w.Key("citations")
		w.Array()
		for _, raw := range c.citations {
			appendRaw(w, raw)
		}
		w.EndArray()
		if c.length == 0 || c.block.Text != "" { // a stream does not keep long texts
			w.Key("content")
			w.Array()
			w.Object()
			w.Key("text")
			w.String(c.block.Text)
			w.EndObject()
			w.EndArray()
		}
		w.EndObject()
	}
	w.EndArray()
}
