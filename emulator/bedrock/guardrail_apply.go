package bedrock

import (
	"regexp"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/internal/lazyregexp"
)

// applyRequest is the body of ApplyGuardrail: shape ApplyGuardrailRequest.
type applyRequest struct {
	Source      *string `json:"source"`
	OutputScope string  `json:"outputScope"`
	Content     []struct {
		Text *struct {
			Text       *string  `json:"text"`
			Qualifiers []string `json:"qualifiers"`
		} `json:"text"`
		Image *struct {
			Format string `json:"format"`
			Source struct {
				Bytes string `json:"bytes"`
			} `json:"source"`
		} `json:"image"`
	} `json:"content"`
}

// blockedMessage is the message for blocked content: the console's default.
const blockedMessage = "Sorry, the model cannot answer this question."

// cutVersion splits the variable part of the path of ApplyGuardrail.
func cutVersion(path string) (id, version string, ok bool) {
	at := strings.LastIndex(path, "/version/")
	if at < 0 {
		return path, "", false
	}
	return path[:at], path[at+len("/version/"):], true
}

// address is an e-mail address, roughly.
var address = lazyregexp.New(`[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+`) //nolint:gochecknoglobals // compiled once

// maskedAddress is how AWS writes what it has masked
// (https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-sensitive-filters.html).
const maskedAddress = "{EMAIL}"

// applyGuardrail applies a guardrail that blocks the words of the options, and masks e-mail addresses. Every
// well-formed guardrail exists.
func (e *Emulator) applyGuardrail(c *call) error {
	id, version, ok := cutVersion(c.parameter)
	switch {
	case !ok:
		return unknownOperation()
	case !guardrailID.MatchString(id):
		return mismatch(id, "guardrailIdentifier", guardrailID)
	case !guardrailVersion.MatchString(version):
		return mismatch(version, "guardrailVersion", guardrailVersion)
	}
	var said applyRequest
	if err := jsonx.Unmarshal(c.body, &said); err != nil {
		return malformed(err, c.body)
	}
	if err := said.check(); err != nil {
		return err
	}
	var found, addresses []string
	characters := 0
	for _, content := range said.Content {
		if content.Text == nil {
			continue
		}
		characters += len([]rune(*content.Text.Text))
		for _, w := range e.options.GuardrailWords {
			if regexp.MustCompile(`(?i)\b` + regexp.QuoteMeta(w) + `\b`).MatchString(*content.Text.Text) {
				found = append(found, w)
			}
		}
		addresses = append(addresses, address.FindAllString(*content.Text.Text, -1)...)
	}
	return c.writeJSON(said.answer(found, addresses, characters))
}

func (r *applyRequest) check() error {
	switch {
	case r.Source == nil:
		return lacking("source")
	case *r.Source != "INPUT" && *r.Source != "OUTPUT":
		return invalid("1 validation error detected: Value '%s' at 'source' failed to satisfy constraint: Member must satisfy enum value set: [INPUT, OUTPUT]", *r.Source)
	case r.Content == nil:
		return lacking("content")
	case r.OutputScope != "" && r.OutputScope != "INTERVENTIONS" && r.OutputScope != "FULL":
		return invalid("1 validation error detected: Value '%s' at 'outputScope' failed to satisfy constraint: Member must satisfy enum value set: [FULL, INTERVENTIONS]", r.OutputScope)
	}
	for i, content := range r.Content {
		if (content.Text == nil) == (content.Image == nil) {
			return invalid("The value at content.%d must set one of the following keys: text, image.", i)
		}
		if content.Text != nil && content.Text.Text == nil {
			return invalid("1 validation error detected: Value at 'content.%d.member.text.text' failed to satisfy constraint: Member must not be null", i+1)
		}
	}
	return nil
}

// answer returns the body of the answer.
func (r *applyRequest) answer(found, addresses []string, characters int) []byte {
	var w jsonx.Writer
	w.Object()
	w.Key("action")
	switch {
	case len(found) > 0:
		w.Word("GUARDRAIL_INTERVENED")
		w.Key("actionReason")
		w.String("Guardrail blocked.")
	case len(addresses) > 0:
		w.Word("GUARDRAIL_INTERVENED")
		w.Key("actionReason")
		w.String("Guardrail masked.")
	default:
		w.Word("NONE")
		w.Key("actionReason")
		w.String("No action.")
	}
	w.Key("assessments")
	w.Array()
	if len(found)+len(addresses) > 0 || r.OutputScope == "FULL" {
		w.Object()
		writeAddresses(&w, addresses)
		w.Key("wordPolicy")
		w.Object()
		w.Key("customWords")
		w.Array()
		for _, word := range found {
			w.Object()
			w.Key("action")
			w.Word("BLOCKED")
			w.Key("detected")
			w.Bool(true)
			w.Key("match")
			w.String(word)
			w.EndObject()
		}
		w.EndArray()
		w.Key("managedWordLists")
		writeStrings(&w, nil)
		w.EndObject()
		w.EndObject()
	}
	w.EndArray()
	w.Key("guardrailCoverage")
	w.Object()
	w.Key("textCharacters")
	w.Object()
	w.Key("guarded")
	w.Int(int64(characters))
	w.Key("total")
	w.Int(int64(characters))
	w.EndObject()
	w.EndObject()
	w.Key("outputs")
	w.Array()
	switch {
	case len(found) > 0:
		writeOutput(&w, blockedMessage)
	case len(addresses) > 0:
		for _, content := range r.Content {
			if content.Text != nil {
				writeOutput(&w, address.ReplaceAllString(*content.Text.Text, maskedAddress))
			}
		}
	}
	w.EndArray()
	w.Key("usage")
	w.Object()
	units := int64((characters + charactersPerUnit - 1) / charactersPerUnit)
	for _, policy := range [...]string{"contentPolicyUnits", "contextualGroundingPolicyUnits", "sensitiveInformationPolicyFreeUnits", "sensitiveInformationPolicyUnits", "topicPolicyUnits", "wordPolicyUnits"} {
		w.Key(policy)
		if policy == "wordPolicyUnits" {
			w.Int(units)
		} else {
			w.Int(0)
		}
	}
	w.EndObject()
	w.EndObject()
	return w.Buf
}

// writeOutput writes an element of outputs.
func writeOutput(w *jsonx.Writer, text string) {
	w.Object()
	w.Key("text")
	w.String(text)
	w.EndObject()
}

// writeAddresses writes the member sensitiveInformationPolicy: the addresses that are masked.
func writeAddresses(w *jsonx.Writer, addresses []string) {
	if len(addresses) == 0 {
		return
	}
	w.Key("sensitiveInformationPolicy")
	w.Object()
	w.Key("piiEntities")
	w.Array()
	for _, match := range addresses {
		w.Object()
		w.Key("action")
		w.Word("ANONYMIZED")
		w.Key("detected")
		w.Bool(true)
		w.Key("match")
		w.String(match)
		w.Key("type")
		w.Word("EMAIL")
		w.EndObject()
	}
	w.EndArray()
	w.Key("regexes")
	writeStrings(w, nil)
	w.EndObject()
}
