package config

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestPathsHeadersAndBodies(t *testing.T) {
	cfg, problems := Load(source("c.yaml", `
model_list: []
general_settings:
  allowed_routes: [/a]
  public_routes: [/b]
  admin_only_routes: [/c]
  litellm_key_header_name: x-company-key
  user_header_name: x-old
  user_header_mappings: [{header_name: x-customer, litellm_user_role: customer}, {header_name: x-user, litellm_user_role: internal_user}]
  enforce_user_param: true
  enforced_params: [user, metadata.job]
  reject_clientside_metadata_tags: true
  service_account_settings: {enforced_params: [seed]}
`))
	if cfg == nil {
		t.Fatal(problems)
	}
	if got, want := cfg.General.Access, (Access{[]string{"/a"}, []string{"/b"}, "x-company-key", []string{"x-customer", "x-old"}}); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got, want := cfg.Demands, (Demands{true, []string{"user", "metadata.job"}, []string{"seed"}, true}); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if !slices.Equal(cfg.Accounting.AdminRoutes, []string{"/c"}) {
		t.Error(cfg.Accounting.AdminRoutes)
	}
	if !slices.ContainsFunc(problems, func(p Problem) bool {
		return p.Path == "general_settings.user_header_mappings[1]" && p.Severity == Warning
	}) {
		t.Errorf("nothing says that the header of users has no effect: %v", problems)
	}
}

func TestWrongPathsHeadersAndBodies(t *testing.T) {
	for _, tt := range []struct{ settings, path, message string }{
		{`litellm_key_header_name: "a b"`, "litellm_key_header_name", "not a name of a header"},
		{`user_header_mappings: [{header_name: "a:", litellm_user_role: customer}]`, "user_header_mappings[0].header_name", "not a name of a header"},
		{`enforced_params: [a.b.c]`, "enforced_params", "can be demanded"},
		{`enforce_user_param: perhaps`, "enforce_user_param", "neither true nor false"},
		{`allowed_routes: {a: b}`, "allowed_routes", "must not be a mapping"},
	} {
		cfg, problems := Load(source("c.yaml", "model_list: []\ngeneral_settings: {"+tt.settings+"}"))
		if cfg != nil || !slices.ContainsFunc(problems, func(p Problem) bool {
			return p.Severity == Error && p.Path == "general_settings."+tt.path && strings.Contains(p.Message, tt.message)
		}) {
			t.Errorf("%s: %v", tt.settings, problems)
		}
	}
}
