package e2e

// surprises is the section of docs/litellm-differences.md on what LiteLLM does that its users do not expect. What it says of LiteLLM was
// seen of 1.110.2; what it says of Outcrop is on the pages that it links to, which have their tests.
const surprises = `
## What surprises users of LiteLLM

What LiteLLM 1.110.2 does that is easily missed, and whether Outcrop does the same.

| | LiteLLM | Outcrop |
| --- | --- | --- |
| no master key | does not start | starts, and serves [your own machine only](security.md) |
| a weak master key | does not start | a warning; with ` + "`--host`" + ` for other machines it does not start |
| a text in place of a list of fallbacks | does not start, since 1.108.1; earlier, the fallback was never used | the same: an error with line and column that says how to write it |
| prices at the start | asks raw.githubusercontent.com three times, then takes its own copy | the catalogue is built in; [` + "`outcrop catalog refresh`" + `](providers.md#prices-and-limits) fetches a newer one when you say so |
| Claude on Bedrock | by InvokeModel on ` + "`/v1/messages`" + `, by Converse elsewhere, so that permissions and betas differ by endpoint | the same, because the body can go through unchanged; ` + "`converse/`" + ` and ` + "`invoke/`" + ` [decide otherwise](messages.md) |
| what a model cannot do, such as server tools on Nova | some vanish without a word | [a warning or a 400](requests.md) names each |
| ` + "`previous_response_id`" + ` | without a setting the history is missing in silence, also for an id that nobody made; with it, history goes by session | [the history of that response](responses.md); 404 for an id that is not there |
| ` + "`GET`, `DELETE` and `input_items`" + ` of a response on Bedrock | 500 | [work](responses.md) |
| ` + "`encoding_format: base64`" + ` of embeddings on Bedrock | a list of numbers, or a 400 | [base64](embeddings.md), which OpenAI's SDKs ask for by default |
| a list of tokens as input of embeddings | a call for each token, or a 500 | [decoded](embeddings.md#token-lists), with a warning |
| a budget that is spent | 422; ` + "`budget_exceeded_status_code`" + ` changes it | the same |
| a budget and 50 calls at once | overrun by 20 to 70 %, or calls refused while money is left | [exact](keys.md#budgets-of-all-customers-and-of-tags): calls reserve no more than what is left |
| ` + "`tpm_limit`" + ` and 50 calls at once | up to five times the limit | [reserved before the call](limits.md) as budgets are |
| a deployment without another of its name, that fails | is asked by every call, unless it answers 404: then all calls are refused for 5 seconds | is [left alone](routing.md) while there is a fallback that is well, and asked by every call otherwise: no call is refused because of a guess |
| two deployments, both cooled | all calls are refused with 429 | the one whose cooldown ends first is called |
| a stream that breaks off | an error event, and ` + "`[DONE]`" + ` since 1.109.3 | [an error event and no ` + "`[DONE]`" + `](requests.md), so that no client takes it for complete |
| credentials in the database | XSalsa20-Poly1305 or AES-256-GCM, value by value; the salt key, else the master key | [both are read](migrate-litellm.md), and kept |
| keys after regeneration, budgets by ` + "`budget_id`" + `, aliases of teams | tables of their own | [taken over](migrate-litellm.md) |
| ` + "`/metrics`" + ` | 401 without a key | [the same](monitoring.md); ` + "`require_auth_for_metrics_endpoint: false`" + ` opens it |
`
