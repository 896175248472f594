package creds

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// aToken is a JSON Web Token that nobody has signed.
const aToken = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJoaWRkZW4ifQ.hiddensignature"

func TestWhereAWebIdentityTokenComesFrom(t *testing.T) {
	google := newPlace(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "google-"+r.Header.Get("Metadata-Flavor")+"-"+r.URL.Query().Get("audience"))
	})
	github := newPlace(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"count":1,"value":"github %s %s %s"}`, r.Header.Get("Authorization"), r.URL.Query().Get("audience"), r.URL.Query().Get("run"))
	})
	azure := newPlace(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"access_token":"azure %s %s %s","token_type":"Bearer"}`, r.Header.Get("Metadata"), r.URL.Query().Get("resource"), r.URL.Query().Get("client_id"))
	})
	for _, tt := range []struct {
		setting string
		environ []string
		host    string
		at      *place
		want    string
	}{
		{"oidc/google/https://audience.example/a", nil, "metadata.google.internal:80", google, "google-Google-https://audience.example/a"},
		{"oidc/github/sts.amazonaws.com", []string{"ACTIONS_ID_TOKEN_REQUEST_URL", github.URL + "/token?run=7", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "key"}, "", github, "github Bearer key sts.amazonaws.com 7"},
		{"oidc/azure/api://bedrock", []string{"AZURE_FEDERATED_TOKEN_FILE", keep(t, "azure", "azure-file")}, "", azure, "azure-file"},
		{"oidc/azure/api://bedrock", []string{"AZURE_CLIENT_ID", "me"}, "169.254.169.254:80", azure, "azure true api://bedrock me"},
		{"oidc/circleci/", []string{"CIRCLE_OIDC_TOKEN", "circle-1"}, "", google, "circle-1"},
		{"oidc/circleci_v2/any", []string{"CIRCLE_OIDC_TOKEN_V2", "circle-2"}, "", google, "circle-2"},
		{aToken, nil, "", google, aToken},
	} {
		t.Run(tt.setting, func(t *testing.T) {
			environment(t, append([]string{"AZURE_FEDERATED_TOKEN_FILE", "", "AZURE_CLIENT_ID", ""}, tt.environ...)...)
			server := newSTS(t)
			mustGet(t, openAt(t, Options{Role: roleARN, WebIdentityToken: tt.setting}, tt.host, tt.at))
			if got := server.requests[0].token; got != tt.want {
				t.Errorf("STS got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestATokenThatCannotBeHadSaysWhy(t *testing.T) {
	odd := newPlace(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/no" {
			w.WriteHeader(http.StatusForbidden)
		}
		fmt.Fprint(w, "hidden words")
	})
	for _, tt := range []struct {
		setting string
		environ []string
		kind    Failure
		says    string
	}{
		{"oidc/file/nowhere/token", nil, Misconfigured, "/nowhere/token"},
		{"oidc/env/EMPTY", []string{"EMPTY", ""}, Misconfigured, "EMPTY is not set"},
		{"oidc/env_path/THE_FILE", []string{"THE_FILE", keep(t, "empty", " \n")}, Misconfigured, "it is empty"},
		{"oidc/github/a", nil, Misconfigured, "ACTIONS_ID_TOKEN_REQUEST_URL is not set"},
		{"oidc/github/a", []string{"ACTIONS_ID_TOKEN_REQUEST_URL", odd.URL, "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "hidden"}, Misconfigured, "not GitHub's"},
		{"oidc/github/a", []string{"ACTIONS_ID_TOKEN_REQUEST_URL", odd.URL + "/no", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "hidden"}, Misconfigured, "status 403"},
		{"oidc/github/a", []string{"ACTIONS_ID_TOKEN_REQUEST_URL", "http://127.0.0.1:1/", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "hidden"}, Unreachable, "127.0.0.1:1"},
	} {
		t.Run(tt.setting+" "+tt.says, func(t *testing.T) {
			environment(t, append([]string{"ACTIONS_ID_TOKEN_REQUEST_URL", "", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", ""}, tt.environ...)...)
			e := failure(t, open(t, Options{Role: roleARN, WebIdentityToken: tt.setting}))
			if e.Kind != tt.kind || !strings.Contains(e.Message, tt.says) || e.Fix == "" || strings.Contains(e.Message, "hidden") {
				t.Errorf("got %s %q, %q", e.Kind, e.Message, e.Fix)
			}
		})
	}
}

func TestATokenThatSTSRepeatsIsNotShown(t *testing.T) {
	server := newPlace(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `<ErrorResponse><Error><Code>InvalidIdentityToken</Code><Message>the token `+aToken+` has no issuer</Message></Error></ErrorResponse>`)
	})
	environment(t, "AWS_STS_ENDPOINT", server.URL)
	s := open(t, Options{Role: roleARN, WebIdentityToken: aToken})
	if e := failure(t, s); e.Kind != Invalid || e.Fix == "" || strings.Contains(fmt.Sprintf("%v %+v", e, s), "hiddensignature") || !strings.Contains(e.Message, "the token (hidden) has no issuer") {
		t.Errorf("got %v", e)
	}
}

func TestSessionTagsAreReadStrictly(t *testing.T) {
	tags, err := ParseTags(`[{"Key":"team","Value":"granite"},{"Key":"cost:centre","Value":""}]`)
	if err != nil || len(tags) != 2 || tags["team"] != "granite" {
		t.Errorf("got %v, %v", tags, err)
	}
	for list, says := range map[string]string{
		`{"team":"a"}`:                 "must be a list",
		`["team"]`:                     "must be a list",
		`[{"Key":"team"}]`:             "entry 0",
		`[{"Key":"","Value":"a"}]`:     "1 to 128",
		`[{"key":"team","value":"a"}]`: "entry 0",
		`[{"Key":"team","Value":7}]`:   "must be a list",
		`[{"Key":"a","Value":"` + strings.Repeat("x", 257) + `"}]`:                        "at most 256",
		`[{"Key":"a","Value":"1"},{"Key":"a","Value":"2"}]`:                               `the key "a" twice`,
		`[` + strings.Repeat(`{"Key":"a","Value":"1"},`, 50) + `{"Key":"b","Value":"1"}]`: "STS accepts at most 50",
	} {
		if _, err := ParseTags(list); err == nil || !strings.Contains(err.Error(), says) || !strings.HasPrefix(err.Error(), "aws_session_tags ") {
			t.Errorf("%s: got %v", list, err)
		}
	}
}

func TestWhatSTSDoesNotTakeOfASessionIsRefusedAhead(t *testing.T) {
	environment(t)
	for setting, o := range map[string]Options{
		"aws_session_name":       {Role: roleARN, SessionName: "two words"},
		"aws_external_id":        {Role: roleARN, ExternalID: "hidden id"},
		"aws_session_tags":       {Role: roleARN, WebIdentityToken: "oidc/env/X", SessionTags: map[string]string{"a": "b"}},
		"aws_role_name":          {Role: "arn:aws:iam::123456789012:user/role/me"},
		"aws_web_identity_token": {Role: roleARN, WebIdentityToken: "oidc/hidden/x"},
	} {
		_, err := Open(o)
		if e, ok := err.(*Error); !ok || e.Setting != setting || e.Kind != Misconfigured || strings.Contains(e.Message, "hidden") { //nolint:errorlint // Open promises it
			t.Errorf("%s: got %v", setting, err)
		}
	}
}
