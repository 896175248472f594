package e2e

import emulator "outcrop/emulator/bedrock"

// Ids in several rows.
const (
	sonnet37Base = "anthropic.claude-3-7-sonnet-20250219-v1:0"
	sonnet45Base = "anthropic.claude-sonnet-4-5-20250929-v1:0"
	haiku45Base  = "anthropic.claude-haiku-4-5-20251001-v1:0"
	deepSeekR1   = "deepseek.r1-v1:0"
	novaLite     = "amazon.nova-lite-v1:0"
	novaPro      = "amazon.nova-pro-v1:0"
	sonnet5      = "anthropic.claude-sonnet-5"
	fable52      = "anthropic.claude-fable-5-2"
	grok         = "xai.grok-4.6"
	rocketBase   = "acme.rocket-v9:0"

	accountARN     = "arn:aws:bedrock:us-east-1:" + emulator.DemoAccount
	applicationARN = accountARN + ":application-inference-profile/"
	provisionedARN = accountARN + ":provisioned-model/"
	profileARN     = accountARN + ":inference-profile/us." + sonnet45Base
	foundationARN  = "arn:aws:bedrock:us-east-1::foundation-model/" + novaLite
)

// Sections of the page that have an explanation.
const (
	launchSection  = "A model that no release knows"
	refusedSection = "What is not there"
)

// applicationIDs are application inference profiles of sonnet45Base, and provisionedIDs
// provisioned throughputs of novaLite: one per row, since LiteLLM reuses in one row
// what it learned about an ARN in another.
func applicationIDs() []string { return []string{"granite1rock", "granite2rock", "granite3rock"} }
func provisionedIDs() []string { return []string{"basalt1stone", "basalt2stone", "basalt3stone"} }

// launchedModel is a model that AWS launches while the gateways run.
const launchedModel = `{"models":[{"id":"` + rocketBase + `","name":"Rocket 9","provider":"Acme","family":"open",
	"input":["TEXT"],"output":["TEXT"],"context":200000,"maxOutput":8192,"start":"2026-11-22",
	"profiles":{"us":{"from":"us-3"},"global":{"from":"commercial","to":"commercial"}}}]}`

// modelRows are the ids to call, in the sections of the page.
func modelRows() []modelRow {
	rows := []modelRow{
		{section: "As configurations have them", model: sonnet37Base, region: "us-east-1", base: sonnet37Base},
		{model: "us." + sonnet37Base, region: "us-east-1", base: sonnet37Base},
		{model: "converse/" + sonnet37Base, region: "us-east-1", base: sonnet37Base},
		{model: "converse/us." + sonnet37Base, region: "us-east-1", base: sonnet37Base},
		{model: "invoke/" + sonnet37Base, region: "us-east-1", base: sonnet37Base},
		{model: "invoke/us." + sonnet37Base, region: "us-east-1", base: sonnet37Base},
		{model: sonnet37Base, region: "eu-west-1", base: sonnet37Base},
		{model: sonnet37Base, region: "ap-northeast-1", base: sonnet37Base},
		{model: deepSeekR1, region: "us-west-2", base: deepSeekR1},
		{model: "us." + deepSeekR1, region: "us-west-2", base: deepSeekR1},
		{model: "converse/" + deepSeekR1, region: "us-west-2", base: deepSeekR1},

		{section: "Ids of inference profiles", model: "us." + sonnet45Base, region: "us-east-1", base: sonnet45Base},
		{model: "global." + sonnet45Base, region: "sa-east-1", base: sonnet45Base},
		{model: "eu." + haiku45Base, region: "eu-central-1", base: haiku45Base},
		{model: "in." + sonnet5, region: "ap-south-1", base: sonnet5},
		{model: "jp.anthropic.claude-opus-4-8", region: "ap-northeast-1", base: "anthropic.claude-opus-4-8"},
		{model: "us." + fable52, region: "us-east-1", base: fable52},
		{model: "ca." + novaLite, region: "ca-central-1", base: novaLite},
		{model: "us." + grok, region: "us-east-1", base: grok},
		{model: "us.meta.llama4-maverick-17b-instruct-v1:0", region: "us-east-1", base: "meta.llama4-maverick-17b-instruct-v1:0"},

		{section: "Names without a maker", model: "claude-sonnet-4-5", region: "us-east-1", base: sonnet45Base},
		{model: "claude-sonnet-4-5", region: "eu-central-1", base: sonnet45Base},
		{model: "deepseek-r1", region: "us-east-1", base: deepSeekR1},
		{model: "nova-pro", region: "us-east-1", base: novaPro},
		{model: "nova-pro", region: "eu-central-1", base: novaPro},

		{section: "The region in the path", model: "eu-central-1/" + sonnet45Base, base: sonnet45Base},
		{model: "us-west-2/" + novaLite, base: novaLite},
		{model: "eu-west-2/" + novaLite, base: novaLite},

		{section: "ARNs", model: profileARN, region: "us-east-1", base: sonnet45Base},
		{model: foundationARN, region: "us-east-1", base: novaLite},
		{model: applicationARN + applicationIDs()[0], region: "us-east-1", base: sonnet45Base},
		{model: "converse/" + applicationARN + applicationIDs()[1], region: "us-east-1", base: sonnet45Base},
		{model: "us." + sonnet45Base, id: applicationARN + applicationIDs()[2], region: "us-east-1", base: sonnet45Base},
		{model: provisionedARN + provisionedIDs()[0], region: "us-east-1", base: novaLite},
		{model: "converse/" + provisionedARN + provisionedIDs()[1], region: "us-east-1", base: novaLite},
		{model: novaLite, id: provisionedARN + provisionedIDs()[2], region: "us-east-1", base: novaLite},

		{section: launchSection, model: rocketBase, region: "us-east-1", base: rocketBase},
		{model: rocketBase, region: "eu-central-1", base: rocketBase},
		{model: "us." + rocketBase, region: "us-east-1", base: rocketBase},
		{model: "converse/" + rocketBase, region: "us-east-1", base: rocketBase},
		{model: "converse/us." + rocketBase, region: "us-east-1", base: rocketBase},
	}
	section := "Bare ids of models"
	for _, bare := range [][]string{
		{sonnet45Base, "us-east-1", "eu-central-1", "ap-northeast-1", "ap-southeast-2", "sa-east-1", "us-gov-west-1"},
		{haiku45Base, "ca-central-1", "eu-west-3", "ap-south-1", "me-central-1"},
		{"anthropic.claude-3-haiku-20240307-v1:0", "us-east-1"},
		{"anthropic.claude-3-5-sonnet-20241022-v2:0", "us-east-1", "us-west-2"},
		{"anthropic.claude-sonnet-4-20250514-v1:0", "ap-southeast-1"},
		{"anthropic.claude-opus-4-1-20250805-v1:0", "us-east-2"},
		{"anthropic.claude-opus-4-8", "sa-east-1"},
		{sonnet5, "ap-south-1"},
		{"anthropic.claude-opus-5", "us-east-1", "ap-southeast-2"},
		{"anthropic.claude-sonnet-5-5", "us-east-1", "ap-northeast-1"},
		{"anthropic.claude-haiku-5-5", "eu-central-1"},
		{"anthropic.claude-fable-5", "us-east-1", "eu-central-1", "ap-northeast-1"},
		{fable52, "us-east-1", "eu-central-1"},
		{"amazon.nova-micro-v1:0", "us-east-1", "eu-central-1"},
		{novaLite, "us-east-1", "us-west-2", "eu-central-1", "ca-central-1", "ap-south-1"},
		{novaPro, "us-east-2", "ap-northeast-2"},
		{"amazon.nova-premier-v1:0", "us-east-1"},
		{"amazon.nova-2-lite-v1:0", "us-east-1", "ap-northeast-1", "sa-east-1"},
		{"meta.llama3-70b-instruct-v1:0", "us-east-1"},
		{"meta.llama3-1-70b-instruct-v1:0", "us-east-1", "us-west-2"},
		{"meta.llama3-3-70b-instruct-v1:0", "us-east-1"},
		{"meta.llama4-maverick-17b-instruct-v1:0", "us-east-1"},
		{"meta.llama4-scout-17b-instruct-v1:0", "us-west-2"},
		{"mistral.mistral-7b-instruct-v0:2", "us-east-1"},
		{"mistral.mistral-large-2402-v1:0", "us-east-1"},
		{"mistral.mistral-large-3-675b-instruct", "us-west-2"},
		{"mistral.pixtral-large-2502-v1:0", "us-east-1", "eu-west-1"},
		{"openai.gpt-oss-120b-1:0", "us-west-2", "us-gov-west-1"},
		{"openai.gpt-6-sol", "us-east-1", "eu-central-1"},
		{"qwen.qwen3-coder-480b-a35b-v1:0", "us-west-2"},
		{"moonshotai.kimi-k2.5", "us-east-1"},
		{"zai.glm-5", "us-east-1"},
		{grok, "us-east-1"},
		{"writer.palmyra-x5-v1:0", "us-west-2"},
		{"minimax.minimax-m2.1", "eu-west-1"},
	} {
		for _, region := range bare[1:] {
			rows = append(rows, modelRow{section: section, model: bare[0], region: region, base: bare[0]})
			section = ""
		}
	}
	return append(rows,
		modelRow{section: refusedSection, model: "eu." + sonnet37Base, region: "us-east-1", near: []string{"us." + sonnet37Base}},
		modelRow{model: "eu." + deepSeekR1, region: "us-west-2", near: []string{"us." + deepSeekR1}},
		modelRow{model: deepSeekR1, region: "eu-central-1", near: []string{"us." + deepSeekR1}},
		modelRow{model: "anthropic.claude-sonnet-4-5-20250930-v1:0", region: "us-east-1", near: []string{"claude-sonnet-4-5"}},
		modelRow{model: "us.amazon.nova-light-v1:0", region: "us-east-1", near: []string{"nova-lite"}},
		modelRow{model: "claude-sonet-4-5", region: "us-east-1", near: []string{"claude-sonnet-4-5"}},
	)
}
