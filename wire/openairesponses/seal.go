package openairesponses

import (
	"encoding/base64"
	"strings"

	base64text "outcrop/internal/base64"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// sealMark begins the encrypted_content that this package writes, so that it is told from that of other
// servers. It contains nothing secret: what it carries is the client's own conversation.
const sealMark = "outcrop-1."

// sealed is the content of a reasoning item for the next call.
type sealed struct {
	Text      string `json:"text"`
	Signature string `json:"signature"`
	Redacted  string `json:"redacted"`
	// Summary is the text of a compaction.
	Summary string `json:"summary"`
}

// seal returns the encrypted_content of a block of reasoning.
func seal(b *llm.Block) string {
	w := jsonx.Writer{}
	w.Object()
	if b.Kind == llm.BlockRedacted {
		w.Key("redacted")
		w.String(b.Text)
	} else {
		w.Key("text")
		w.String(b.Text)
		if b.Signature != "" {
			w.Key("signature")
			w.String(b.Signature)
		}
	}
	w.EndObject()
	return sealMark + base64.StdEncoding.EncodeToString(w.Buf)
}

// SealSummary returns the encrypted_content of a compaction item.
func SealSummary(text string) string {
	w := jsonx.Writer{}
	w.Object()
	w.Key("summary")
	w.String(text)
	w.EndObject()
	return sealMark + base64.StdEncoding.EncodeToString(w.Buf)
}

// unseal reads an encrypted_content. own is false if another server has made it; ok is false if this
// package has, and it has been changed since.
func (d *decoder) unseal(content string) (s sealed, own, ok bool) {
	text, own := strings.CutPrefix(content, sealMark)
	if !own {
		return s, false, false
	}
	if long, found := d.extracted.Resolve(text, base64text.Valid); found {
		text = string(long)
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil || jsonx.Unmarshal(data, &s) != nil {
		return sealed{}, true, false
	}
	return s, true, true
}

// block is the reasoning that s carries.
func (s *sealed) block() llm.Block {
	if s.Redacted != "" {
		return llm.Block{Kind: llm.BlockRedacted, Text: s.Redacted}
	}
	return llm.Block{Kind: llm.BlockReasoning, Text: s.Text, Signature: s.Signature}
}
