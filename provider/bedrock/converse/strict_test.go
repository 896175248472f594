package converse

import (
	"strings"
	"testing"

	"outcrop/internal/jsonx"
)

// TestWhatAStrictSchemaHolds has a case for each use of a keyword.
func TestWhatAStrictSchemaHolds(t *testing.T) {
	property := func(schema string) string {
		return `{"type":"object","properties":{"a":` + schema + `},"required":["a"],"additionalProperties":false}`
	}
	for _, tt := range []struct {
		name, schema, want string // of the property a; want is empty if the property does not change
		open               string // or why it cannot be expressed
	}{
		{name: "nothing to change", schema: `{"type":"string","format":"date","pattern":"^a+$","title":"A","default":"b","enum":["a"]}`},
		{name: "bounds", schema: `{"type":"integer","minimum":1,"description":"n","multipleOf":2}`, want: `{"type":"integer","description":"n {minimum=1, multipleOf=2}"}`},
		{name: "lengths", schema: `{"type":"string","minLength":1,"maxLength":3}`, want: `{"type":"string","description":"{minLength=1, maxLength=3}"}`},
		{name: "one element at least", schema: `{"type":"array","items":{"type":"string"},"minItems":1}`},
		{name: "elements", schema: `{"type":"array","items":{},"minItems":2,"uniqueItems":true}`, want: `{"type":"array","items":{},"description":"{minItems=2, uniqueItems=true}"}`},
		{name: "a format that nobody follows", schema: `{"type":"string","format":"phone"}`, want: `{"type":"string","description":"{format=\"phone\"}"}`},
		{name: "a pattern that looks around", schema: `{"type":"string","pattern":"(?=a)"}`, want: `{"type":"string","description":"{pattern=\"(?=a)\"}"}`},
		{name: "the boundary of a word", schema: `{"type":"string","pattern":"\\ba"}`, want: `{"type":"string","description":"{pattern=\"\\\\ba\"}"}`},
		{name: "annotations", schema: `{"$comment":"c","type":"string","deprecated":true}`, want: `{"type":"string"}`},
		{name: "keywords that nobody knows", schema: `{"type":"string","nullable":true,"x-y":{"z":1}}`, want: `{"type":"string","description":"{nullable=true, x-y={\"z\":1}}"}`},
		{name: "a keyword of another type", schema: `{"type":"string","properties":{}}`, want: `{"type":"string","description":"{properties={}}"}`},
		{name: "a list of one type", schema: `{"type":["string"]}`, want: `{"type":"string"}`},
		{name: "a choice among types", schema: `{"type":["string","null"],"description":"d","enum":["a","b",null]}`, want: `{"description":"d","anyOf":[{"type":"string","enum":["a","b"]},{"type":"null"}]}`},
		{name: "a choice of another type", schema: `{"type":"string","enum":["a",null]}`, want: `{"type":"string","enum":["a"]}`},
		{name: "a choice of no value of the type", schema: `{"type":"integer","enum":["a"]}`, want: `{"type":"integer","description":"{enum=[\"a\"]}"}`},
		{name: "a choice of objects", schema: `{"enum":[{"b":1}]}`, want: `{"description":"{enum=[{\"b\":1}]}"}`},
		{name: "one of", schema: `{"oneOf":[{"type":"string"},{"type":"null"}]}`, want: `{"anyOf":[{"type":"string"},{"type":"null"}]}`},
		{name: "all of one", schema: `{"allOf":[{"$ref":"#/$defs/b"}],"description":"d"}`, want: `{"$ref":"#/$defs/b","description":"d"}`},
		{name: "a type beside anyOf", schema: `{"type":"string","anyOf":[{"const":"a"}]}`, want: `{"anyOf":[{"const":"a"}],"description":"{type=\"string\"}"}`},
		{name: "an object within", schema: `{"type":["object","null"],"properties":{"b":{"type":"string"}}}`, want: `{"type":["object","null"],"properties":{"b":{"type":"string"}},"additionalProperties":false}`},
		{name: "properties beside anyOf", schema: `{"properties":{},"anyOf":[{}]}`, open: "properties next to anyOf"},
		{name: "all of several", schema: `{"allOf":[{"type":"string"},{"const":"a"}]}`, open: "allOf"},
		{name: "an open object", schema: `{"type":"object","additionalProperties":true}`, open: "additionalProperties other than false"},
		{name: "any object", schema: `{"type":"object"}`, open: "an object without properties"},
		{name: "patterns of names", schema: `{"type":"object","properties":{},"patternProperties":{}}`, open: "patternProperties"},
		{name: "a tuple", schema: `{"type":"array","items":[{}]}`, open: "items with several schemas"},
		{name: "a schema elsewhere", schema: `{"$ref":"https://example.com/a"}`, open: "a $ref to another document"},
		{name: "a recursive schema", schema: `{"$ref":"#"}`, open: "a recursive $ref"},
		{name: "a deep schema", schema: strings.Repeat(`{"items":`, 100) + `{}` + strings.Repeat(`}`, 100), open: "a schema of this size"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var c closing
			got := c.close(jsonx.Raw(property(tt.schema)))
			want := ""
			if tt.want != "" {
				want = property(tt.want)
			}
			if string(got) != want || c.open != tt.open {
				t.Errorf("got %s, open %q", got, c.open)
			}
		})
	}
}

// TestWhatTheLimitsCount counts optional properties and unions, at any depth.
func TestWhatTheLimitsCount(t *testing.T) {
	var c closing
	c.close(jsonx.Raw(`{"type":"object","properties":{"a":{"type":["string","null"]},"b":{"type":"array","items":{"anyOf":[{"type":"object","properties":{"c":{"type":"null"},"d":{}},"required":["d"]}]}}},"required":["b"]}`))
	if c.open != "" || c.optional != 2 || c.unions != 2 {
		t.Errorf("%d optional, %d unions, open %q", c.optional, c.unions, c.open)
	}
}
