package iam_test

import (
	"strings"
	"testing"

	"outcrop/provider/bedrock/iam"
)

func TestCallsAtMantleNeedItsOwnActions(t *testing.T) {
	d, err := iam.Needs(iam.Call{Account: "123456789012", Region: "us-east-1", ID: "openai.gpt-5.5", Whole: true, Stream: true, Mantle: true, APIKey: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text := string(d.JSON())
	for _, part := range []string{`"bedrock-mantle:CreateInference"`, `"arn:aws:bedrock-mantle:us-east-1:123456789012:project/*"`, `"bedrock-mantle:CallWithBearerToken"`} {
		if !strings.Contains(text, part) {
			t.Errorf("%s is not in %s", part, text)
		}
	}
	if strings.Contains(text, "InvokeModel") {
		t.Errorf("an action of the runtime in %s", text)
	}
}
