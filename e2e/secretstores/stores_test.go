package secretstores

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// The secrets of these tests.
const (
	masterKey   = "sk-master-7c1f0b9d2e5a4c38"
	providerKey = "sk-provider-3b8e6f1a9c2d4750"
)

const chat = `{"model":"granite","messages":[{"role":"user","content":"hello"}]}`

// configuration has a model behind an upstream, whose key and the master key are secrets.
func configuration(u *upstream, settings string) string {
	return `
model_list:
  - model_name: granite
    litellm_params: {model: openai/granite, api_base: ` + u.url + `/v1, api_key: os.environ/PROVIDER_KEY}
general_settings:
  master_key: os.environ/GATEWAY_KEY
` + settings
}

// works checks that a gateway serves with the secrets, and that nothing that it writes has them.
func works(t *testing.T, g *gateway, u *upstream) {
	t.Helper()
	g.must(masterKey, "/v1/chat/completions", chat)
	if got := u.last(); got != providerKey {
		t.Errorf("the provider is called with %q, not with the key of the manager", got)
	}
	if status, _ := g.call("sk-another", "/v1/chat/completions", chat); status != http.StatusUnauthorized {
		t.Errorf("another key is answered with status %d", status)
	}
	if log := g.log(); strings.Contains(log, providerKey) || strings.Contains(log, masterKey) {
		t.Errorf("the log has a secret: %s", log)
	}
}

// aws is Moto as AWS Secrets Manager.
type aws struct{ *server }

func startAWS(t *testing.T) aws {
	t.Helper()
	return aws{launch(t, "moto_server", "/moto-api/", nil, func(host, number string) []string { return []string{"-H", host, "-p", number} })}
}

// environ is that of a gateway.
func (a aws) environ() []string {
	return []string{"AWS_ENDPOINT_URL_SECRETS_MANAGER=" + a.url, "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=x"}
}

// ask calls an operation, as the AWS CLI does.
func (a aws) ask(operation string, body map[string]any) (int, map[string]any) {
	a.t.Helper()
	a.headers = map[string]string{
		"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "secretsmanager." + operation,
		"Authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261129/eu-west-1/secretsmanager/aws4_request, SignedHeaders=host, Signature=0",
	}
	return a.try(a.t.Context(), http.MethodPost, "/", body)
}

func (a aws) create(name, value string) {
	a.t.Helper()
	if status, answer := a.ask("CreateSecret", map[string]any{"Name": name, "SecretString": value}); status != http.StatusOK {
		a.t.Fatalf("status %d, %v", status, answer)
	}
}

func (a aws) value(name string) string {
	a.t.Helper()
	_, answer := a.ask("GetSecretValue", map[string]any{"SecretId": name})
	return at(answer, "SecretString")
}

const inAWS = `
  key_management_system: aws_secret_manager
  key_management_settings:
    aws_region_name: eu-west-1
`

func TestAWS(t *testing.T) {
	a, u := startAWS(t), startUpstream(t)
	a.create("PROVIDER_KEY", providerKey)
	a.create("GATEWAY_KEY", masterKey)
	a.create("all", `{"PROVIDER_KEY":"`+providerKey+`","GATEWAY_KEY":"`+masterKey+`"}`)

	t.Run("a secret for each name", func(t *testing.T) {
		text := configuration(u, inAWS)
		works(t, serve(t, text, a.environ()...), u)
		if out, good := check(t, text, a.environ()...); !good || strings.Contains(out, "sk-") {
			t.Error(out)
		}
	})
	t.Run("members of one secret", func(t *testing.T) {
		works(t, serve(t, configuration(u, inAWS+"    primary_secret_name: all\n"), a.environ()...), u)
	})
	t.Run("hosted keys", func(t *testing.T) {
		text := configuration(u, inAWS+"    hosted_keys: [PROVIDER_KEY]\n")
		works(t, serve(t, text, append(a.environ(), "GATEWAY_KEY="+masterKey, "PROVIDER_KEY=sk-of-the-environment")...), u)
		if out, good := check(t, text, a.environ()...); good || !strings.Contains(out, `general_settings.master_key: environment variable "GATEWAY_KEY" is not set`) {
			t.Errorf("the manager has been asked for a name that it does not host: %s", out)
		}
	})
	t.Run("a missing secret", func(t *testing.T) {
		out, good := check(t, strings.ReplaceAll(configuration(u, inAWS), "PROVIDER_KEY", "NOWHERE"), a.environ()...)
		if good || !strings.Contains(out, `model_list[0].litellm_params.api_key: there is no secret "NOWHERE" in AWS Secrets Manager, and no such environment variable`) {
			t.Error(out)
		}
	})
	t.Run("nobody answers", func(t *testing.T) {
		out, good := check(t, configuration(u, inAWS), "AWS_ENDPOINT_URL=http://127.0.0.1:1", "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=x")
		if good || strings.Count(out, "error:") != 1 || !strings.Contains(out, "AWS Secrets Manager in eu-west-1 cannot be reached at http://127.0.0.1:1") {
			t.Error(out)
		}
	})
}

func TestKeysInAWS(t *testing.T) {
	a, u := startAWS(t), startUpstream(t)
	a.create("PROVIDER_KEY", providerKey)
	a.create("GATEWAY_KEY", masterKey)
	g := serve(t, configuration(u, inAWS+"    store_virtual_keys: true\n    access_mode: read_and_write\n    prefix_for_stored_virtual_keys: gateway\n    description: of the gateway\n    tags: {Owner: platform}\n"), a.environ()...)
	// Moto 5.2.1 does not answer as AWS does about secrets whose deletion is scheduled, so the alias is another.
	keysAreKept(t, g, "again", func(name string) string { return a.value("gateway/" + name) })

	_, answer := a.ask("DescribeSecret", map[string]any{"SecretId": "gateway/again"})
	tags, _ := answer["Tags"].([]any)
	if at(answer, "Description") != "of the gateway" || len(tags) != 1 || at(tags[0], "Key") != "Owner" || at(tags[0], "Value") != "platform" {
		t.Errorf("%v", answer)
	}
}

// keysAreKept makes, changes, replaces and deletes keys, the last with the alias two, and makes one with the alias next.
// It looks what has become of them.
func keysAreKept(t *testing.T, g *gateway, next string, value func(name string) string) {
	t.Helper()
	want := func(name, key string) {
		t.Helper()
		if got := value(name); got != key {
			t.Errorf("the secret %s is %q, want %q; %s", name, got, key, g.log())
		}
	}
	key := at(g.must(masterKey, "/key/generate", `{"key_alias":"one"}`), "key")
	want("one", key)
	g.must(masterKey, "/key/update", `{"key":"`+key+`","key_alias":"two"}`)
	want("one", "")
	want("two", key)
	replaced := at(g.must(masterKey, "/key/regenerate", `{"key":"`+key+`"}`), "key")
	want("two", replaced)
	g.must(replaced, "/v1/chat/completions", chat)
	plain := g.must(masterKey, "/key/generate", `{}`)
	want("virtual-key-"+at(plain, "token"), at(plain, "key"))
	g.must(masterKey, "/key/delete", `{"keys":["`+replaced+`","`+at(plain, "key")+`"]}`)
	want("two", "")
	want("virtual-key-"+at(plain, "token"), "")
	again := at(g.must(masterKey, "/key/generate", `{"key_alias":"`+next+`"}`), "key")
	want(next, again)
	// An alias is no way to the other secrets.
	g.must(masterKey, "/key/generate", `{"key_alias":"../PROVIDER_KEY"}`)
	if !strings.Contains(g.log(), "is not the name of a secret") {
		t.Errorf("no word of an alias that is no name: %s", g.log())
	}
	for _, secret := range []string{key, replaced, again, at(plain, "key")} {
		if strings.Contains(g.log(), secret) {
			t.Error("the log has a key")
		}
	}
}

// bao is OpenBao.
type bao struct{ *server }

func startBao(t *testing.T) bao {
	t.Helper()
	// The secrets are there after the server: until they have versions, it refuses to read and write them.
	const ready = "/v1/secret/config"
	return bao{launch(t, "bao", ready, map[string]string{"X-Vault-Token": "root"}, func(host, number string) []string {
		return []string{"server", "-dev", "-dev-no-store-token", "-dev-root-token-id=root", "-dev-listen-address=" + host + ":" + number}
	})}
}

// ready waits until the secrets of a mount have versions, as those of the mount that is there from the start do when the server is ready.
func (b bao) ready(config string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	for {
		status, answer := b.try(ctx, http.MethodGet, config, nil)
		if status == http.StatusOK {
			return
		}
		if ctx.Err() != nil {
			b.t.Fatalf("GET %s: status %d, %v", config, status, answer)
		}
	}
}

// role makes an AppRole with one policy in a namespace, and is the environment to log in with it.
func (b bao) role(namespace, policy string) []string {
	b.t.Helper()
	b.do(http.MethodPost, namespace+"/sys/auth/approle", map[string]any{"type": "approle"})
	b.do(http.MethodPost, namespace+"/sys/policies/acl/gateway", map[string]any{"policy": policy})
	b.do(http.MethodPost, namespace+"/auth/approle/role/gateway", map[string]any{"token_policies": "gateway"})
	id := at(b.do(http.MethodGet, namespace+"/auth/approle/role/gateway/role-id", nil), "data", "role_id")
	secret := at(b.do(http.MethodPost, namespace+"/auth/approle/role/gateway/secret-id", nil), "data", "secret_id")
	return []string{"HCP_VAULT_ADDR=" + b.url, "HCP_VAULT_APPROLE_ROLE_ID=" + id, "HCP_VAULT_APPROLE_SECRET_ID=" + secret}
}

const inVault = "  key_management_system: hashicorp_vault\n"

func TestVault(t *testing.T) {
	b, u := startBao(t), startUpstream(t)
	b.do(http.MethodPost, "/v1/secret/data/PROVIDER_KEY", map[string]any{"data": map[string]any{"key": providerKey}})
	b.do(http.MethodPost, "/v1/secret/data/GATEWAY_KEY", map[string]any{"data": map[string]any{"GATEWAY_KEY": masterKey}})
	b.do(http.MethodPost, "/v1/secret/data/team/all", map[string]any{"data": map[string]any{"GATEWAY_KEY": masterKey, "PROVIDER_KEY": providerKey}})
	token := []string{"HCP_VAULT_ADDR=" + b.url, "HCP_VAULT_TOKEN=root"}

	t.Run("a token", func(t *testing.T) { works(t, serve(t, configuration(u, inVault), token...), u) })
	t.Run("members of one secret", func(t *testing.T) {
		text := configuration(u, inVault+"  key_management_settings: {primary_secret_name: all}\n")
		works(t, serve(t, text, append(token, "HCP_VAULT_PATH_PREFIX=team")...), u)
	})
	t.Run("an AppRole with few permissions", func(t *testing.T) {
		role := b.role("/v1", `path "secret/data/GATEWAY_KEY" { capabilities = ["read"] }`)
		out, good := check(t, configuration(u, inVault), role...)
		if good || !strings.Contains(out, `model_list[0].litellm_params.api_key: cannot read the secret "secret/data/PROVIDER_KEY"`) || !strings.Contains(out, `path "secret/data/PROVIDER_KEY" { capabilities = ["read"] }`) || strings.Contains(out, "general_settings.master_key") {
			t.Fatal(out)
		}
		line := out[strings.LastIndex(out, `path "secret/data/PROVIDER_KEY"`):] // the advice is what helps
		line, _, _ = strings.Cut(line, "\n")
		b.do(http.MethodPost, "/v1/sys/policies/acl/gateway", map[string]any{"policy": `path "secret/data/GATEWAY_KEY" { capabilities = ["read"] }` + "\n" + line})
		works(t, serve(t, configuration(u, inVault), role...), u)
	})
	t.Run("a namespace and a mount", func(t *testing.T) {
		b.do(http.MethodPost, "/v1/sys/namespaces/team", nil)
		b.do(http.MethodPost, "/v1/team/sys/mounts/kv", map[string]any{"type": "kv", "options": map[string]any{"version": "2"}})
		b.ready("/v1/team/kv/config")
		b.do(http.MethodPost, "/v1/team/kv/data/gateway/PROVIDER_KEY", map[string]any{"data": map[string]any{"key": providerKey}})
		b.do(http.MethodPost, "/v1/team/kv/data/gateway/GATEWAY_KEY", map[string]any{"data": map[string]any{"key": masterKey}})
		role := append(b.role("/v1/team", `path "kv/data/gateway/*" { capabilities = ["read"] }`), "HCP_VAULT_NAMESPACE=team", "HCP_VAULT_MOUNT_NAME=kv", "HCP_VAULT_PATH_PREFIX=gateway")
		works(t, serve(t, configuration(u, inVault), role...), u)
		out, good := check(t, configuration(u, inVault), append(role, "HCP_VAULT_MOUNT_NAME=other")...)
		if good || !strings.Contains(out, `Allow it in a policy`) || !strings.Contains(out, `in namespace "team"`) {
			t.Error(out)
		}
	})
	for name, test := range map[string]struct{ environ, want []string }{
		"a wrong token":      {[]string{"HCP_VAULT_TOKEN=wrong"}, []string{"does not accept the token of HCP_VAULT_TOKEN"}},
		"a wrong AppRole":    {[]string{"HCP_VAULT_APPROLE_ROLE_ID=a", "HCP_VAULT_APPROLE_SECRET_ID=b"}, []string{"does not accept the AppRole of HCP_VAULT_APPROLE_ROLE_ID"}},
		"no store":           {[]string{"HCP_VAULT_TOKEN=root", "HCP_VAULT_MOUNT_NAME=nothing"}, []string{`has nothing at "nothing"`, "HCP_VAULT_MOUNT_NAME"}},
		"nobody answers":     {[]string{"HCP_VAULT_TOKEN=root", "HCP_VAULT_ADDR=http://127.0.0.1:1"}, []string{"Vault at http://127.0.0.1:1 cannot be reached"}},
		"without any of all": {nil, []string{"there are no credentials for Vault", "HCP_VAULT_TOKEN"}},
	} {
		t.Run(name, func(t *testing.T) {
			out, good := check(t, configuration(u, inVault), slices.Concat([]string{"HCP_VAULT_ADDR=" + b.url}, test.environ)...)
			if good || strings.Count(out, "error:") != 1 {
				t.Error(out)
			}
			for _, want := range test.want {
				if !strings.Contains(out, want) {
					t.Errorf("%s has no %q", out, want)
				}
			}
		})
	}
}

func TestKeysInVault(t *testing.T) {
	b, u := startBao(t), startUpstream(t)
	environ := b.role("/v1", `
path "secret/data/PROVIDER_KEY" { capabilities = ["read"] }
path "secret/data/GATEWAY_KEY" { capabilities = ["read"] }
path "secret/data/litellm/*" { capabilities = ["create", "read", "update", "delete"] }`)
	b.do(http.MethodPost, "/v1/secret/data/PROVIDER_KEY", map[string]any{"data": map[string]any{"key": providerKey}})
	b.do(http.MethodPost, "/v1/secret/data/GATEWAY_KEY", map[string]any{"data": map[string]any{"key": masterKey}})
	g := serve(t, configuration(u, inVault+"  key_management_settings: {store_virtual_keys: true, access_mode: read_and_write, hosted_keys: [PROVIDER_KEY, GATEWAY_KEY]}\n"), environ...)
	keysAreKept(t, g, "two", func(name string) string {
		_, answer := b.try(t.Context(), http.MethodGet, "/v1/secret/data/litellm/"+name, nil)
		return at(answer, "data", "data", "key")
	})
}

func TestFiles(t *testing.T) {
	u := startUpstream(t)
	files := t.TempDir()
	write(t, files+"/master", masterKey+"\n")
	write(t, files+"/provider", providerKey)
	text := strings.NewReplacer("os.environ/PROVIDER_KEY", "os.file/"+files+"/provider", "os.environ/GATEWAY_KEY", "os.file/"+files+"/master").Replace(configuration(u, ""))
	works(t, serve(t, text), u)
	out, good := check(t, strings.ReplaceAll(text, "/provider", "/nothing"))
	if good || !strings.Contains(out, `model_list[0].litellm_params.api_key: cannot read "`+files+`/nothing": no such file or directory`) {
		t.Error(out)
	}
}
