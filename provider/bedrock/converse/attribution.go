package converse

import (
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Attributed returns requestMetadata with the labels that say who calls before the client's own, so that a client cannot
// claim to be another: its label of the same name is left out, as is what there is no room for, of which the
// warnings tell. own is nil for none; what is no object is returned as it is, for AWS to refuse.
func Attributed(own jsonx.Raw, labels []llm.Label) (jsonx.Raw, []llm.Warning) {
	if len(labels) == 0 {
		return own, nil
	}
	var members []jsonx.Member
	if own != nil {
		var err error
		if members, err = jsonx.Members(own); err != nil {
			return own, nil
		}
	}
	var w jsonx.Writer
	w.Object()
	names, count := map[string]bool{}, 0
	for _, l := range labels {
		if count == maxLabels || names[l.Name] {
			continue
		}
		w.AnyKey(l.Name)
		w.String(acceptable(l.Value))
		names[l.Name] = true
		count++
	}
	var warnings []llm.Warning
	for _, m := range members {
		var reason string
		switch {
		case names[m.Name]:
			reason = "the gateway says who calls with a label of this name"
		case count == maxLabels:
			reason = "Bedrock accepts at most " + strconv.Itoa(maxLabels) + " labels, and the gateway's come first"
		default:
			w.AnyKey(m.Name)
			w.Raw(m.Value)
			count++
			continue
		}
		warnings = append(warnings, llm.Warning{Code: llm.WarnDropped, Field: "requestMetadata." + m.Name, Detail: reason})
	}
	w.EndObject()
	return w.Buf, warnings
}

// acceptable is a value in the letters that AWS accepts: others become hyphens, and what is too long is cut.
func acceptable(value string) string {
	var out strings.Builder
	for _, r := range value {
		if out.Len() == maxLabel {
			break
		}
		if r > 0x7f || !labelled(string(r)) {
			r = '-'
		}
		out.WriteRune(r)
	}
	return out.String()
}
