package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	emulator "outcrop/emulator/bedrock"
)

// comparedModels are the configured models of the comparison, all by Converse. Of
// each there is another that drops what cannot be kept.
func comparedModels() map[string]string {
	return map[string]string{
		"claude": "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-old": "us.anthropic.claude-3-7-sonnet-20250219-v1:0", "claude-new": "us.anthropic.claude-opus-4-8",
		"claude-46": "us.anthropic.claude-sonnet-4-6", "claude-55": "us.anthropic.claude-sonnet-5-5",
		"nova": "us.amazon.nova-pro-v1:0", "nova-2": "us.amazon.nova-2-lite-v1:0", "llama": "us.meta.llama3-3-70b-instruct-v1:0",
		"mistral": "mistral.mistral-large-3-675b-instruct", "mistral-old": "mistral.mistral-large-2407-v1:0", "voxtral": "mistral.voxtral-small-24b-2507",
		"gpt-oss": "openai.gpt-oss-120b-1:0", "gpt-5": "us.openai.gpt-5.5", "qwen": "qwen.qwen3-32b-v1:0", "deepseek": "us.deepseek.r1-v1:0", "deepseek-v3": "deepseek.v3-v1:0",
		"kimi": "moonshotai.kimi-k2.5", "glm": "zai.glm-4.7", "command-r": "cohere.command-r-plus-v1:0", "jamba": "ai21.jamba-1-5-large-v1:0", "palmyra": "us.writer.palmyra-x5-v1:0",
	}
}

// reachedModels are those of the comparison whose settings say how they are reached.
func reachedModels() map[string]string {
	const own = "aws_access_key_id: AKIAGATEWAY, aws_secret_access_key: secret"
	return map[string]string{
		"bearer":  `aws_region_name: us-east-1, api_key: "bedrock-api-key-of-the-gateway"`,
		"session": "aws_region_name: us-east-1, aws_session_token: token, " + own,
		"role":    "aws_region_name: us-east-1, aws_role_name: arn:aws:iam::111122223333:role/quarry, aws_session_name: gateway, aws_external_id: stone, " + own,
		"west":    "aws_region_name: us-west-2, " + own,
		"guest": `aws_region_name: us-east-1, configurable_clientside_auth_params: [api_key, aws_access_key_id, aws_secret_access_key, aws_session_token, aws_region_name,
        aws_role_name, aws_session_name, aws_external_id, aws_bedrock_runtime_endpoint, {api_base: "http://127.0.0.1:.*"}], ` + own,
	}
}

func comparedConfig(upstream string) string {
	var b strings.Builder
	b.WriteString("model_list:\n")
	add := func(name, id, settings string) {
		fmt.Fprintf(&b, "  - model_name: %s\n    litellm_params: {model: \"bedrock/converse/%s\", aws_bedrock_runtime_endpoint: %q, %s}\n", name, id, upstream, settings)
	}
	for _, name := range slices.Sorted(maps.Keys(comparedModels())) {
		id := comparedModels()[name]
		key := "aws_region_name: us-east-1, aws_access_key_id: " + emulator.DemoAccessKeyID + ", aws_secret_access_key: " + string(emulator.DemoSecretAccessKey)
		add(name, id, key)
		add(name+"-drop", id, key+", drop_params: true")
	}
	for _, name := range slices.Sorted(maps.Keys(reachedModels())) {
		add(name, comparedModels()["claude"], reachedModels()[name])
	}
	b.WriteString("router_settings: {num_retries: 0, disable_cooldowns: true}\nlitellm_settings: {num_retries: 0, user_url_allowed_hosts: [\"127.0.0.1\"]}\ngeneral_settings: {master_key: " + masterKey + "}\n")
	return b.String()
}
