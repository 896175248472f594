package cache

import (
	"bytes"

	"outcrop/internal/jsonx"
)

// usage begins the member of an answer that says what it used. In a text its quotation marks would be escaped.
const usage = `"usage":`

// Free is an answer, a document or the events of a stream, that says that it cost nothing: usage.cost is 0 where it is a number. Whoever
// gets the answer again pays nothing for it.
func Free(answer []byte) []byte {
	var out []byte
	told := 0 // how much of answer is in out
	for at := 0; ; {
		n := bytes.Index(answer[at:], []byte(usage))
		if n < 0 {
			break
		}
		at += n + len(usage)
		s := scanner{doc: answer, at: at}
		value, _, ok := s.value()
		if !ok || value.Kind() != '{' || !bytes.Contains(value, []byte(`"cost"`)) {
			continue
		}
		members, err := jsonx.Members(value)
		if err != nil || jsonx.Find(members, "cost").Kind() != '0' {
			continue
		}
		parts, err := jsonx.EditMembers(value, []jsonx.Edit{{Name: "cost", Value: jsonx.Raw("0")}}, nil)
		if err != nil {
			continue
		}
		out = append(out, answer[told:s.at-len(value)]...)
		for _, p := range parts {
			out = append(out, p...)
		}
		told, at = s.at, s.at
	}
	if told == 0 {
		return answer
	}
	return append(out, answer[told:]...)
}
