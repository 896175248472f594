package converse

import (
	"fmt"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

func TestAttributed(t *testing.T) {
	who := []llm.Label{{Name: "key_alias", Value: "ann's key"}, {Name: "team_id", Value: "géo"}}
	var many []string
	for i := range maxLabels {
		many = append(many, fmt.Sprintf(`"n%d":"v"`, i))
	}
	full := "{" + strings.Join(many, ",") + "}"
	for name, tt := range map[string]struct {
		own    string
		labels []llm.Label
		want   string
		warned string
	}{
		"nobody":         {own: `{"a":"b"}`, want: `{"a":"b"}`},
		"alone":          {labels: who, want: `{"key_alias":"ann-s key","team_id":"g-o"}`},
		"beside another": {own: `{"a":"b"}`, labels: who, want: `{"key_alias":"ann-s key","team_id":"g-o","a":"b"}`},
		"a forged one":   {own: `{"team_id":"b"}`, labels: who, want: `{"key_alias":"ann-s key","team_id":"g-o"}`, warned: "requestMetadata.team_id"},
		"too many":       {own: full, labels: who[:1], want: `{"key_alias":"ann-s key",` + strings.Join(many[:maxLabels-1], ",") + "}", warned: "requestMetadata.n15"},
		"too long":       {labels: []llm.Label{{Name: "tags", Value: strings.Repeat("a", 300)}}, want: `{"tags":"` + strings.Repeat("a", 256) + `"}`},
		"no object":      {own: `[]`, labels: who, want: `[]`},
	} {
		t.Run(name, func(t *testing.T) {
			var own jsonx.Raw
			if tt.own != "" {
				own = jsonx.Raw(tt.own)
			}
			got, warnings := Attributed(own, tt.labels)
			fields := ""
			for _, w := range warnings {
				fields += w.Field
			}
			if string(got) != tt.want || fields != tt.warned {
				t.Errorf("%s, warnings %q", got, fields)
			}
		})
	}
}
