package openaichat

import (
	"strings"
	"testing"

	"outcrop/llm"
)

func TestWhatARequestBringsIsTakenWhereItMay(t *testing.T) {
	const body = `{"model":"m","messages":[{"role":"user","content":"Hi"}],"api_key":"hidden-key","aws_region_name":"eu-west-1","aws_role_name":null,"aws_profile_name":"p","top_x":1}`
	for _, model := range []string{"m", "other"} {
		req, err := Decode([]byte(strings.Replace(body, `"m"`, `"`+model+`"`, 1)), Options{AllowClientSettings: func(name string) bool { return name == "m" }})
		if model == "other" {
			if e := llm.AsError(err); e.Code != llm.CodeUnsupported || e.Param != "api_key" || strings.Contains(e.Error()+e.Fix, "hidden") {
				t.Errorf("got %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if a := req.LLM.ClientSettings; a.String() != "[api_key aws_profile_name aws_region_name]" || a.Get("api_key") != "hidden-key" {
			t.Errorf("brought %v", a)
		}
		if f := req.LLM.ModelFields; len(f) != 1 || f[0].Name != "top_x" {
			t.Errorf("the model's own are %v", f)
		}
	}
	_, err := Decode([]byte(strings.Replace(body, `"hidden-key"`, `["hidden-key"]`, 1)), Options{AllowClientSettings: func(string) bool { return true }})
	if e := llm.AsError(err); e.Status != 400 || e.Param != "api_key" || strings.Contains(e.Error(), "hidden") {
		t.Errorf("got %v", err)
	}
}

func TestSettingsOfOtherProvidersGoNowhere(t *testing.T) {
	for name, value := range map[string]string{
		"vertex_credentials": `{"private_key":"hidden"}`, "vertex_project": `"hidden"`, "headers": `{"Authorization":"Bearer hidden"}`,
		"azure_ad_token": `"hidden"`, "client_secret": `"hidden"`, "s3_secret_access_key": `"hidden"`, "organization": `"hidden"`,
		"litellm_credential_name": `"hidden"`, "api_version": `"hidden"`, "default_headers": `{"x":"hidden"}`,
	} {
		for where, body := range map[string]string{
			"at the top":                      `"` + name + `":` + value,
			"in extra_body":                   `"extra_body":{"` + name + `":` + value + `}`,
			"in additionalModelRequestFields": `"additionalModelRequestFields":{"` + name + `":` + value + `}`,
		} {
			for _, allowed := range []bool{false, true} {
				_, err := Decode([]byte(`{"model":"m","messages":[{"role":"user","content":"Hi"}],`+body+`}`), Options{AllowClientSettings: func(string) bool { return allowed }})
				if e := llm.AsError(err); err == nil || e.Code != llm.CodeUnsupported || e.Param != name || strings.Contains(e.Error()+e.Fix+e.Logged, "hidden") || e.Fix == "" {
					t.Errorf("%s %s: got %v", name, where, err)
				}
			}
		}
		req, err := Decode([]byte(`{"model":"m","messages":[{"role":"user","content":"Hi"}],"`+name+`":null,"top_x":1}`), Options{})
		if err != nil || len(req.LLM.ModelFields) != 1 {
			t.Errorf("%s that says nothing: %v", name, err)
		}
	}
}
