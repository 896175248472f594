package e2e

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"outcrop/emulator/bedrock/catalogue"
)

// tallied counts rows.
type tallied struct {
	rows, callable   int // all, and those whose model is there
	litellm, outcrop int // of the callable, those that reach their model
	// Bare ids of models that only profiles lead to, and those of them that reach
	// their model.
	bare, litellmBare, outcropBare int
}

func tally(rows []modelRow, models *catalogue.Catalogue) tallied {
	n := tallied{rows: len(rows)}
	one := map[bool]int{true: 1}
	for _, r := range rows {
		if r.base == "" {
			continue
		}
		litellm, outcrop := one[r.litellm.reached(r.base)], one[r.outcrop.reached(r.base)]
		n.callable++
		n.litellm += litellm
		n.outcrop += outcrop
		if m := models.Model(r.model); m != nil && r.id == "" && !m.OnDemand(r.region) {
			n.bare++
			n.litellmBare += litellm
			n.outcropBare += outcrop
		}
	}
	return n
}

const pageHead = `# Which model ids reach a model

The same %d deployments, in one and the same plain ` + "`config.yaml`" + `, run by LiteLLM %s (the proxy from PyPI, with the price
table that it came with) and by Outcrop; each gets the same ` + "`POST /v1/chat/completions`" + `, whole and streamed. Behind both stands
the [emulator](emulator.md), which has AWS's models, inference profiles and regions (those of some makers approximately),
verifies signatures and refuses in AWS's words. LiteLLM chooses InvokeModel or Bedrock's chat completions for some ids, which the emulator does not have: the
test answers these itself, takes and refuses ids there as Converse does, and verifies no signature. An id reaches its model if
that model was called and both answers came whole.

The ids are chosen to tell the ways of naming a model apart, not by how often they are used, so the totals are no statistic.
GPT's profile ids are left out: LiteLLM calls them by an API that neither the emulator nor the test has.

` + "```yaml" + `
model_list:
  - model_name: row-01
    litellm_params:
      model: bedrock/anthropic.claude-3-7-sonnet-20250219-v1:0    # the column id below, with bedrock/ in front
      aws_region_name: us-east-1                                  # the column region; left out where that is empty
      aws_access_key_id: ...
      aws_secret_access_key: ...
      aws_bedrock_runtime_endpoint: http://...                    # the emulator, as AWS_ENDPOINT_URL_BEDROCK in the environment
router_settings: {disable_cooldowns: true}                        # no row has to do with another
` + "```" + `

| | LiteLLM | Outcrop |
| --- | --- | --- |
| ids that have a model behind them: %d | %d reach it | %d reach it |
| of these, bare ids of models that only profiles lead to: %d | %d reach it | %d reach it |
| ids that have none: %d | refused | refused, and what is near is named |

What Outcrop called, and why, is from ` + "`x-outcrop-target`" + ` and ` + "`x-outcrop-reason`" + ` of its answers, and what was called is
compared with what the emulator got. This page is written by a test and held by it: ` + "`make setup`" + `, then
` + "`go test ./e2e -run TestModelIDs -update`" + `.
`

// page is docs/model-ids.md.
func page(t *testing.T, rows []modelRow, n tallied) []byte {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, pageHead, n.rows, litellmPin.version(t), n.callable, n.litellm, n.outcrop, n.bare, n.litellmBare, n.outcropBare, n.rows-n.callable)
	for _, r := range rows {
		if r.section != "" {
			fmt.Fprintf(&b, "\n## %s\n\n", r.section)
			if text := explanation(r.section); text != "" {
				b.WriteString(text + "\n\n")
			}
			b.WriteString("| id | region | LiteLLM | Outcrop |\n| --- | --- | --- | --- |\n")
		}
		id := "`" + r.model + "`"
		if r.id != "" {
			id += " with `model_id: " + r.id + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", id, r.region, r.cell(r.litellm), r.cell(r.outcrop))
	}
	return []byte(b.String())
}

// explanation is a word under a heading.
func explanation(section string) string {
	switch section {
	case launchSection:
		return "The emulator launches it after both gateways have started, with profiles us. and global.; then `POST /catalog/refresh` has\n" +
			"Outcrop read AWS's lists, which it does by itself every 15 minutes, and when AWS refuses an id."
	case refusedSection:
		return "Nothing in AWS answers to these from there, so both must refuse. Under the policy that holds by default an id with a\n" +
			"geography is called as it is written."
	default:
		return ""
	}
}

// cell says what came of the calls: of the streamed one only if it is another.
func (r *modelRow) cell(o outcome) string {
	whole, streamed := r.say(o[0]), r.say(o[1])
	if whole == streamed {
		return whole
	}
	return whole + "; streamed: " + streamed
}

// say says what came of a call.
func (r *modelRow) say(a attempt) string {
	if !a.answered {
		return fmt.Sprintf("**%d** %s", a.status, strings.ReplaceAll(r.brief(a.failure), "|", "\\|"))
	}
	words := "answers"
	if written := r.written(); a.served != written {
		words += " as `" + a.served + "`"
	}
	if reason := a.header.Get("X-Outcrop-Reason"); reason != "" {
		words += ": " + reason
	}
	return words
}

// written is the id that the row names, without LiteLLM's prefixes.
func (r *modelRow) written() string {
	if r.id != "" {
		return r.id
	}
	if i := strings.Index(r.model, "arn:"); i >= 0 {
		return r.model[i:]
	}
	return r.model[strings.LastIndex(r.model, "/")+1:]
}

// awsMessage is an error of AWS's as LiteLLM quotes it.
var awsMessage = regexp.MustCompile(`\{"message":"([^"]*)"\}`)

// brief is the part of an error that tells it from others: of AWS's words the
// first sentence.
func (r *modelRow) brief(message string) string {
	message, _, _ = strings.Cut(message, "\n")
	if aws := awsMessage.FindStringSubmatch(message); aws != nil {
		message, _, _ = strings.Cut(aws[1], ". ")
	}
	message = strings.TrimPrefix(message, "litellm.NotFoundError: BedrockException - ")
	message = strings.ReplaceAll(message, "Invocation of model ID "+r.written()+" with", "Invocation … with")
	return message
}
