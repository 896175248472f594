package config

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/provider"
)

func TestEveryKeyOfAFileGetsAVerdict(t *testing.T) {
	file := `include: [more.yaml]
model_list:
  - model_name: a
    litellm_params: {model: bedrock/nova, mock_response: hi, aws_region_name: eu-west-1}
    model_info: {team: rocks, tier: x}
litellm_settings:
  num_retries: 2
  json_logs: true
  nobody_knows: 1
  callbacks: [prometheus, lunary]
general_settings:
  master_key: sk-jw8s7dkd8
  custom_auth: mine.auth
  litellm_license: x
`
	src := source("c.yaml", file)
	src.ReadFile = func(string) ([]byte, error) { return []byte("router_settings: {routing_strategy: lottery}\n"), nil }
	_, problems, uses := InspectUses(src)
	var got strings.Builder
	for _, k := range Judge(uses, problems) {
		fmt.Fprintf(&got, "%s:%d %s %s\n", k.File, k.Line, k.Path, k.Verdict)
	}
	want := `c.yaml:1 include works
c.yaml:3 model_list[0].model_name works
c.yaml:4 model_list[0].litellm_params.model works
c.yaml:4 model_list[0].litellm_params.mock_response has no effect
c.yaml:4 model_list[0].litellm_params.aws_region_name works
c.yaml:5 model_list[0].model_info.tier is not needed
c.yaml:7 litellm_settings.num_retries works
c.yaml:8 litellm_settings.json_logs is not needed
c.yaml:9 litellm_settings.nobody_knows is unknown
c.yaml:10 litellm_settings.callbacks works in part
c.yaml:12 general_settings.master_key works
c.yaml:13 general_settings.custom_auth is refused
c.yaml:14 general_settings.litellm_license is not needed
more.yaml:1 router_settings.routing_strategy is refused
`
	if got.String() != want {
		t.Errorf("got\n%swant\n%s", got.String(), want)
	}
}

func TestAllKeysWithoutEffectSayWhatToDoInstead(t *testing.T) {
	for _, k := range Keys() {
		if k.Class != Supported && k.Class != PerProvider && k.Note == "" {
			t.Errorf("%s.%s is %s and has no note", k.Section, k.Name, k.Class)
		}
	}
}

// schemaNode is what the tests read of a schema.
type schemaNode struct {
	Properties  map[string]*schemaNode `json:"properties"`
	Patterns    map[string]*schemaNode `json:"patternProperties"`
	Items       *schemaNode            `json:"items"`
	Description string                 `json:"description"`
	Deprecated  bool                   `json:"deprecated"`
}

func TestTheSchemaHasEveryKey(t *testing.T) {
	var b bytes.Buffer
	if err := WriteSchema(&b, []provider.Info{bedrock}); err != nil {
		t.Fatal(err)
	}
	var root schemaNode
	if err := jsonx.Unmarshal(b.Bytes(), &root); err != nil {
		t.Fatal(err)
	}
	for _, k := range Keys() {
		at := &root
		for _, name := range append(sectionPath(k.Section), k.Name) {
			name, list := strings.CutSuffix(name, "[]")
			if name == strings.ToUpper(name) {
				at = at.Patterns["."]
			} else {
				at = at.Properties[name]
			}
			if list && at != nil {
				at = at.Items
			}
			if at == nil {
				t.Fatalf("there is no %s.%s", k.Section, k.Name)
			}
		}
		_, own := option(&bedrock, k.Name)
		if without := k.Class != Supported && k.Class != PerProvider && (!own || k.Section != sectionParams); at.Deprecated != without || !strings.HasPrefix(at.Description, k.Help) {
			t.Errorf("%s.%s of class %s: %+v", k.Section, k.Name, k.Class, at)
		}
	}
}
