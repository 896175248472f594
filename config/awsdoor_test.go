package config

import (
	"testing"
)

func TestAccessKeys(t *testing.T) {
	cfg, problems := Load(source("c.yaml", `
model_list: [{model_name: a, litellm_params: {model: bedrock/a}}]
general_settings: {ssl_certfile_path: cert.pem, ssl_keyfile_path: key.pem}
environment_variables: {SECRET: swordfish}
outcrop_settings: {aws_door: {access_keys: [{access_key_id: AKIDGATEWAY, secret_access_key: os.environ/SECRET}, {access_key_id: team-b, secret_access_key: "1234"}]}}
`))
	if cfg == nil {
		t.Fatal(problems)
	}
	if k := cfg.AccessKeys; len(k) != 2 || k[0].ID != "AKIDGATEWAY" || k[0].Secret.Reveal() != "swordfish" || k[1].ID != "team-b" || k[1].Secret.Reveal() != "1234" {
		t.Errorf("read %d keys", len(k))
	}
	if g := cfg.General; g.CertFile != "cert.pem" || g.KeyFile != "key.pem" {
		t.Errorf("the certificate is %q with %q", g.CertFile, g.KeyFile)
	}
}

func TestWrongAccessKeys(t *testing.T) {
	const model = "model_list: [{model_name: a, litellm_params: {model: bedrock/a}}]\n"
	for _, c := range []struct{ data, want string }{
		{"outcrop_settings: {aws_door: {access_keys: [{access_key_id: AKID}]}}", "c.yaml:2:45: error: outcrop_settings.aws_door.access_keys[0]: secret_access_key is missing\n"},
		{"outcrop_settings: {aws_door: {access_keys: [{secret_access_key: swordfish}]}}", "c.yaml:2:45: error: outcrop_settings.aws_door.access_keys[0]: access_key_id is missing\n"},
		{"outcrop_settings: {aws_door: {access_keys: [{access_key_id: a/b, secret_access_key: swordfish}]}}", `c.yaml:2:61: error: outcrop_settings.aws_door.access_keys[0].access_key_id: "a/b" is not an access key id; accepted: 3 to 128 letters, digits, hyphens and underscores` + "\n"},
		{"outcrop_settings: {aws_door: {access_keys: [{access_key_id: AKID, secret_access_key: \"\"}]}}", "c.yaml:2:86: error: outcrop_settings.aws_door.access_keys[0].secret_access_key: must not be empty; hint: generate one: openssl rand -hex 32\n"},
		{"outcrop_settings: {aws_door: {access_keys: [{access_key_id: AKID, secret_access_key: a}, {access_key_id: AKID, secret_access_key: b}]}}", `c.yaml:2:106: error: outcrop_settings.aws_door.access_keys[1].access_key_id: "AKID" is already the id of another access key; accepted: a unique id` + "\n"},
		{"outcrop_settings: {aws_door: {access_keys: [AKID]}}", "c.yaml:2:45: error: outcrop_settings.aws_door.access_keys[0]: must be a mapping, not a value\n"},
		{"outcrop_settings: {aws_door: {access_keys: [null]}}", "c.yaml:2:45: error: outcrop_settings.aws_door.access_keys[0]: must be a mapping, not nothing; accepted: access_key_id and secret_access_key\n"},
		{"general_settings: {ssl_certfile_path: cert.pem}", "c.yaml:2:39: error: general_settings.ssl_certfile_path: ssl_keyfile_path is missing; accepted: both, or neither\n"},
		{"general_settings: {ssl_keyfile_path: key.pem}", "c.yaml:2:38: error: general_settings.ssl_keyfile_path: ssl_certfile_path is missing; accepted: both, or neither\n"},
	} {
		if _, problems := Load(source("c.yaml", model+c.data)); lines(problems) != c.want {
			t.Errorf("%s\ngot  %swant %s", c.data, lines(problems), c.want)
		}
	}
}
