package catalog

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outcrop/llm"
)

func TestListsAreKeptOnDisk(t *testing.T) {
	half := virginia()
	half.Profiles = llm.Opt[[]LiveProfile]{}
	half.Availability = map[string]Availability{"amazon.nova-pro-v1:0": {Agreement: "AVAILABLE"}}
	for what, l := range map[string]*Live{
		"all lists":                   virginia(),
		"some lists":                  half,
		"lists without members":       {Region: "us-gov-west-1", At: time.Unix(1_800_000_000, 5).UTC(), Models: llm.Some([]LiveModel{}), Profiles: llm.Some([]LiveProfile{})},
		"bedrock-mantle's list":       {Region: "us-east-2", At: time.Unix(1_800_000_000, 0).UTC(), Mantle: llm.Some([]string{"openai.gpt-5.5"})},
		"no lists, for want of leave": {Region: "eu-central-1", At: time.Unix(1_800_000_000, 0).UTC()},
	} {
		t.Run(what, func(t *testing.T) {
			data, err := l.Encode()
			if err != nil {
				t.Fatal(err)
			}
			got, err := DecodeLive(data)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(l, got); diff != "" {
				t.Errorf("what is read differs from what was written (-written +read):\n%s", diff)
			}
		})
	}
}

func TestFilesThatAreNoLists(t *testing.T) {
	good, err := virginia().Encode()
	if err != nil {
		t.Fatal(err)
	}
	text := string(good)
	for _, tt := range []struct{ what, file, reason string }{
		{"an empty file", "", "invalid JSON"},
		{"a file that was cut short", text[:len(text)/2], "invalid JSON"},
		{"a file with something behind", text + "{}", "invalid JSON"},
		{"another version", strings.Replace(text, `"outcropLiveCatalogue":1`, `"outcropLiveCatalogue":2`, 1), "version 1"},
		{"no version", `{}`, "version 1"},
		{"an answer of AWS's", `{"modelSummaries":[]}`, "version 1"},
		{"a member that is not known", strings.Replace(text, `{`, `{"more":1,`, 1), "unknown members"},
		{"no region", strings.Replace(text, `"region":"us-east-1"`, `"region":""`, 1), "not a region"},
		{"no time", `{"outcropLiveCatalogue":1,"region":"us-east-1","at":"0001-01-01T00:00:00Z"}`, "time"},
		{"a model without an id", strings.Replace(text, `"id":"amazon.nova-pro-v1:0"`, `"id":""`, 1), "no id"},
		{"a profile without an ARN", strings.Replace(text, `"arn":"arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3d4e5f6"`, `"arn":""`, 1), "no ARN"},
		{"a list that is none", strings.Replace(text, `"models":[{"id":"amazon`, `"models":{"id":"amazon`, 1), "must be an array"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			l, err := DecodeLive([]byte(tt.file))
			if err == nil || !strings.Contains(err.Error(), tt.reason) {
				t.Errorf("got %+v and the error %v; want one with %q", l, err, tt.reason)
			}
		})
	}
}

func TestAnswersOfAWS(t *testing.T) {
	models, err := DecodeFoundationModels([]byte(`{"modelSummaries":[{"modelArn":"arn:aws:bedrock:us-east-1::foundation-model/acme.one-v1:0","modelId":"acme.one-v1:0","modelName":"One","providerName":"Acme","inputModalities":["TEXT"],"outputModalities":["TEXT"],"responseStreamingSupported":false,"customizationsSupported":[],"inferenceTypesSupported":["INFERENCE_PROFILE"],"modelLifecycle":{"status":"ACTIVE","startOfLifeTime":"2026-09-01T00:00:00Z"},"shape":"new"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []LiveModel{{
		ID: "acme.one-v1:0", Name: "One", Provider: "Acme", Input: []string{"TEXT"}, Output: []string{"TEXT"}, Streaming: new(false),
		InferenceTypes: []string{"INFERENCE_PROFILE"}, Status: "ACTIVE", Start: time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC),
	}}
	if diff := cmp.Diff(want, models); diff != "" {
		t.Errorf("models (-want +got):\n%s", diff)
	}

	const profile = `{"inferenceProfileName":"US One","inferenceProfileId":"us.acme.one-v1:0","inferenceProfileArn":"arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.acme.one-v1:0","models":[{"modelArn":"arn:aws:bedrock:us-east-1::foundation-model/acme.one-v1:0"}],"status":"ACTIVE","type":"SYSTEM_DEFINED"}`
	profiles, next, err := DecodeInferenceProfiles([]byte(`{"inferenceProfileSummaries":[` + profile + `],"nextToken":"more"}`))
	if err != nil || next != "more" || len(profiles) != 1 {
		t.Fatalf("profiles: %v, next %q, error %v", profiles, next, err)
	}
	one, err := DecodeInferenceProfile([]byte(profile))
	if err != nil {
		t.Fatal(err)
	}
	wantProfile := LiveProfile{
		ID: "us.acme.one-v1:0", Name: "US One", Type: "SYSTEM_DEFINED", ARN: "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.acme.one-v1:0",
		Models: []string{"arn:aws:bedrock:us-east-1::foundation-model/acme.one-v1:0"},
	}
	if diff := cmp.Diff([]LiveProfile{wantProfile, wantProfile}, append(profiles, one)); diff != "" {
		t.Errorf("profiles (-want +got):\n%s", diff)
	}

	access, err := DecodeAccess([]byte(`{"modelId":"acme.one-v1:0","agreementAvailability":{"status":"PENDING","errorMessage":"wait"},"authorizationStatus":"AUTHORIZED","entitlementAvailability":"AVAILABLE","regionAvailability":"AVAILABLE"}`))
	if err != nil || access.Granted() != No || access.AgreementError != "wait" {
		t.Errorf("access: %+v, %v", access, err)
	}

	ids, err := DecodeMantleModels([]byte(`{"object":"list","data":[{"id":"openai.gpt-5.5","object":"model","created":1,"owned_by":"openai","status":"available"},{"id":""}]}`))
	if err != nil || len(ids) != 1 || ids[0] != "openai.gpt-5.5" {
		t.Errorf("bedrock-mantle: %q, %v", ids, err)
	}

	for what, decode := range map[string]func([]byte) error{
		"models of bedrock-mantle": func(b []byte) error { _, err := DecodeMantleModels(b); return err },
		"ListFoundationModels":     func(b []byte) error { _, err := DecodeFoundationModels(b); return err },
		"ListInferenceProfiles":    func(b []byte) error { _, _, err := DecodeInferenceProfiles(b); return err },
		"GetInferenceProfile":      func(b []byte) error { _, err := DecodeInferenceProfile(b); return err },
	} {
		for _, body := range []string{``, `<html>`, `{"message":"no"}`} {
			if err := decode([]byte(body)); err == nil || !strings.Contains(err.Error(), what) {
				t.Errorf("%q as an answer of %s: error %v", body, what, err)
			}
		}
	}
}

func FuzzDecodeLive(f *testing.F) {
	good, err := virginia().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"outcropLiveCatalogue":1,"region":"us-east-1","at":"2026-11-20T10:00:00Z","models":[{"id":"x"}]}`))
	f.Add(bytes.Replace(good, []byte("us-east-1::foundation"), []byte("::foundation"), 1))
	c := made([2]string{"amazon.nova-pro-v1:0"})
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := DecodeLive(data)
		if err != nil {
			return
		}
		again, err := l.Encode()
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("%q is written as %q (%v)", data, again, err)
		}
		for _, m := range c.With(l).Models() { // it must bear whatever decodes
			m.OnDemand(l.Region)
		}
	})
}
