package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/provider"
)

const oneModel = "model_list:\n- model_name: a\n  litellm_params: {model: bedrock/a, bad: 1}\n"

func TestEncodings(t *testing.T) {
	unknown := "c.yaml:3:38: warning: model_list[0].litellm_params.bad: unknown key \"bad\" has no effect\n"
	for _, c := range []struct{ about, data, want string }{
		{"plain", oneModel, unknown},
		{"a byte order mark counts for no column", "\ufeff" + oneModel, unknown},
		{"lines may end as on Windows", strings.ReplaceAll(oneModel, "\n", "\r\n"), unknown},
		{"lines may end as on old Macs", strings.ReplaceAll(oneModel, "\n", "\r"), unknown},
		{
			"columns count characters, not bytes",
			"model_list:\n- {model_name: \"日本é\", x: 1, litellm_params: {model: bedrock/a}}\n",
			"c.yaml:2:23: warning: model_list[0].x: unknown key \"x\" has no effect\n",
		},
		{"bytes that are not UTF-8 have a place", "a: é\nb: \xff\n", "c.yaml:2:4: error: byte 0xff is not UTF-8; accepted: UTF-8\n"},
		{"UTF-16 is named", "\xff\xfea\x00", "c.yaml:1:1: error: the file is UTF-16; accepted: UTF-8\n"},
		{"control characters have a place", "a: b\x00c\n", "c.yaml:1:5: error: control character 0x00; accepted: text\n"},
	} {
		t.Run(c.about, func(t *testing.T) {
			_, problems := Load(source("c.yaml", c.data))
			if got := lines(problems); got != c.want {
				t.Errorf("got %swant %s", got, c.want)
			}
		})
	}
}

func TestAMisplacedKeyIsToldItsPlace(t *testing.T) {
	const entry = "model_list:\n- {model_name: a, %s, litellm_params: {model: bedrock/a}}\n"
	for _, c := range []struct{ data, hint string }{
		{"general_settings: {max_budget: 10}", "it belongs under litellm_settings"},
		{"max_budget: 10", "it belongs under litellm_settings"},
		{"general_settings: {drop_params: true}", "it belongs under litellm_settings"},
		{"general_settings: {num_retries: 3}", "it belongs under litellm_settings or under router_settings"},
		{"litellm_settings: {timeout: 3}", "it belongs under router_settings"},
		{"general_settings: {modify_params: true}", "it belongs under litellm_settings, where it is not supported yet"},
		{"general_settings: {rpm: 3}", "it belongs under model_list[].litellm_params"},
		{"general_settings: {default_team_settings: {}}", "it belongs under litellm_settings, where it is a restriction on who may call, which is not enforced yet"},
		{"litellm_settings: {model_list: []}", "it belongs at the top level of the file"},
		{"master_keys: sk-1", ""},
		{fmt.Sprintf(entry, "drop_params: true"), "it belongs under model_list[].litellm_params"},
		{fmt.Sprintf(entry, "timeout: 3"), "it belongs under model_list[].litellm_params"},
		{fmt.Sprintf(entry, "mode: chat"), "it belongs under model_list[].model_info"},
	} {
		_, problems := Load(source("c.yaml", c.data))
		i := slices.IndexFunc(problems, func(p Problem) bool { return strings.HasPrefix(p.Message, "unknown key") })
		if i < 0 || problems[i].Severity != Warning || problems[i].Hint != c.hint {
			t.Errorf("%s: got %swant the hint %q", c.data, lines(problems), c.hint)
		}
	}
}

// bomb is YAML in which n anchors each hold the one before it ten times.
func bomb(n int, first, format string) string {
	b := strings.Builder{}
	fmt.Fprintf(&b, "a0: &a0 %s\n", first)
	for i := 1; i <= n; i++ {
		alias := strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", ")
		fmt.Fprintf(&b, "a%d: &a%d "+format+"\n", i, i, alias)
	}
	return b.String()
}

func TestFilesThatWouldGrowWithoutEndAreErrors(t *testing.T) {
	many := strings.Repeat("- *m\n", 5000) // of a thousand keys each
	wide := "w: &w {"
	for i := range 1000 {
		wide += fmt.Sprintf("k%d: 1, ", i)
	}
	wide += "}\n"
	for _, c := range []struct{ about, data, want string }{
		{"aliases of aliases", bomb(12, "x", "[%s]") + "model_list: [{model_name: a, litellm_params: {model: bedrock/a}, model_info: {x: *a12}}]\n", "is too large"},
		{"merges of merges", bomb(12, "{x: 1}", "{<<: [%s]}") + wide + "v:" + strings.Repeat("\n- <<: *w", 1000) + "\n", "merge keys add too many keys"},
		{"one large entry listed again and again", wide + "m: &m {model_name: a, litellm_params: *w}\nmodel_list:\n" + many, "the configuration is too large"},
		{"brackets in brackets", strings.Repeat("[", 100_000), "nested too deep"},
		{"braces in braces", strings.Repeat("{a: ", 100_000), "nested too deep"},
		{"lists in lists on one line", strings.Repeat("- ", 100_000) + "a", "nested too deep"},
		{"anchors without end", strings.Repeat("- &a\n", 20_000), "too many anchors and tags"},
		{"tags without end", "a: " + strings.Repeat("!a ", 20_000), "too many anchors and tags"},
		{"a file of more than 4 MiB", strings.Repeat("# \n", 2<<20), "larger than 4 MiB"},
		{"more errors than anyone reads", "model_list:\n" + strings.Repeat("- x\n", 5000), "only the first 1000 errors are shown"},
	} {
		t.Run(c.about, func(t *testing.T) {
			cfg, problems := Load(source("c.yaml", c.data))
			if cfg != nil || !strings.Contains(lines(problems), c.want) {
				t.Errorf("no error %q", c.want)
			}
			if len(problems) > 2*maxProblems+2 {
				t.Errorf("%d problems", len(problems))
			}
		})
	}
}

func TestManyWarningsDoNotStopTheGateway(t *testing.T) {
	cfg, problems := Load(source("c.yaml", "model_list:\n"+strings.Repeat("- {model_name: a, litellm_params: {model: bedrock/a, extra_body: {a: 1}}}\n", 2000)))
	if cfg == nil || len(cfg.Models) != 2000 {
		t.Fatal("not loaded")
	}
	if last := problems[len(problems)-1].Message; len(problems) != maxProblems+1 || !strings.Contains(last, "only the first 1000 warnings are shown") {
		t.Errorf("%d problems, the last: %s", len(problems), last)
	}
}

func TestIDs(t *testing.T) {
	id := func(params string) string {
		cfg, problems := Load(source("c.yaml", "model_list: [{model_name: a, litellm_params: {model: bedrock/a, "+params+"}}]"))
		if cfg == nil {
			t.Fatal(problems)
		}
		return cfg.Models[0].ID
	}
	base := id("aws_region_name: us-east-1, api_key: one")
	for _, c := range []struct {
		about, params string
		same          bool
	}{
		{"the same again", "aws_region_name: us-east-1, api_key: one", true},
		{"a secret that was changed", "aws_region_name: us-east-1, api_key: two", true},
		{"another region", "aws_region_name: us-west-2, api_key: one", false},
		{"a secret from the environment", "aws_region_name: us-east-1, api_key: os.environ/SECRET", false},
	} {
		if got := id(c.params); (got == base) != c.same || len(got) != 64 {
			t.Errorf("%s: %s beside %s", c.about, got, base)
		}
	}
}

func TestRegionNameIsAnotherNameOfAwsRegionName(t *testing.T) {
	for _, c := range []struct{ about, params, want string }{
		{"alone", "region_name: one", "one"},
		{"before the proper name", "region_name: one, aws_region_name: two", "two"},
		{"behind the proper name", "aws_region_name: two, region_name: one", "two"},
		{"over a credential's", "litellm_credential_name: c, region_name: one", "one"},
		{"over a credential's that is named later", "region_name: one, litellm_credential_name: c", "one"},
		{"from a credential", "litellm_credential_name: c", "three"},
	} {
		cfg, problems := Load(source("c.yaml", "credential_list: [{credential_name: c, credential_values: {aws_region_name: three}}]\n"+
			"model_list: [{model_name: a, litellm_params: {model: bedrock/a, "+c.params+"}}]"))
		if cfg == nil || len(problems) > 0 || cfg.Models[0].Values["aws_region_name"] != c.want {
			t.Errorf("%s: not %q: %v", c.about, c.want, problems)
		}
	}
}

func TestDefaults(t *testing.T) {
	cfg, problems := Defaults(Source{Providers: []provider.Info{bedrock}, LookupEnv: func(name string) (string, bool) {
		return "sk-quarry", name == "LITELLM_MASTER_KEY"
	}})
	if cfg == nil || len(problems) > 0 {
		t.Fatal(problems)
	}
	if got := cfg.General.MasterKey.Reveal(); got != "sk-quarry" {
		t.Errorf("master key %q", got)
	}
	var got []string
	for _, m := range cfg.Models {
		got = append(got, m.Name+" to "+m.Provider+"/"+m.Model)
	}
	if want := []string{"bedrock/* to bedrock/*", "* to bedrock/*"}; !slices.Equal(got, want) {
		t.Errorf("models %v, want %v", got, want)
	}
}

func TestAStarAloneIsEveryProvider(t *testing.T) {
	src := source("c.yaml", `
model_list:
- {model_name: "*", litellm_params: {model: "*"}}
- {model_name: "x-*", litellm_params: {model: "*"}, model_info: {id: x}}
- {model_name: "*", litellm_params: {model: "*", custom_llm_provider: other}}
`)
	src.Providers = append(src.Providers, provider.Info{Name: "other"})
	cfg, problems := Load(src)
	if cfg == nil || len(problems) > 0 {
		t.Fatal(problems)
	}
	var got []string
	for _, m := range cfg.Models {
		got = append(got, m.Name+" "+m.Provider+" "+m.Model)
	}
	want := []string{"bedrock/* bedrock *", "other/* other *", "x-bedrock/* bedrock *", "x-other/* other *", "* other *"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if a, b := cfg.Models[2].ID, cfg.Models[3].ID; a != "x/bedrock" || b != "x/other" {
		t.Errorf("a given id became %q and %q", a, b)
	}
	if cfg.Models[0].ID == cfg.Models[1].ID {
		t.Error("both have one id")
	}
}

func TestAProvidersErrorGetsThePlaceOfItsSetting(t *testing.T) {
	cfg, problems := Load(source("c.yaml", "model_list:\n- model_name: a\n  litellm_params:\n    model: bedrock/a\n    aws_region_name: nowhere\n"))
	if cfg == nil {
		t.Fatal(problems)
	}
	for option, want := range map[string]string{
		"aws_region_name": "c.yaml:5:22: error: model_list[0].litellm_params.aws_region_name: is no region",
		"api_key":         "c.yaml:2:3: error: model_list[0].litellm_params.api_key: is no region",
	} {
		if got := cfg.Models[0].Problem(&provider.OptionError{Option: option, Reason: "is no region"}).String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestGetenvPrefersTheFile(t *testing.T) {
	cfg, problems := Load(source("c.yaml", "environment_variables: {A: file}\n"))
	if cfg == nil {
		t.Fatal(problems)
	}
	getenv := cfg.Getenv(func(name string) string { return "process " + name })
	if a, b := getenv("A"), getenv("B"); a != "file" || b != "process B" {
		t.Errorf("%q, %q", a, b)
	}
}

func TestNearest(t *testing.T) {
	candidates := []string{"timeout", "stream_timeout", "api_key", "api_base", "rpm", "tpm", "model"}
	for name, want := range map[string]string{
		"timout": "timeout", "tiemout": "timeout", "TIMEOUT": "timeout", "steam_timeout": "stream_timeout", "apikey": "api_key",
		"modle": "model", "modell": "model", "r": "", "completely_else": "", strings.Repeat("x", 10_000): "",
	} {
		if got := nearest(name, candidates); got != want {
			t.Errorf("nearest(%.20q) = %q, want %q", name, got, want)
		}
	}
}

// TestAMisspelledRestrictionStopsTheStart: a gateway without the restriction that was meant would start
// otherwise.
func TestAMisspelledRestrictionStopsTheStart(t *testing.T) {
	for text, want := range map[string]string{
		"outcrop_settings: {bedrock: {polcy: {global: false}}}":                                                 `unknown key "polcy"; hint: did you mean "policy"?`,
		"outcrop_settings: {bedrock: {policy: {geographis: [eu]}}}":                                             `unknown key "geographis"; hint: did you mean "geographies"?`,
		"general_setings: {master_key: sk-a}":                                                                   `unknown key "general_setings"; hint: did you mean "general_settings"?`,
		"general_settings: {masterkey: sk-a}":                                                                   `unknown key "masterkey"; hint: did you mean "master_key"?`,
		"litellm_settings: {master_key: sk-a}":                                                                  `unknown key "master_key"; hint: it belongs under general_settings`,
		"litellm_settings: {max_budgt: 5}":                                                                      `unknown key "max_budgt"; hint: did you mean "max_budget"?`,
		"model_list: [{model_name: a, litellm_params: {model: bedrock/b}, model_info: {outcrop: {polcy: {}}}}]": `unknown key "polcy"; hint: did you mean "policy"?`,
	} {
		_, problems := Load(source("c.yaml", text))
		if got := lines(problems); !strings.Contains(got, "error: ") || !strings.Contains(got, want) {
			t.Errorf("%s: %s", text, got)
		}
	}
}

func TestTheModeOfAModelSaysByWhichAPIItIsCalled(t *testing.T) {
	for mode, want := range map[string]struct {
		responses bool
		says      string // of a problem; empty for none
	}{
		"responses": {true, ""}, "Responses": {true, ""}, "chat": {false, ""}, "null": {false, ""}, "realtime": {false, "and the mode of this entry is another"}, "[a]": {false, "must not be a list"},
	} {
		text := "model_list: [{model_name: a, litellm_params: {model: bedrock/a}, model_info: {mode: " + mode + "}}]\n"
		cfg, problems := Load(source("c.yaml", text))
		var said []string
		for _, p := range problems {
			said = append(said, p.String())
		}
		if all := strings.Join(said, "\n"); !strings.Contains(all, want.says) || want.says == "" && strings.Contains(all, "mode") || cfg != nil && cfg.Models[0].Responses != want.responses {
			t.Errorf("%s: %+v, %s", mode, cfg, all)
		}
	}
}
