// Package awssm reads and writes secrets of AWS Secrets Manager, with the credentials that AWS's own tools would find.
package awssm

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go/logging"

	"outcrop/provider/bedrock/creds"
	"outcrop/provider/bedrock/endpoint"
	"outcrop/secrets"
	"outcrop/upstream"
)

// defaultRegion is LiteLLM's, as for Bedrock.
const defaultRegion = "us-west-2"

// callTimeout bounds one attempt of a call.
const callTimeout = 5 * time.Second

// recoveryDays is for how long a deleted secret can be restored, as in LiteLLM. AWS's least is 7.
const recoveryDays = 7

// Manager is AWS Secrets Manager in one region.
type Manager struct {
	client   *secretsmanager.Client
	source   *creds.Source
	settings *secrets.Settings
	region   string
	at       *endpoint.Endpoint
}

// Open returns the manager without calling it. Region and credentials are those of the settings, else those that the
// environment and AWS's configuration files have.
func Open(s *secrets.Settings) (*Manager, error) {
	options, err := creds.OptionsOf(s.AWS)
	if err != nil {
		return nil, wrong(err.Error())
	}
	options.NoAPIKey, options.Environ = true, s.Environ // a Bedrock API key is for Bedrock only
	source, err := creds.Open(options)
	if err != nil {
		return nil, credentials(err)
	}
	m := &Manager{source: source, settings: s, region: cmp.Or(s.AWS["aws_region_name"], source.Region(context.Background()), defaultRegion)}
	if m.at, err = endpoint.Resolve(endpoint.SecretsManager, endpoint.Settings{Region: m.region, Environ: s.Environ}); err != nil {
		source.Close()
		return nil, wrong(err.Error())
	}
	m.region = m.at.Region
	client, err := httpClient(s.Environ)
	if err != nil {
		source.Close()
		return nil, err
	}
	m.client = secretsmanager.New(secretsmanager.Options{
		Region: m.region, BaseEndpoint: aws.String(m.at.String()), HTTPClient: client, Logger: logging.Nop{},
		Credentials: aws.CredentialsProviderFunc(m.credentials),
	})
	return m, nil
}

// wrong is the error of a setting.
func wrong(reason string) *secrets.Error {
	return &secrets.Error{Message: "AWS Secrets Manager cannot be called: " + reason, Whole: true}
}

// httpClient trusts the authorities of AWS_CA_BUNDLE if that is set, and no others, as every AWS SDK does.
func httpClient(environ func(string) string) (*awshttp.BuildableClient, error) {
	client := awshttp.NewBuildableClient().WithTimeout(callTimeout)
	file := environ("AWS_CA_BUNDLE")
	if file == "" {
		return client, nil
	}
	roots, err := upstream.Authorities(file)
	if err != nil {
		return nil, wrong("AWS_CA_BUNDLE " + err.Error())
	}
	return client.WithTransportOptions(func(t *http.Transport) { t.TLSClientConfig.RootCAs = roots }), nil
}

// credentials are the current ones, for the AWS SDK.
func (m *Manager) credentials(ctx context.Context) (aws.Credentials, error) {
	c, err := m.source.Get(ctx)
	if err != nil {
		return aws.Credentials{}, err
	}
	return aws.Credentials{AccessKeyID: c.AccessKey, SecretAccessKey: c.SecretKey(), SessionToken: c.SessionToken(), Expires: c.Expires, CanExpire: !c.Expires.IsZero()}, nil
}

// Name is AWS Secrets Manager in its region.
func (m *Manager) Name() string { return "AWS Secrets Manager in " + m.region }

// Close ends the renewal of credentials.
func (m *Manager) Close() { m.source.Close() }

// Read returns the text of a secret's current version. name may be an ARN.
func (m *Manager) Read(ctx context.Context, name string) (string, bool, error) {
	out, err := m.client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(name)})
	switch _, missing := errors.AsType[*types.ResourceNotFoundException](err); {
	case missing:
		return "", false, nil
	case err != nil:
		return "", false, m.explain(ctx, "read", name, err)
	case out.SecretString == nil:
		return "", false, &secrets.Error{Message: "the secret " + strconv.Quote(name) + " in " + m.Name() + " is binary, not text", Fix: "Store it as text: aws secretsmanager put-secret-value --secret-string."}
	}
	return *out.SecretString, true, nil
}

// Members returns the members of a secret whose text is a JSON object, as AWS's console makes them.
func (m *Manager) Members(ctx context.Context, name string) (map[string]string, bool, error) {
	text, found, err := m.Read(ctx, name)
	if err != nil || !found {
		return nil, false, err
	}
	members, err := secrets.ReadMembers([]byte(text))
	if err != nil {
		return nil, false, &secrets.Error{Message: "the secret " + strconv.Quote(name) + " in " + m.Name() + " cannot be read as keys with values: " + err.Error(), Fix: "Its text must be a JSON object such as {\"OPENAI_API_KEY\":\"...\"}."}
	}
	return members, true, nil
}

// Write creates a secret, or gives it another value if there is one of this name. One whose deletion is scheduled is
// restored first: AWS neither creates nor changes it.
func (m *Manager) Write(ctx context.Context, name, value string) error {
	err := m.create(ctx, name, value)
	_, exists := errors.AsType[*types.ResourceExistsException](err)
	_, scheduled := errors.AsType[*types.InvalidRequestException](err)
	if err == nil || !exists && !scheduled {
		return m.explained(ctx, "create", name, err)
	}
	if scheduled {
		if _, err := m.client.RestoreSecret(ctx, &secretsmanager.RestoreSecretInput{SecretId: aws.String(name)}); err != nil {
			return m.explain(ctx, "restore", name, err)
		}
	}
	_, err = m.client.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: aws.String(name), SecretString: aws.String(value)})
	return m.explained(ctx, "write", name, err)
}

// explained is explain for an error that may be none.
func (m *Manager) explained(ctx context.Context, verb, name string, err error) error {
	if err == nil {
		return nil
	}
	return m.explain(ctx, verb, name, err)
}

func (m *Manager) create(ctx context.Context, name, value string) error {
	in := &secretsmanager.CreateSecretInput{Name: aws.String(name), SecretString: aws.String(value)}
	if m.settings.Description != "" {
		in.Description = aws.String(m.settings.Description)
	}
	if m.settings.KMSKey != "" {
		in.KmsKeyId = aws.String(m.settings.KMSKey)
	}
	for _, key := range slices.Sorted(maps.Keys(m.settings.Tags)) {
		in.Tags = append(in.Tags, types.Tag{Key: aws.String(key), Value: aws.String(m.settings.Tags[key])})
	}
	for _, region := range m.settings.Regions {
		in.AddReplicaRegions = append(in.AddReplicaRegions, types.ReplicaRegionType{Region: aws.String(region)})
	}
	_, err := m.client.CreateSecret(ctx, in)
	return err
}

// Delete schedules the deletion of a secret; until then it can be restored.
func (m *Manager) Delete(ctx context.Context, name string) error {
	_, err := m.client.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{SecretId: aws.String(name), RecoveryWindowInDays: aws.Int64(recoveryDays)})
	if _, missing := errors.AsType[*types.ResourceNotFoundException](err); missing {
		return nil
	}
	return m.explained(ctx, "delete", name, err)
}
