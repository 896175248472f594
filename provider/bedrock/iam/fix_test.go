package iam_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"outcrop/provider/bedrock/iam"
)

func TestAFindingMendsItsStatementWhole(t *testing.T) {
	t.Parallel()
	const policy = `{"Version": "2012-10-17", "Statement": {"Effect": "allow", "Action": ["bedrock:InvokeModels", "bedrock:Converse"],
		"Resource": "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0 "}}`
	found, err := iam.Lint([]byte(policy), iam.Options{Known: lists(t)})
	if err != nil || len(found) != 4 {
		t.Fatalf("%v %+v", err, found)
	}
	const want = `{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"}`
	for _, f := range found {
		if f.Statement != 1 || len(f.Fix) != 1 || string(f.Fix[0].JSON()) != want {
			t.Errorf("%s: statement %d: %s", f.Code, f.Statement, f.Fix.JSON())
		}
	}
}

// TestFixedLeavesNothingThatCanBeMended fixes each policy of testdata/lint/bad.
func TestFixedLeavesNothingThatCanBeMended(t *testing.T) {
	t.Parallel()
	fixed := 0
	for _, c := range lintCases(t) {
		policy, err := os.ReadFile(filepath.Join("testdata", "lint", filepath.FromSlash(c.file)+".json"))
		if err != nil {
			t.Fatal(err)
		}
		d, left, err := iam.Fixed(policy, c.options)
		if errors.Is(err, iam.ErrNotRewritten) {
			if c.code == "-" && !strings.Contains(string(policy), "Not") {
				t.Errorf("%s: %v", c.file, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.file, err)
			continue
		}
		fixed++
		again, err := iam.Lint(d.JSON(), c.options)
		if err != nil || len(again) != len(left) {
			t.Errorf("%s: %v, %d findings are said to be left, and there are %d", c.file, err, len(left), len(again))
		}
		if slices.ContainsFunc(left, func(f iam.Finding) bool { return f.Fix != nil && !strings.HasSuffix(f.Code, ".wide") }) {
			t.Errorf("%s: what could be mended is left: %+v\n%s", c.file, left, d.JSON())
		}
	}
	if fixed < 40 {
		t.Errorf("only %d policies were fixed", fixed)
	}
}
