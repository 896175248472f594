package bedrock

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"outcrop/guard"
	"outcrop/internal/jsonx"
)

// piece is a text, or a part of one that is too long to be sent at once.
type piece struct {
	of   int // which text
	text string
}

// cut makes pieces of at most limit characters of texts, where it can between words. What is only spaces is not sent: AWS refuses
// it.
func cut(texts []string, limit int) (pieces []*piece) {
	for i, text := range texts {
		for strings.TrimSpace(text) != "" {
			n := cutAt(text, limit)
			pieces = append(pieces, &piece{of: i, text: text[:n]})
			text = text[n:]
		}
		if text != "" && len(pieces) > 0 && pieces[len(pieces)-1].of == i {
			pieces[len(pieces)-1].text += text
		}
	}
	return pieces
}

// cutAt is how many bytes of a text make a piece.
func cutAt(text string, limit int) int {
	if len(text) <= limit {
		return len(text)
	}
	characters, space, before := 0, 0, false
	for at, r := range text {
		if before {
			space = at
		}
		if characters == limit {
			if space > 0 {
				return space
			}
			return at
		}
		before = unicode.IsSpace(r)
		characters++
	}
	return len(text)
}

// batches are the pieces that are sent at once.
func batches(pieces []*piece, limit int) (all [][]*piece) {
	size := 0
	for _, p := range pieces {
		n := utf8.RuneCountInString(p.text)
		if len(all) == 0 || size+n > limit {
			all, size = append(all, nil), 0
		}
		all[len(all)-1] = append(all[len(all)-1], p)
		size += n
	}
	return all
}

// joined are the texts with what has become of their pieces.
func joined(texts []string, pieces []*piece) []string {
	out := make([]string, len(texts))
	for _, p := range pieces {
		out[p.of] += p.text
	}
	for i := range out {
		if out[i] == "" && strings.TrimSpace(texts[i]) == "" {
			out[i] = texts[i]
		}
	}
	return out
}

// encode writes a request: shape ApplyGuardrailRequest.
func encode(side guard.Side, pieces []*piece, full bool) []byte {
	var w jsonx.Writer
	w.Object()
	w.Key("source")
	if side == guard.Response {
		w.Word("OUTPUT")
	} else {
		w.Word("INPUT")
	}
	w.Key("content")
	w.Array()
	for _, p := range pieces {
		w.Object()
		w.Key("text")
		w.Object()
		w.Key("text")
		w.String(p.text)
		w.EndObject()
		w.EndObject()
	}
	w.EndArray()
	if full {
		w.Key("outputScope")
		w.Word("FULL")
	}
	w.EndObject()
	return w.Buf
}

// answer is what AWS says: shape ApplyGuardrailResponse.
type answer struct {
	Action  string `json:"action"`
	Outputs []struct {
		Text string `json:"text"`
	} `json:"outputs"`
	Assessments []struct {
		Topics struct {
			All []found `json:"topics"`
		} `json:"topicPolicy"`
		Content struct {
			All []found `json:"filters"`
		} `json:"contentPolicy"`
		Words struct {
			Custom  []found `json:"customWords"`
			Managed []found `json:"managedWordLists"`
		} `json:"wordPolicy"`
		Sensitive struct {
			Entities []found `json:"piiEntities"`
			Regexes  []found `json:"regexes"`
		} `json:"sensitiveInformationPolicy"`
		Grounding struct {
			All []found `json:"filters"`
		} `json:"contextualGroundingPolicy"`
	} `json:"assessments"`
}

// found is something that a policy has found, and what becomes of it: BLOCKED, ANONYMIZED or NONE.
type found struct {
	Action string `json:"action"`
}

func decode(text []byte) (*answer, error) {
	var a answer
	if err := jsonx.Unmarshal(text, &a); err != nil || a.Action == "" {
		return nil, errors.New("the guardrail's answer cannot be understood")
	}
	return &a, nil
}

// verdict is what becomes of what was asked about.
type verdict uint8

const (
	passes verdict = iota
	masks
	blocks
)

// verdict is that of an answer. A guardrail that has intervened without masking anything has blocked: of that, AWS need not give
// the reason.
func (a *answer) verdict() verdict {
	if a.Action != "GUARDRAIL_INTERVENED" {
		return passes
	}
	v := blocks
	for i := range a.Assessments {
		s := &a.Assessments[i]
		for _, list := range [...][]found{s.Topics.All, s.Content.All, s.Words.Custom, s.Words.Managed, s.Sensitive.Entities, s.Sensitive.Regexes, s.Grounding.All} {
			for _, f := range list {
				switch f.Action {
				case "BLOCKED":
					return blocks
				case "ANONYMIZED":
					v = masks
				}
			}
		}
	}
	return v
}

// block is the refusal, with the message that the guardrail has for it.
func (a *answer) block() *guard.Block {
	reason := "Violated guardrail policy"
	var said []string
	for _, o := range a.Outputs {
		if o.Text != "" {
			said = append(said, o.Text)
		}
	}
	if len(said) > 0 {
		reason += ": " + strings.Join(said, " ")
	}
	return &guard.Block{Reason: reason}
}
