package bodyschema

import "testing"

func TestViolationsAreReportedInTheValidatorsWords(t *testing.T) {
	t.Parallel()
	least, most := Bounds(0, 1)
	s := Schema{Type: Object, Required: []string{"texts"}, Properties: map[string]Schema{
		"texts":       {Type: Array, MinItems: 1, MaxItems: 2, Items: &Schema{Type: String, MinLength: 1, MaxLength: 4}},
		"truncate":    {Type: String, Enum: []string{"NONE", "END"}},
		"dimensions":  {Type: Integer, Enum: []string{"256", "512"}},
		"temperature": {Type: Number, Min: least, Max: most},
		"extra":       {Type: Object},
	}}
	for _, c := range []struct{ body, want string }{
		{`{"texts":["a"]}`, ""},
		{`{"texts":["a"],"extra":{"anything":1}}`, ""},
		{`{"texts":["a"],"dimensions":512,"temperature":1}`, ""},
		{`[]`, "#: expected type: JSONObject, found: JSONArray"},
		{`{}`, "#: required key [texts] not found"},
		{`{"texts":"a"}`, "#/texts: expected type: JSONArray, found: String"},
		{`{"texts":[]}`, "#/texts: expected minimum item count: 1, found: 0"},
		{`{"texts":["a","b","c"]}`, "#/texts: expected maximum item count: 2, found: 3"},
		{`{"texts":["a",""]}`, "#/texts/1: expected minLength: 1, actual: 0"},
		{`{"texts":["abcde"]}`, "#/texts/0: expected maxLength: 4, actual: 5"},
		{`{"texts":["a\ud83d\ude00b"]}`, ""},
		{`{"texts":["ab\ud83d\ude00c"]}`, "#/texts/0: expected maxLength: 4, actual: 5"},
		{`{"texts":["a"],"model":"x"}`, "#: extraneous key [model] is not permitted"},
		{`{"texts":["a"],"truncate":"LEFT"}`, "#/truncate: LEFT is not a valid enum value"},
		{`{"texts":["a"],"dimensions":300}`, "#/dimensions: 300 is not a valid enum value"},
		{`{"texts":["a"],"dimensions":256.5}`, "#/dimensions: expected type: Integer, found: BigDecimal"},
		{`{"texts":["a"],"temperature":1.5}`, "#/temperature: 1.5 is not less or equal to 1"},
		{`{"texts":["a"],"temperature":-1}`, "#/temperature: -1 is not greater or equal to 0"},
		{`{"texts":["a"],"temperature":null}`, "#/temperature: expected type: Number, found: Null"},
		{`{"model":"x","stream":true}`, "3 schema violations found"},
	} {
		if got := s.Check([]byte(c.body)); got != c.want {
			t.Errorf("%s: got %q, want %q", c.body, got, c.want)
		}
	}
}
