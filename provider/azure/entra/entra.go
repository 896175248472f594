// Package entra finds the credentials by which an application gets tokens of Entra ID.
package entra

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"outcrop/internal/renew"
	"outcrop/llm"
	"outcrop/provider"
)

// Lookup returns a setting, or the first of the environment variables that is set, and where it is
// from.
type Lookup func(option string, variables ...string) (value, from string)

// Open finds the way to get tokens of Entra ID for a scope, unless a setting names another, and says where the credentials are from; nil if there
// is none. In this order: a token, an application's secret, its certificate, a workload identity, and
// with AZURE_CREDENTIAL=ManagedIdentityCredential or in a service of Azure that offers one the managed
// identity. The settings and variables are LiteLLM's and azidentity's.
func Open(get Lookup, scope string) (*renew.Source, string, error) {
	value := func(option string, variables ...string) string {
		v, _ := get(option, variables...)
		return v
	}
	if token, from := get("azure_ad_token", "AZURE_AD_TOKEN"); token != "" {
		return renew.Fixed(token), from, nil
	}
	if other := value("azure_scope", "AZURE_SCOPE"); other != "" {
		scope = other
	}
	tenant, client := value("tenant_id", "AZURE_TENANT_ID"), value("client_id", "AZURE_CLIENT_ID")
	secret, from := get("client_secret", "AZURE_CLIENT_SECRET")
	certificate := value("", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_CERTIFICATE_PATH")
	federated := value("", "AZURE_FEDERATED_TOKEN_FILE")
	var c azcore.TokenCredential
	var err error
	option := "client_id"
	switch {
	case tenant != "" && client != "" && secret != "":
		option = "client_secret"
		c, err = azidentity.NewClientSecretCredential(tenant, client, secret, nil)
	case tenant != "" && client != "" && certificate != "":
		from = certificate
		c, err = certified(tenant, client, certificate, value("", "AZURE_CLIENT_CERTIFICATE_PASSWORD", "AZURE_CERTIFICATE_PASSWORD"))
	case tenant != "" && client != "" && federated != "":
		from = "workload identity"
		c, err = azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{ClientID: client, TenantID: tenant, TokenFilePath: federated})
	case value("", "AZURE_CREDENTIAL") == "ManagedIdentityCredential" || value("", "IDENTITY_ENDPOINT", "MSI_ENDPOINT") != "":
		from = "managed identity"
		opt := &azidentity.ManagedIdentityCredentialOptions{}
		if client != "" {
			opt.ID = azidentity.ClientID(client)
		}
		c, err = azidentity.NewManagedIdentityCredential(opt)
	case secret != "":
		return nil, "", &provider.OptionError{Option: "client_secret", Reason: "needs tenant_id and client_id beside it, or AZURE_TENANT_ID and AZURE_CLIENT_ID"}
	default:
		return nil, "", nil
	}
	if err != nil {
		return nil, "", &provider.OptionError{Option: option, Reason: strings.TrimSpace(llm.Clip(strings.ReplaceAll(err.Error(), secretOr(secret), "[secret]"), 300))}
	}
	return renew.New(fetch(c, scope), nil), from, nil
}

// fetch gets tokens for a scope.
func fetch(c azcore.TokenCredential, scope string) renew.Fetch {
	return func(ctx context.Context) (string, time.Time, error) {
		t, err := c.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{scope}})
		return t.Token, t.ExpiresOn, err
	}
}

// secretOr is a secret, or a text that occurs nowhere.
func secretOr(secret string) string {
	if secret == "" {
		return "\x00"
	}
	return secret
}

// certified is the credential of an application with a certificate, from a file in PEM or PKCS #12.
func certified(tenant, client, file, password string) (azcore.TokenCredential, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	certs, key, err := azidentity.ParseCertificates(data, []byte(password))
	if err != nil {
		return nil, err
	}
	return azidentity.NewClientCertificateCredential(tenant, client, certs, key, nil)
}
