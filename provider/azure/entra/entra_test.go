package entra

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheWayToTokens(t *testing.T) {
	for _, tt := range []struct {
		name    string
		environ map[string]string
		from    string
	}{
		{"nothing", nil, ""},
		{"an application's secret", map[string]string{"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s"}, "AZURE_CLIENT_SECRET"},
		{"a workload identity", map[string]string{"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_FEDERATED_TOKEN_FILE": "/dev/null"}, "workload identity"},
		{"the managed identity", map[string]string{"AZURE_CREDENTIAL": "ManagedIdentityCredential"}, "managed identity"},
		{"a token first", map[string]string{"AZURE_AD_TOKEN": "x", "AZURE_CREDENTIAL": "ManagedIdentityCredential"}, "AZURE_AD_TOKEN"},
	} {
		get := func(_ string, variables ...string) (value, from string) {
			for _, name := range variables {
				if v := tt.environ[name]; v != "" {
					return v, name
				}
			}
			return "", ""
		}
		s, from, err := Open(get, "scope")
		if err != nil || (s != nil) != (tt.from != "") || tt.from != "" && from != tt.from {
			t.Errorf("%s: from %q, %v", tt.name, from, err)
		}
		if s != nil {
			s.Close()
		}
	}
}
