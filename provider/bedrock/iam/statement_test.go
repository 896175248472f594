package iam_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/provider/bedrock/iam"
)

var update = flag.Bool("update", false, "write what is given as what is wanted")

func TestADocumentIsWrittenAsJSONAndTerraform(t *testing.T) {
	t.Parallel()
	known := lists(t)
	var all []iam.Document
	for _, id := range []string{"us." + sonnet, "global." + sonnet, "amazon.nova-lite-v1:0"} {
		d, err := iam.Needs(iam.Call{Account: account, Region: "us-east-1", ID: id, Whole: true, Stream: true, Batch: id == "amazon.nova-lite-v1:0"}, known)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	odd := iam.Document{
		{
			Sid: "Odd", Effect: iam.Deny, Principal: "*", Actions: []string{"bedrock:InvokeModel"}, Resources: []string{"*"},
			Conditions: []iam.Condition{
				{Operator: "StringNotLike", Key: "aws:PrincipalTag/a\"b", Values: []string{"${aws:username}", "%{x}\\\n"}},
				{Operator: "Bool", Key: "aws:SecureTransport", Values: []string{"false"}},
				{Operator: "StringNotLike", Key: "aws:RequestedRegion", Values: []string{"eu-*"}},
			},
		},
		iam.Marketplace(),
	}
	for name, d := range map[string]iam.Document{"several": iam.Merge(all...), "odd": odd, "empty": nil} {
		for ext, got := range map[string][]byte{".json": d.JSON(), ".tf": d.Terraform("1 of " + name)} {
			file := filepath.Join("testdata", "policy", name+ext)
			if *update {
				if err := os.WriteFile(file, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("%s (-want +got)\n%s", file, diff)
			}
			if ext == ".json" && !jsonx.Valid(got) {
				t.Errorf("%s is not JSON", file)
			}
		}
	}
}

func TestAStatementIsOneLineInIAMsOrder(t *testing.T) {
	t.Parallel()
	s := iam.Statement{
		Sid: "Some", Effect: iam.Allow, Principal: "*", Actions: []string{"a:B", "a:C"}, Resources: []string{"*"},
		Conditions: []iam.Condition{{Operator: "StringEquals", Key: "k", Values: []string{"v", "w"}}},
	}
	const want = `{"Sid":"Some","Effect":"Allow","Principal":"*","Action":["a:B","a:C"],"Resource":"*","Condition":{"StringEquals":{"k":["v","w"]}}}`
	if got := string(s.JSON()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestMergedPoliciesAllowWhatEachDidAndNoMore(t *testing.T) {
	t.Parallel()
	known := lists(t)
	calls := []iam.Call{
		{ID: "us." + sonnet},
		{ID: "global." + sonnet},
		{ID: "amazon.nova-lite-v1:0"},
		{ID: "us.acme.rocket-v1:0"},
		{ID: "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abcdefghijkl"},
	}
	var all []iam.Document
	statements := 0
	for i := range calls {
		calls[i].Account, calls[i].Region, calls[i].Whole = account, "us-east-1", true
		d, err := iam.Needs(calls[i], known)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
		statements += len(d)
	}
	merged := iam.Merge(all...)
	if len(merged) >= statements || len(merged) > 4 {
		t.Errorf("%d statements became %d", statements, len(merged))
	}
	if found, err := iam.Lint(merged.JSON(), iam.Options{Known: known, Calls: calls}); err != nil || len(found) > 0 {
		t.Errorf("%v %+v", err, found)
	}
	for _, more := range []iam.Call{
		{Region: "us-east-1", ID: sonnet, Whole: true},                                            // the model without its profile
		{Region: "us-east-1", ID: "us." + sonnet, Stream: true},                                   // another action
		{Region: "us-east-2", ID: "us." + sonnet, Whole: true},                                    // the profile of another region
		{Region: "us-east-1", ID: "global.anthropic.claude-haiku-4-5-20251001-v1:0", Whole: true}, // another profile
	} {
		more.Account = account
		found, err := iam.Lint(merged.JSON(), iam.Options{Known: known, Calls: []iam.Call{more}})
		if err != nil || len(found) == 0 {
			t.Errorf("%s in %s is allowed: %v", more.ID, more.Region, err)
		}
	}
}
