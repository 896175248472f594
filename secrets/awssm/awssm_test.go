package awssm_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outcrop/secrets"
	"outcrop/secrets/awssm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// double answers as AWS Secrets Manager does in its API reference. It is told by operation and secret what to answer.
type double struct {
	*httptest.Server

	mu      sync.Mutex
	answers map[string][]answer // in order; the last one is repeated
	calls   []call
}

type answer struct {
	status int
	body   string
}

type call struct {
	Operation, Authorization string
	Body                     map[string]any
}

func (d *double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := call{Operation: strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "secretsmanager."), Authorization: r.Header.Get("Authorization")}
	if data, err := io.ReadAll(r.Body); err == nil {
		_ = json.Unmarshal(data, &c.Body)
	}
	d.calls = append(d.calls, c)
	name, _ := c.Body["SecretId"].(string)
	if name == "" {
		name, _ = c.Body["Name"].(string)
	}
	all := d.answers[c.Operation+" "+name]
	if len(all) == 0 {
		all = []answer{refusal("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")}
	}
	if len(all) > 1 {
		d.answers[c.Operation+" "+name] = all[1:]
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(all[0].status)
	_, _ = io.WriteString(w, all[0].body)
}

// operations are the calls so far.
func (d *double) operations() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []string
	for _, c := range d.calls {
		all = append(all, c.Operation)
	}
	return strings.Join(all, ", ")
}

func refusal(code, message string) answer {
	text, _ := json.Marshal(map[string]string{"__type": code, "Message": message})
	return answer{400, string(text)}
}

func text(value string) answer {
	body, _ := json.Marshal(map[string]any{"ARN": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:A-a1b2c3", "Name": "A", "SecretString": value, "VersionId": "x"})
	return answer{200, string(body)}
}

func start(t *testing.T, answers map[string][]answer) *double {
	t.Helper()
	d := &double{answers: answers}
	d.Server = httptest.NewServer(d)
	t.Cleanup(d.Close)
	return d
}

func open(t *testing.T, s *secrets.Settings, environ map[string]string) (*awssm.Manager, error) {
	t.Helper()
	s.System = secrets.AWS
	s.Environ = func(name string) string { return environ[name] }
	if s.AWS == nil {
		s.AWS = map[string]string{"aws_region_name": "eu-west-1"}
	}
	m, err := awssm.Open(s)
	if err == nil {
		t.Cleanup(m.Close)
	}
	return m, err
}

func opened(t *testing.T, d *double, s *secrets.Settings) *awssm.Manager {
	t.Helper()
	m, err := open(t, s, map[string]string{"AWS_ENDPOINT_URL_SECRETS_MANAGER": d.URL, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "x", "AWS_BEARER_TOKEN_BEDROCK": "not for this"})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestRead(t *testing.T) {
	const arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:A-a1b2c3"
	d := start(t, map[string][]answer{
		"GetSecretValue A":      {text("a")},
		"GetSecretValue " + arn: {text("by arn")},
		"GetSecretValue binary": {{200, `{"Name":"binary","SecretBinary":"aHVzaA=="}`}},
	})
	m := opened(t, d, &secrets.Settings{})
	for name, want := range map[string]string{"A": "a", arn: "by arn"} {
		if got, found, err := m.Read(t.Context(), name); got != want || !found || err != nil {
			t.Errorf("%s: %q, %v, %v", name, got, found, err)
		}
	}
	if !strings.Contains(d.calls[0].Authorization, "Credential=AKIDEXAMPLE/") || !strings.Contains(d.calls[0].Authorization, "/eu-west-1/secretsmanager/aws4_request") {
		t.Errorf("signed by %s", d.calls[0].Authorization)
	}
	if _, found, err := m.Read(t.Context(), "missing"); found || err != nil {
		t.Errorf("missing: %v, %v", found, err)
	}
	if _, _, err := m.Read(t.Context(), "binary"); err == nil || !strings.Contains(err.Error(), `the secret "binary" in AWS Secrets Manager in eu-west-1 is binary, not text`) {
		t.Error(err)
	}
}

func TestMembers(t *testing.T) {
	d := start(t, map[string][]answer{"GetSecretValue all": {text(`{"A":"a","B":"b"}`)}, "GetSecretValue text": {text("hush")}})
	m := opened(t, d, &secrets.Settings{})
	if got, found, err := m.Members(t.Context(), "all"); err != nil || !found || got["A"] != "a" || got["B"] != "b" {
		t.Errorf("%v, %v, %v", got, found, err)
	}
	if _, found, err := m.Members(t.Context(), "missing"); found || err != nil {
		t.Errorf("%v, %v", found, err)
	}
	if _, _, err := m.Members(t.Context(), "text"); err == nil || !strings.Contains(err.Error(), "it is not a JSON object") || strings.Contains(err.Error(), "hush") {
		t.Error(err)
	}
}

func TestRefusals(t *testing.T) {
	const who = "User: arn:aws:sts::111122223333:assumed-role/gateway/i-1 is not authorized to perform: secretsmanager:GetSecretValue on resource: KEY because no identity-based policy allows the secretsmanager:GetSecretValue action"
	tests := map[string]struct {
		answer    answer
		want, fix string
		whole     bool
	}{
		"no permission": {
			refusal("AccessDeniedException", who), `cannot read the secret "KEY" in AWS Secrets Manager in eu-west-1: AWS says AccessDeniedException: User: arn:aws:sts::111122223333:assumed-role/gateway/i-1 is not authorized`,
			`{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"arn:aws:secretsmanager:eu-west-1:111122223333:secret:KEY-??????"}`, false,
		},
		"nobody named":  {refusal("AccessDeniedException", "no"), "AccessDeniedException: no", `"Resource":"arn:aws:secretsmanager:eu-west-1:*:secret:KEY-??????"`, false},
		"no key":        {refusal("AccessDeniedException", "Access to KMS is not allowed"), "Access to KMS is not allowed", "kms:Decrypt", false},
		"cannot read":   {refusal("DecryptionFailure", "Secrets Manager can't decrypt the protected secret text using the provided KMS key."), "DecryptionFailure", "kms:Decrypt", false},
		"to be deleted": {refusal("InvalidRequestException", "You can't perform this operation on the secret because it was marked for deletion."), "marked for deletion", "aws secretsmanager restore-secret --region eu-west-1 --secret-id KEY", false},
		"bad key":       {refusal("UnrecognizedClientException", "The security token included in the request is invalid."), "AWS Secrets Manager in eu-west-1 does not accept the credentials: AWS says UnrecognizedClientException", "outcrop doctor", true},
		"bad signature": {refusal("InvalidSignatureException", "The request signature we calculated does not match"), "does not accept the credentials", "clock", true},
		"not AWS":       {answer{403, "<html>denied by proxy</html>"}, "does not answer as AWS Secrets Manager does (status 403)", "AWS_ENDPOINT_URL_SECRETS_MANAGER", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := start(t, map[string][]answer{"GetSecretValue KEY": {test.answer}})
			_, found, err := opened(t, d, &secrets.Settings{}).Read(t.Context(), "KEY")
			e, ok := errors.AsType[*secrets.Error](err)
			if !ok || found || e.Whole != test.whole || !strings.Contains(e.Message, test.want) || !strings.Contains(e.Fix, test.fix) {
				t.Errorf("%v, %#v", found, err)
			}
		})
	}
}

func TestPartitionsOfStatements(t *testing.T) {
	d := start(t, map[string][]answer{"GetSecretValue KEY": {refusal("AccessDeniedException", "no")}})
	_, _, err := opened(t, d, &secrets.Settings{AWS: map[string]string{"aws_region_name": "us-gov-west-1"}}).Read(t.Context(), "KEY")
	if e, ok := errors.AsType[*secrets.Error](err); !ok || !strings.Contains(e.Fix, "arn:aws-us-gov:secretsmanager:us-gov-west-1:*:secret:KEY-??????") {
		t.Errorf("%v", err)
	}
}

func TestThrottledCallsAreRepeated(t *testing.T) {
	d := start(t, map[string][]answer{"GetSecretValue KEY": {refusal("ThrottlingException", "Rate exceeded"), text("k")}})
	if got, found, err := opened(t, d, &secrets.Settings{}).Read(t.Context(), "KEY"); got != "k" || !found || err != nil {
		t.Errorf("%q, %v, %v", got, found, err)
	}
}

func TestWithoutAnAnswer(t *testing.T) {
	d := start(t, nil)
	m := opened(t, d, &secrets.Settings{})
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("gone")
	cancel(gone)
	if _, _, err := m.Read(ctx, "KEY"); !errors.Is(err, gone) {
		t.Errorf("%v, want the cause of the context's end", err)
	}
	d.Close()
	_, _, err := m.Read(t.Context(), "KEY")
	if e, ok := errors.AsType[*secrets.Error](err); !ok || !e.Whole || !strings.Contains(e.Message, "AWS Secrets Manager in eu-west-1 cannot be reached at http://127.0.0.1:") || !strings.Contains(e.Fix, "AWS_ENDPOINT_URL_SECRETS_MANAGER") {
		t.Errorf("%#v", err)
	}
}

func TestWithoutCredentials(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true") // which the AWS SDK reads by itself
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(dir, "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(dir, "none"))
	m, err := open(t, &secrets.Settings{}, map[string]string{
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": filepath.Join(dir, "none"), "AWS_SHARED_CREDENTIALS_FILE": filepath.Join(dir, "none"),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, _, err = m.Read(ctx, "KEY")
	if e, ok := errors.AsType[*secrets.Error](err); !ok || !e.Whole || e.Message != "AWS Secrets Manager cannot be called: no AWS credentials found" || strings.Contains(e.Fix, "BEDROCK") {
		t.Errorf("%#v", err)
	}
}

func TestWrite(t *testing.T) {
	settings := func() *secrets.Settings {
		return &secrets.Settings{Description: "of the gateway", Tags: map[string]string{"Owner": "platform", "Env": "prod"}, KMSKey: "alias/gateway", Regions: []string{"us-west-2"}}
	}
	exists := refusal("ResourceExistsException", "The operation failed because the secret litellm/a already exists.")
	marked := refusal("InvalidRequestException", "You can't create this secret because a secret with this name is already scheduled for deletion.")
	done := answer{200, `{}`}
	for name, test := range map[string]struct {
		answers map[string][]answer
		want    string
	}{
		"a new one":      {map[string][]answer{"CreateSecret litellm/a": {done}}, "CreateSecret"},
		"another value":  {map[string][]answer{"CreateSecret litellm/a": {exists}, "PutSecretValue litellm/a": {done}}, "CreateSecret, PutSecretValue"},
		"a deleted one":  {map[string][]answer{"CreateSecret litellm/a": {marked}, "PutSecretValue litellm/a": {done}, "RestoreSecret litellm/a": {done}}, "CreateSecret, RestoreSecret, PutSecretValue"},
		"after throttle": {map[string][]answer{"CreateSecret litellm/a": {refusal("ThrottlingException", "Rate exceeded"), done}}, "CreateSecret, CreateSecret"},
	} {
		t.Run(name, func(t *testing.T) {
			d := start(t, test.answers)
			if err := opened(t, d, settings()).Write(t.Context(), "litellm/a", "sk-key"); err != nil || d.operations() != test.want {
				t.Errorf("%v, %s", err, d.operations())
			}
			last := d.calls[len(d.calls)-1]
			if last.Body["SecretString"] != "sk-key" {
				t.Errorf("%v", last.Body)
			}
			if last.Operation != "CreateSecret" {
				return
			}
			got, _ := json.Marshal(last.Body)
			for _, want := range []string{`"Description":"of the gateway"`, `"KmsKeyId":"alias/gateway"`, `"Tags":[{"Key":"Env","Value":"prod"},{"Key":"Owner","Value":"platform"}]`, `"AddReplicaRegions":[{"Region":"us-west-2"}]`} {
				if !strings.Contains(string(got), want) {
					t.Errorf("%s has no %s", got, want)
				}
			}
		})
	}
	for operation, want := range map[string]string{
		"PutSecretValue": `"Action":["secretsmanager:CreateSecret","secretsmanager:PutSecretValue","secretsmanager:RestoreSecret","secretsmanager:TagResource","secretsmanager:ReplicateSecretToRegions"]`,
		"CreateSecret":   `secret:litellm/a-??????`, "RestoreSecret": `secretsmanager:RestoreSecret`,
	} {
		answers := map[string][]answer{"CreateSecret litellm/a": {map[string]answer{"PutSecretValue": exists, "RestoreSecret": marked}[operation]}}
		answers[operation+" litellm/a"] = []answer{refusal("AccessDeniedException", "no")}
		err := opened(t, start(t, answers), settings()).Write(t.Context(), "litellm/a", "sk-key")
		if e, ok := errors.AsType[*secrets.Error](err); !ok || !strings.Contains(e.Fix, want) || strings.Contains(e.Message+e.Fix, "sk-key") {
			t.Errorf("%s: %#v", operation, err)
		}
	}
}

func TestDelete(t *testing.T) {
	d := start(t, map[string][]answer{"DeleteSecret a": {{200, `{}`}}, "DeleteSecret denied": {refusal("AccessDeniedException", "no")}})
	m := opened(t, d, &secrets.Settings{})
	for _, name := range []string{"a", "missing"} {
		if err := m.Delete(t.Context(), name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if days := d.calls[0].Body["RecoveryWindowInDays"]; days != 7.0 {
		t.Errorf("%v days", days)
	}
	if err := m.Delete(t.Context(), "denied"); err == nil || !strings.Contains(err.Error(), `cannot delete the secret "denied"`) {
		t.Error(err)
	}
}

func TestOpenRefusesSettings(t *testing.T) {
	for _, test := range []struct {
		aws, environ map[string]string
		want         string
	}{
		{map[string]string{"aws_role_name": "gateway"}, nil, `key_management_settings.aws_role_name "gateway" is not the ARN of a role`},
		{map[string]string{"aws_region_name": "Ireland"}, nil, `"Ireland" is not the name of an AWS region`},
		{map[string]string{}, map[string]string{"AWS_ENDPOINT_URL": "nowhere"}, "AWS_ENDPOINT_URL"},
		{map[string]string{}, map[string]string{"AWS_CA_BUNDLE": "/nowhere/ca.pem"}, "AWS_CA_BUNDLE cannot be read"},
	} {
		_, err := open(t, &secrets.Settings{AWS: test.aws}, test.environ)
		if e, ok := errors.AsType[*secrets.Error](err); !ok || !e.Whole || !strings.Contains(e.Message, test.want) {
			t.Errorf("%v %v: %v", test.aws, test.environ, err)
		}
	}
}

func TestAuthorities(t *testing.T) {
	d := &double{answers: map[string][]answer{"GetSecretValue KEY": {text("k")}}}
	d.Server = httptest.NewTLSServer(d)
	t.Cleanup(d.Close)
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: d.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	environ := map[string]string{"AWS_ENDPOINT_URL": d.URL, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "x", "AWS_CA_BUNDLE": file}
	m, err := open(t, &secrets.Settings{}, environ)
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := m.Read(t.Context(), "KEY"); got != "k" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}
