package cli

import (
	"strings"
	"testing"

	"outcrop"
	"outcrop/provider"
)

func TestAnIdIsTakenOutOfATextWhereItIsAWord(t *testing.T) {
	for _, tt := range []struct{ text, id, want string }{
		{"check its certificate and the proxy settings of x.", "x", "check its certificate and the proxy settings of the model."},
		{"arn:aws:bedrock:us-east-1::foundation-model/nova", "nova", "arn:aws:bedrock:us-east-1::foundation-model/*"},
		{"outcrop bedrock policy --model nova", "nova", "outcrop bedrock policy --model MODEL"},
		{"The model 'nova' does not support the API", "nova", "The model in question does not support the API"},
		{"the model nova-lite is not nova", "nova", "the model in question-lite is not the model"},
	} {
		if got := unnamed(tt.text, tt.id); got != tt.want {
			t.Errorf("%s without %s: %s", tt.text, tt.id, got)
		}
	}
}

func TestTheStartNamesTheProviderThatIsCalled(t *testing.T) {
	d := &diagnosis{findings: []outcrop.Finding{{Finding: provider.Finding{
		Check: provider.CheckIdentity, Subject: "OpenAI", State: provider.StateOK, Detail: "API key from OPENAI_API_KEY",
		Identity: provider.Identity{Credential: provider.CredentialAPIKey, Origin: "OPENAI_API_KEY"},
	}}}}
	lines := strings.Join(d.startLines(false, false), "")
	if want := "outcrop: calling OpenAI as API key from OPENAI_API_KEY (OPENAI_API_KEY)\n"; lines != want {
		t.Errorf("%q, not %q", lines, want)
	}
	if got := who(&d.findings[0]); !strings.HasPrefix(got, "OpenAI; ") {
		t.Errorf("doctor: %s", got)
	}
}
