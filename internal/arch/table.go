package arch

// Outcrop is the table of this repository, lowest level first.
func Outcrop() Table {
	return Table{Rules: rules(), Dependencies: dependencies(), Bans: bans()}
}

// Levels, lowest first.
const (
	leaf        = iota // helpers that know no other package
	language           // the common language
	dialect            // wire formats, and facts as data
	contract           // what providers guarantee, and records
	component          // the parts of a provider or of the emulator
	vendor             // providers, and the emulator
	list               // the list of providers
	stage              // parts of the pipeline
	pipeline           // the pipeline, the configuration
	library            // the pipeline without HTTP, wired
	frontend           // frontends, one dialect each
	server             // all frontends together
	application        // the server as an object
	command            // the command line
	program            // main packages and benchmarks
	outsider           // black-box tests
)

func rules() []Rule {
	common := []string{"internal/jsonx", "internal/lazyregexp", "llm"}
	with := func(paths ...string) []string { return append(paths, common...) }
	return []Rule{
		{Path: "internal/postgres", Level: leaf, May: []string{"internal/need", "internal/port", "internal/process"}, Why: "a server of tests is a child process that listens on a port that nobody else gets"},
		{Path: "internal/valkey", Level: leaf, May: []string{"internal/need", "internal/port", "internal/process"}, Why: "a server of tests is a child process that listens on a port that nobody else gets"},
		{Path: "internal/scim", Level: leaf, May: []string{"internal/jsonx"}, Why: "what SCIM says of any resource knows neither users nor groups, and is JSON"},
		{Path: "internal/*", Level: leaf, Why: "internal helpers know no other package, so that all packages can use them"},

		{Path: "llm", Level: language, May: []string{"internal/base64", "internal/jsonx"}, Why: "the common language is below everything and does no I/O"},

		{Path: "wire/eventstream", Level: leaf, Why: "framing knows no dialect"},
		{Path: "wire/sse", Level: leaf, Why: "framing knows no dialect"},
		{Path: "wire/awserror", Level: language, May: []string{"internal/jsonx", "wire/eventstream"}, Why: "AWS's errors have one form in all of its APIs, whatever the dialect of the content"},
		{
			Path: "wire/*", Level: dialect, May: with("wire/awserror", "wire/eventstream", "internal/base64", "internal/httpfield", "internal/levenshtein"), Beside: []string{"wire/litellm", "wire/mediatype", "wire/openaipart"},
			Why: "dialects meet only in llm, and share what LiteLLM adds to each of them; frontends, providers and the emulator are above them",
		},
		{Path: "wire/openaipart", Level: dialect, May: []string{"internal/jsonx", "llm"}, Why: "OpenAI's two APIs for texts have schemas, documents and arguments in common"},
		{Path: "wire/mediatype", Level: dialect, May: []string{"llm"}, Why: "what a file is follows from its name and type, whatever the dialect that carries it"},
		{Path: "wire/litellm", Level: dialect, May: with("internal/httpfield"), Why: "what LiteLLM adds to every dialect depends on none of them"},

		{Path: "catalog/schema", Level: language, May: []string{"internal/jsonx"}, Why: "the readers and writers of the data files share their form, which knows neither"},
		{Path: "catalog", Level: dialect, May: with("catalog/schema"), Why: "what is known of models is data for all others, and knows no provider"},
		{Path: "catalog/tables", Level: component, May: with("catalog", "catalog/schema", "upstream", "wire/litellm"), Why: "the reader of public tables writes the catalogue's files, and takes no part in calls; the names of LiteLLM's prices are those of its configuration"},

		{Path: "upstream", Level: language, May: []string{"internal/httpfield", "internal/netguard", "internal/socket"}, Why: "the HTTP client knows neither dialects nor providers"},
		{Path: "provider/transport", Level: contract, May: []string{"internal/budget", "internal/httpfield", "llm", "upstream", "wire/sse"}, Beside: []string{"provider"}, Why: "what a call over HTTP has in common, whoever is called, knows no provider and no dialect, only the frames that most streams have"},
		{Path: "provider/modellist", Level: contract, May: common, Beside: []string{"provider"}, Why: "lists of models are kept and checked alike, whoever has them and in whatever form they are sent"},
		{Path: "provider/overrides", Level: contract, May: with("internal/netguard", "upstream"), Beside: []string{"provider"}, Why: "what clients may set, and where the gateway's identity may go, is judged in one place"},
		{Path: "provider/embedding", Level: contract, May: with("internal/cl100k"), Why: "how inputs become texts and calls is the same whoever embeds them; only clients of OpenAI's models send tokens"},
		{Path: "provider", Level: contract, May: with("catalog", "upstream"), Why: "the contract names no concrete provider and no dialect"},

		{Path: "provider/bedrock/modelid", Level: language, May: []string{"internal/levenshtein", "provider/bedrock/endpoint"}, Why: "the grammar of model ids is pure and needs no other component except the grammar of regions"},
		{Path: "provider/bedrock/endpoint", Level: leaf, May: []string{"internal/levenshtein"}, Why: "hosts and paths follow from region and partition alone"},
		{Path: "provider/bedrock/sign", Level: leaf, May: []string{"internal/second"}, Why: "signing is a function of request, credentials and time; the emulator shares it"},
		{Path: "provider/bedrock/catalog/schema", Level: dialect, May: with("catalog/schema"), Why: "the readers and writers of the data files share their format, which knows neither; prices and sources are as in the catalogue of all providers"},
		{
			Path: "provider/bedrock/catalog/refresh", Level: component, May: with("upstream", "catalog/schema", "provider/bedrock/catalog", "provider/bedrock/catalog/schema", "provider/bedrock/modelid", "provider/bedrock/endpoint"), Beside: []string{"catalog/tables"},
			Why: "the refresher writes the catalogue's data files and takes no part in calls",
		},
		{Path: "provider/bedrock/catalog", Level: contract, May: with("upstream", "internal/levenshtein", "provider/bedrock/catalog/schema", "provider/bedrock/modelid", "provider/bedrock/endpoint"), Why: "components do not import their provider, and the catalogue is data that others read"},
		{
			Path: "provider/bedrock/bill", Level: component, May: with("provider/bedrock/catalog"),
			Why: "reading AWS's bill needs to know the models' names, and nothing of calls",
		},
		{
			Path: "provider/bedrock/resolve", Level: component, May: with("provider/bedrock/modelid", "provider/bedrock/endpoint", "provider/bedrock/catalog"),
			Why: "resolving is pure: parsed id, region, policy and catalogue in, target out",
		},
		{
			Path: "provider/bedrock/iam", Level: component, May: with("internal/levenshtein", "provider/bedrock/modelid", "provider/bedrock/endpoint", "provider/bedrock/catalog"),
			Why: "policy documents are pure: what a call needs, and what a policy lacks",
		},
		{
			Path: "provider/bedrock/diagnose", Level: component, May: with("wire/converse", "upstream", "internal/levenshtein", "provider/bedrock/modelid", "provider/bedrock/catalog", "provider/transport"),
			Beside: []string{"provider/bedrock/iam"},
			Why:    "components import neither their provider nor, except pure ones, each other; a diagnosis includes the missing statement, which the pure package iam writes",
		},
		{
			Path: "provider/bedrock/embed", Level: component, May: with("wire/cohereembed", "provider/bedrock/catalog", "provider/embedding"),
			Why: "bodies and vectors are a function of request, model and response; Cohere's are the same wherever its models are hosted",
		},
		{Path: "provider/bedrock/image", Level: component, May: with("internal/alphamask", "provider/bedrock/catalog"), Why: "bodies and images are a function of request, model and response"},
		{Path: "provider/bedrock/openai", Level: component, May: with("wire/converse", "wire/openaichat", "provider/bedrock/modelid", "provider/bedrock/catalog"), Why: "where a model has OpenAI's API, and what bodies become there, are a function of catalogue and body"},
		{Path: "provider/bedrock/rerank", Level: component, May: with("provider/bedrock/catalog"), Why: "bodies and results are a function of request, model and response"},
		{
			Path: "provider/bedrock/*", Level: component, May: with("internal/httpfield", "wire/...", "upstream", "provider", "provider/bedrock/modelid", "provider/bedrock/endpoint", "provider/bedrock/sign", "provider/bedrock/catalog"),
			Why: "components import neither their provider nor, except pure ones, each other; the provider connects them",
		},
		{
			Path: "provider/bedrock", Level: vendor, May: with("internal/refcount", "internal/parallel", "internal/netguard", "wire/converse", "wire/eventstream", "wire/openaichat", "wire/openairesponses", "wire/sse", "upstream", "provider", "provider/bedrock/*", "provider/embedding", "provider/overrides", "provider/transport"),
			Why: "a provider knows its own components and dialects, but neither other providers nor its callers",
		},
		{
			Path: "provider/openaicompat", Level: component, May: with("catalog", "internal/parallel", "wire/openaichat", "wire/openaiapi", "wire/openairesponses", "wire/openaiembed", "wire/cohererank", "wire/sse", "upstream", "provider", "provider/modellist", "provider/overrides", "provider/transport"),
			Why: "it serves vendors that differ by data only, and providers that differ by address and credentials too import it",
		},
		{
			Path: "provider/azure", Level: vendor, May: with("internal/renew", "upstream", "provider", "provider/azure/entra", "provider/openaicompat"),
			Why: "Azure differs from other vendors of OpenAI's API by address and credentials only",
		},
		{Path: "provider/azure/entra", Level: component, May: []string{"internal/renew", "llm", "provider"}, Why: "tokens of Entra ID are the same for all of Azure's services, and no service is known there"},
		{
			Path: "provider/ollama", Level: vendor, May: with("wire/ollama", "provider", "provider/embedding", "provider/openaicompat"),
			Why: "Ollama differs from vendors of OpenAI's API by how its chats and embeddings are written; address, key, errors and lists are read by the same code",
		},
		{
			Path: "provider/cohere", Level: vendor, May: with("wire/coherechat", "wire/cohereembed", "wire/sse", "provider", "provider/embedding", "provider/openaicompat"),
			Why: "Cohere differs from vendors of OpenAI's API by how its chats and embeddings are written; address, key, errors and lists are read by the same code",
		},
		{
			Path: "provider/sagemaker", Level: vendor,
			May: with("internal/refcount", "wire/awserror", "wire/eventstream", "wire/openaichat", "wire/openaiembed", "wire/sse", "wire/textgen", "upstream", "provider", "provider/embedding", "provider/modellist", "provider/openaicompat", "provider/transport",
				"provider/bedrock/creds", "provider/bedrock/diagnose", "provider/bedrock/endpoint", "provider/bedrock/sign"),
			Why: "SageMaker differs from vendors of OpenAI's API by address, signature and frames; credentials, signatures, hosts and refusals of AWS are the same for all of its services, and nothing else of Bedrock is known",
		},
		{
			Path: "provider/vertex", Level: vendor, May: with("internal/levenshtein", "internal/refcount", "upstream", "provider", "provider/claude", "provider/genai", "provider/modellist", "provider/openaicompat", "provider/overrides", "provider/transport"),
			Why: "Vertex AI has models of three dialects, and knows their addresses and its credentials",
		},
		{
			Path: "provider/claude", Level: component, May: with("catalog", "internal/httpfield", "wire/anthropic", "wire/sse", "wire/litellm", "upstream", "provider", "provider/transport"),
			Beside: []string{"provider/bedrock/converse", "provider/bedrock/diagnose"},
			Why:    "Claude is the same model wherever it is hosted: the pure packages that fit requests to it and read its refusals are Bedrock's, and nothing else of Bedrock is known",
		},
		{
			Path: "provider/genai", Level: component, May: with("internal/alphamask", "internal/httpfield", "internal/parallel", "wire/gemini", "wire/sse", "upstream", "provider", "provider/embedding", "provider/transport"),
			Beside: []string{"provider/bedrock/diagnose"},
			Why:    "Gemini is the same model on both of Google's services; that models say the same of a request wherever they are hosted is known to the pure package diagnose",
		},
		{
			Path: "provider/*", Level: vendor, May: with("wire/...", "upstream", "provider", "provider/modellist", "provider/overrides", "provider/transport", "provider/claude", "provider/genai"),
			Why: "a provider knows its own dialects, but neither other providers nor its callers; what several need is below them",
		},
		{Path: "provider/providertest", Level: component, May: with("internal/port", "provider"), Why: "the suite that all providers pass knows none of them, and no dialect"},
		{Path: "provider/providertest/dialects", Level: vendor, May: with("provider/providertest"), Why: "what judges a dialect shares no code with it"},
		{Path: "provider/all", Level: list, May: []string{"provider", "provider/*"}, Why: "it is the one list of providers and nothing else"},

		{Path: "cache", Level: contract, May: common, Why: "whether two requests ask the same, and where answers are, is decided without knowledge of callers, dialects and servers"},
		{Path: "cache/cachetest", Level: component, May: []string{"cache", "internal/need"}, Why: "the suite that all stores of answers pass knows none of them"},
		{Path: "cache/disk", Level: component, May: []string{"cache"}, Why: "files are one of the stores, and nothing else of the gateway is there"},
		{Path: "cache/valkey", Level: component, May: []string{"cache"}, Why: "Valkey is one of the stores, and nothing else of the gateway is there"},
		{Path: "cache/pgvector", Level: component, May: []string{"cache"}, Why: "PostgreSQL is one of the stores, and the gateway's own tables are not known there"},
		{Path: "cache/qdrant", Level: component, May: with("cache"), Why: "Qdrant is one of the stores, and nothing else of the gateway is there"},
		{Path: "cache/s3", Level: vendor, May: []string{"cache", "llm", "provider/bedrock/creds", "upstream"}, Why: "S3 is one of the stores; credentials of AWS are the same for all of its services, and nothing else of Bedrock is known"},
		{Path: "cache/gcs", Level: component, May: []string{"cache", "internal/jsonx", "internal/parallel", "internal/renew"}, Why: "Google Cloud Storage is one of the stores, and nothing else of the gateway is there"},
		{Path: "cache/azureblob", Level: vendor, May: []string{"cache", "internal/parallel", "internal/renew", "provider/azure/entra"}, Why: "Azure's storage is one of the stores; credentials of Entra ID are the same for all of Azure's services, and nothing else of its models is known"},
		{Path: "quota", Level: language, Why: "counting units needs to know neither what they are nor whose"},
		{Path: "quota/valkey", Level: component, May: []string{"quota"}, Why: "counters in Valkey are counters, and nothing else of the gateway is there"},
		{Path: "quota/banktest", Level: component, May: []string{"quota"}, Why: "the suite that all shared banks pass knows none of them"},
		{Path: "store", Level: contract, May: []string{"internal/jsonx", "quota"}, Why: "the store keeps rows and counters, and knows neither dialects, rules nor the pipeline"},
		{Path: "spend", Level: component, May: []string{"internal/jsonx", "quota", "store"}, Why: "the journal of what calls have cost knows rows and where they go, and no call"},
		{Path: "secrets", Level: language, May: []string{"internal/jsonx", "internal/parallel"}, Why: "what a gateway needs of a secret manager is the same for all of them"},
		{Path: "secrets/awssm", Level: vendor, May: []string{"llm", "provider/bedrock/creds", "provider/bedrock/endpoint", "provider/bedrock/iam", "secrets", "upstream"}, Why: "credentials, hosts and missing permissions of AWS are the same for all of its services, and nothing else of Bedrock is known"},
		{Path: "secrets/vault", Level: component, May: []string{"internal/jsonx", "llm", "secrets", "upstream"}, Why: "Vault is an API over HTTP, and no provider of models"},
		{Path: "secrets/all", Level: list, May: []string{"secrets", "secrets/*"}, Why: "it is the one list of secret managers and nothing else"},
		{Path: "guard", Level: component, Why: "what is found in texts is found without knowledge of calls, dialects and servers"},
		{Path: "guard/ruleset", Level: component, Why: "which guardrails are in force for a call is decided by names, without knowledge of checks and of calls"},
		{Path: "guard/remote", Level: component, May: []string{"internal/jsonx", "upstream"}, Beside: []string{"guard"}, Why: "how a service is asked, and when it counts as away, is the same for all that check texts"},
		{
			Path: "guard/bedrock", Level: vendor, May: with("guard", "guard/remote", "provider/bedrock/creds", "provider/bedrock/diagnose", "provider/bedrock/endpoint", "provider/bedrock/sign", "provider/transport", "upstream", "wire/converse"),
			Why: "credentials, signatures, hosts and refusals of AWS are the same for all of its services, and nothing else of Bedrock is known",
		},
		{Path: "guard/services", Level: list, May: []string{"guard", "guard/*", "upstream"}, Why: "it is the one list of services that check texts and nothing else"},
		{Path: "guard/*", Level: vendor, May: []string{"guard", "guard/remote", "internal/jsonx", "internal/parallel", "upstream"}, Why: "a service is an API over HTTP that judges texts, and knows neither calls nor dialects"},
		{Path: "alert", Level: component, May: with("quota", "store"), Why: "what is told, and to whom, follows from what was spent and from calls that have ended; it knows no caller and takes no part in calls"},
		{Path: "bearer", Level: component, May: with("internal/netguard"), Why: "who sends a token is decided from the token and the provider's keys, without knowledge of the gateway's own keys, limits or servers"},
		{Path: "signin", Level: stage, May: with("bearer"), Why: "who signs in at an identity provider is found out without knowledge of keys, pages or servers"},
		{Path: "tenant", Level: stage, May: with("alert", "bearer", "quota", "spend", "store", "telemetry"), Why: "who calls and what is left is decided from rows and counters, without any server, dialect or provider"},
		{
			Path: "takeover", Level: pipeline, May: with("internal/seal", "quota", "store", "tenant"),
			Why: "what LiteLLM's tables have becomes entities and counters, which calls must be able to read; it serves nobody, and knows no frontend",
		},
		{Path: "telemetry", Level: contract, May: common, Why: "every stage may record, so it is below all of them; what callbacks get of the content passes through it unread"},
		{Path: "route", Level: stage, May: with("catalog", "internal/levenshtein", "internal/wildcard", "provider", "telemetry"), Why: "routing knows the providers' contract, but no concrete provider and no server"},
		{Path: "fetch", Level: stage, May: []string{"internal/netguard", "llm"}, Why: "fetching knows URLs and content, but neither dialects, providers nor its callers"},
		{Path: "telemetry/litellmmetrics", Level: component, May: with("telemetry"), Why: "metrics with LiteLLM's names are made of the record of a call, and nothing else is known"},
		{Path: "export", Level: component, May: with("internal/hold", "telemetry"), Why: "what other services are told of a call follows from its record; it knows no caller and takes no part in calls"},
		{Path: "export/otlp", Level: vendor, May: with("export", "telemetry"), Why: "OpenTelemetry's protocol is one form of the same records"},
		{Path: "export/bucket", Level: vendor, May: with("export", "telemetry", "provider/bedrock/creds", "provider/bedrock/sign"), Why: "credentials and signatures of AWS are the same for all of its services, and nothing else of Bedrock is known"},
		{
			Path: "gateway", Level: pipeline, May: with("internal/hold", "cache", "guard", "guard/ruleset", "internal/budget", "internal/parallel", "route", "store", "telemetry", "tenant"),
			Why: "the pipeline is built from interfaces; it knows no frontend and no concrete provider",
		},
		{Path: "config", Level: pipeline, May: with("alert", "bearer", "internal/wildcard", "guard", "guard/*", "export", "export/bucket", "export/otlp", "internal/httpfield", "provider/bedrock/creds", "telemetry/litellmmetrics", "provider", "quota", "secrets", "tenant", "wire/litellm", "route", "fetch", "telemetry"), Why: "the configuration fills in other packages' settings and runs none of them"},
		{Path: "config/migrate", Level: library, May: []string{"internal/lazyregexp", "config", "internal/jsonx", "provider/bedrock/modelid", "secrets"}, Why: "files of other gateways become a configuration as text; what keys mean is known to the configuration, and how models are written to the grammar of model ids"},
		{
			Path: ".", Level: library, May: with("internal/hold", "cache", "catalog", "guard", "guard/ruleset", "guard/services", "internal/budget", "internal/memlimit", "config", "gateway", "route", "fetch", "telemetry", "tenant", "provider", "provider/transport", "provider/all", "upstream", "wire/openaichat"),
			Why: "the library is the pipeline without HTTP: no frontend, no server, and providers only from the list; the operator's parameters are in OpenAI's dialect",
		},

		{Path: "httpd/http1", Level: language, May: []string{"internal/httpfield", "internal/second", "internal/socket"}, Why: "an HTTP server serves any http.Handler, and knows nothing else of this program but how header fields and sockets are read, and that a second has one date"},
		{Path: "httpd/inbound", Level: pipeline, May: with("internal/budget", "telemetry"), Why: "the code shared by frontends handles bodies and event streams, and knows no frontend"},
		{Path: "httpd/door", Level: library, May: with("internal/httpfield", "gateway", "telemetry", "tenant", "wire/litellm", "httpd/inbound"), Why: "the code shared by frontends admits calls and describes them in headers, and knows no frontend and no dialect but LiteLLM's additions to all of them"},
		{
			Path: "httpd/aws", Level: frontend, May: with("internal/budget", "internal/levenshtein", "gateway", "wire/eventstream", "httpd/inbound", "httpd/door", "provider/bedrock/sign"),
			Why: "AWS's clients sign their requests; the frontend checks signatures with the pure package sign, and knows nothing else of the provider",
		},
		{
			Path: "httpd/responses", Level: frontend, May: with("internal/budget", "gateway", "wire/...", "httpd/inbound", "httpd/door", "store"),
			Why: "a frontend whose clients refer to earlier calls keeps them in the store",
		},
		{
			Path: "httpd/files", Level: frontend, May: with("gateway", "wire/...", "httpd/inbound", "httpd/door", "store"),
			Why: "clients refer to files and batches of earlier calls, and the store knows whose they are",
		},
		{
			Path: "httpd/admin", Level: frontend, May: with("alert", "internal/scim", "signin", "gateway", "httpd/inbound", "httpd/door", "quota", "secrets", "store", "tenant", "wire/openaichat"),
			Why: "the management API changes what the store has, and knows nothing of calls to models",
		},
		{Path: "httpd/ui/live", Level: pipeline, May: []string{"telemetry"}, Why: "the last calls are records of calls, and who reads them is not known"},
		{
			Path: "httpd/ui", Level: frontend, May: with("httpd/door", "httpd/inbound", "httpd/ui/live", "provider", "signin", "telemetry"),
			Why: "pages show what the gateway's own API answers, and know neither the store nor the frontends; models and findings have the providers' form",
		},
		{
			Path: "httpd/passthrough", Level: frontend, May: with("internal/httpfield", "gateway", "wire/...", "httpd/inbound", "httpd/door"),
			Why: "what is passed on as it is may be of any dialect, whose usage is read; errors have OpenAI's form, and headers are told apart",
		},
		{
			Path: "httpd/*", Level: frontend, May: with("internal/budget", "gateway", "telemetry", "wire/...", "httpd/inbound", "httpd/door"),
			Why: "a frontend translates one dialect for the pipeline, and knows no other frontends, no providers and no routing",
		},
		{
			Path: "httpd", Level: server, May: with("cache", "catalog", "internal/levenshtein", "gateway", "telemetry", "tenant", "wire/...", "httpd/*"),
			Why: "the server contains the frontends; providers and routing belong to the pipeline",
		},

		{Path: "emulator/bedrock/catalogue", Level: dialect, May: common, Why: "the emulator's parts do not know its HTTP server"},
		{Path: "emulator/bedrock/fault", Level: dialect, May: common, Why: "the emulator's parts do not know its HTTP server"},
		{Path: "emulator/bedrock/policy", Level: dialect, May: common, Why: "the emulator checks the gateway's understanding of IAM policies, so it has its own implementation"},
		{Path: "emulator/bedrock/responses", Level: component, May: with("emulator/bedrock/model"), Why: "the usage of a response counts reasoning as the model does"},
		{Path: "emulator/bedrock/*", Level: component, May: with("wire/...", "emulator/bedrock/catalogue", "emulator/bedrock/fault", "emulator/bedrock/policy"), Why: "the emulator's parts do not know its HTTP server"},
		{
			Path: "emulator/bedrock", Level: vendor,
			May: with("wire/...", "emulator/bedrock/*", "provider/bedrock/modelid", "provider/bedrock/endpoint", "provider/bedrock/sign", "provider/bedrock/catalog"),
			Why: "the emulator tests the gateway, so it shares only formats, grammar and signatures with it, never its logic",
		},

		{
			Path: "app", Level: application, May: with("internal/hold", "alert", "cache", "cache/*", "guard", "guard/ruleset", "provider/bedrock/creds", "export", "export/bucket", "export/otlp", "internal/netguard", "telemetry/litellmmetrics", "internal/memlimit", "internal/seal", ".", "bearer", "signin", "config", "provider", "gateway", "httpd", "httpd/*", "httpd/ui/live", "provider/bedrock/catalog", "provider/bedrock/modelid", "provider/bedrock/resolve", "telemetry", "quota", "quota/valkey", "secrets", "secrets/all", "spend", "store", "tenant", "emulator/*", "provider/all"),
			Why: "the app wires the other packages, and knows providers only as the list for checking the configuration; the pages show how Bedrock's model ids are resolved, by pure components",
		},
		{
			Path: "cli", Level: command, May: with(
				"internal/processors", "internal/memlimit", "internal/seal", "internal/second", ".", "app", "catalog", "catalog/tables", "store", "takeover", "upstream", "config", "config/migrate", "telemetry", "emulator/...", "internal/levenshtein", "provider", "provider/all", "secrets/all",
				"provider/bedrock/modelid", "provider/bedrock/endpoint", "provider/bedrock/catalog", "provider/bedrock/resolve", "provider/bedrock/iam", "provider/bedrock/diagnose",
				"provider/bedrock/openai", "provider/bedrock/bill",
			),
			Why: "a command uses the library, the app and pure components, but not the internals of the pipeline",
		},
		{
			Path: "cli/catalogrefresh", Level: command, May: with(".", "provider/bedrock/catalog", "provider/bedrock/catalog/refresh"),
			Why: "the maintainers' tool for the catalogue is not part of the program",
		},
		{Path: "cmd/*", Level: program, May: []string{"cli", "cli/catalogrefresh"}, Why: "main only calls the command line"},

		{Path: "route/simulation", Level: program, May: with("provider", "route"), Why: "the simulation drives the real router with deployments of its own"},
		{Path: "e2e/...", Level: outsider, May: []string{"..."}, Why: "black-box tests may set up anything"},
		{Path: "scripts/...", Level: program, May: []string{"internal/jsonx"}, Why: "developer scripts do not use the gateway"},
		{Path: "bench/books", Level: program, May: []string{"internal/postgres", "quota", "store"}, Why: "millions of rows come into the store without any call"},
		{Path: "bench/pages", Level: program, May: []string{"internal/postgres", "store"}, Why: "it fills the spend log of a gateway without any call, and is a client of the gateway then"},
		{Path: "bench/...", Level: program, May: with(".", "app", "cli", "config", "emulator/*", "wire/...", "internal/port", "internal/postgres", "store", "tenant"), Why: "a benchmark starts a whole gateway, and does not use its internals but for the database, which it fills with keys and whose books it checks"},
	}
}

func dependencies() []Dependency {
	return []Dependency{
		{Path: "github.com/go-json-experiment/json", By: []string{"internal/jsonx"}, Why: "jsonx is the only user of the JSON library, so that the library can be replaced"},
		{Path: "github.com/segmentio/asm/base64", By: []string{"internal/base64"}, Why: "vector instructions only check base64; no other package needs them"},
		{Path: "github.com/goccy/go-yaml", By: []string{"config", "config/migrate"}, Why: "only configurations are YAML"},
		{Path: "github.com/alecthomas/kong", By: []string{"cli", "cli/catalogrefresh"}, Why: "flags belong to the command line"},
		{Path: "golang.org/x/sys", By: []string{"spend"}, Why: "only the journal shares a file's memory"},
		{Path: "golang.org/x/term", By: []string{"cli"}, Why: "only the command line uses terminals"},
		{Path: "github.com/prometheus/client_golang/prometheus/promhttp", By: []string{"app"}, Why: "the app serves the metrics; the others record"},
		{Path: "github.com/prometheus/client_golang", By: []string{"telemetry", "telemetry/litellmmetrics"}, Why: "one package defines all metrics of Outcrop's own, and one those with LiteLLM's names, so that names and labels are consistent and bounded"},
		{Path: "go.opentelemetry.io/proto/otlp", By: []string{"export/otlp"}, Why: "one package knows OpenTelemetry's protocol; its messages are generated from the specification"},
		{Path: "google.golang.org/protobuf", By: []string{"export/otlp"}, Why: "OpenTelemetry's messages are protocol buffers"},
		{Path: "github.com/Azure/azure-sdk-for-go", By: []string{"provider/azure/entra"}, Why: "the Azure SDK only gets tokens of Entra ID"},
		{Path: "modernc.org/sqlite", By: []string{"store"}, Why: "one package knows the database"},
		{Path: "github.com/jackc/pgx/v5", By: []string{"store", "takeover", "cache/pgvector"}, Why: "one package knows Outcrop's database, one keeps answers in it, and one reads LiteLLM's, which is always PostgreSQL"},
		{Path: "golang.org/x/crypto/nacl/secretbox", By: []string{"internal/seal"}, Why: "models and credentials are encrypted with it, as LiteLLM does; nothing else here is encrypted"},
		{Path: "github.com/valkey-io/valkey-go", By: []string{"cache/valkey", "quota/valkey"}, Why: "one package keeps counters and one keeps answers; the others know quota.Bank and cache.Store"},
		{Path: "github.com/go-jose/go-jose/v4", By: []string{"bearer"}, Why: "one package verifies tokens, so that what counts as a signature is decided once"},
		{Path: "github.com/pressly/goose/v3", By: []string{"store"}, Why: "the tables belong to the store"},
		{Path: "golang.org/x/oauth2", By: []string{"provider/vertex", "signin", "export/bucket", "cache/gcs"}, Why: "Vertex AI and Cloud Storage take Google Cloud's credentials, and people sign in with it; what is exchanged for what is the library's business"},
		{Path: "github.com/aws", By: []string{"provider/bedrock/creds", "provider/bedrock/sign", "secrets/awssm", "cache/s3"}, Why: "the AWS SDK finds credentials and reads secrets and signs requests to S3; frames and bodies are Outcrop's own"},
	}
}

func bans() []Ban {
	return []Ban{
		{
			Path: "github.com/aws/aws-sdk-go-v2/service/bedrockruntime/...", In: []string{"..."}, Deep: true,
			Why: "the generated client hides the frames and bodies that are the product",
		},
		{Path: "github.com/aws/aws-sdk-go-v2/service/bedrock/...", In: []string{"..."}, Deep: true, Why: "the generated client hides the responses that are diagnosed here"},
		{
			Path: "net/http", Deep: true,
			In:  []string{"llm", "wire/...", "internal/*", "provider/bedrock/modelid", "provider/bedrock/endpoint", "provider/bedrock/resolve", "provider/bedrock/iam", "provider/bedrock/converse", "provider/bedrock/embed", "provider/bedrock/rerank", "provider/bedrock/image", "provider/embedding"},
			Why: "pure packages do not use the network",
		},
		{Path: "net/http", In: []string{"gateway", "telemetry", "config", "."}, Why: "the pipeline is the same with and without HTTP in front"},
		{Path: "encoding/json", In: []string{"..."}, Why: "internal/jsonx is strict where encoding/json is not: duplicate names, invalid UTF-8, letter case"},
		{Path: "log", In: []string{"..."}, Why: "log/slog is the log; package log is global state"},
		{Path: "testing", In: []string{"..."}, Why: "test tools do not belong in the binary"},
		{Path: "net/http/httptest", In: []string{"..."}, Why: "test tools do not belong in the binary"},
		{Path: "unsafe", In: []string{"..."}, But: []string{"internal/socket"}, Why: "only system calls that package syscall does not have need it"},
		{Path: "math/rand", In: []string{"..."}, Why: "math/rand/v2 is seeded and has no global to reseed; secrets come from crypto/rand"},
	}
}
