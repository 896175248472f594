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
	room               // the parts of a provider or of the emulator
	vendor             // providers, and the emulator
	list               // the list of providers
	stage              // parts of the pipeline
	pipeline           // the pipeline, the configuration
	library            // the pipeline without HTTP, wired
	door               // frontends, one dialect each
	server             // all frontends together
	application        // the server as an object
	command            // the command line
	program            // main packages and benchmarks
	outsider           // black-box tests
)

func rules() []Rule {
	common := []string{"internal/jsonx", "llm"}
	with := func(paths ...string) []string { return append(paths, common...) }
	return []Rule{
		{Path: "internal/*", Level: leaf, Why: "internal helpers know nothing of ours, so that everybody can use them"},

		{Path: "llm", Level: language, May: []string{"internal/base64", "internal/jsonx"}, Why: "the common form stands below everything and does no I/O"},

		{Path: "wire/eventstream", Level: leaf, Why: "framing knows no dialect"},
		{
			Path: "wire/*", Level: dialect, May: with("wire/eventstream", "internal/httpfield"),
			Why: "a dialect meets the others only in llm; doors, providers and the emulator stand above it",
		},

		{Path: "upstream", Level: language, May: []string{"internal/httpfield", "internal/netguard"}, Why: "the way out knows neither dialects nor providers"},
		{Path: "provider", Level: contract, May: with("upstream"), Why: "the contract names no concrete provider and no dialect"},

		{Path: "provider/bedrock/modelid", Level: language, May: []string{"internal/levenshtein", "provider/bedrock/endpoint"}, Why: "the grammar of model ids is pure and needs no other room, but for the grammar of regions"},
		{Path: "provider/bedrock/endpoint", Level: leaf, May: []string{"internal/levenshtein"}, Why: "hosts and paths follow from region and partition alone"},
		{Path: "provider/bedrock/sign", Level: leaf, Why: "signing is a function of request, credentials and time; the emulator shares it"},
		{Path: "provider/bedrock/catalog/schema", Level: dialect, May: common, Why: "the form of the data files is shared by who reads and who writes them, and knows neither"},
		{
			Path: "provider/bedrock/catalog/refresh", Level: room, May: with("upstream", "provider/bedrock/catalog", "provider/bedrock/catalog/schema", "provider/bedrock/modelid", "provider/bedrock/endpoint"),
			Why: "the refresher writes the catalogue's data files and is no part of a call",
		},
		{Path: "provider/bedrock/catalog", Level: contract, May: with("upstream", "internal/levenshtein", "provider/bedrock/catalog/schema", "provider/bedrock/modelid", "provider/bedrock/endpoint"), Why: "rooms do not import their house, and the catalogue is a fact that others read"},
		{
			Path: "provider/bedrock/resolve", Level: room, May: with("provider/bedrock/modelid", "provider/bedrock/endpoint", "provider/bedrock/catalog"),
			Why: "resolving is pure: parsed id, region, policy and catalogue in, target out",
		},
		{
			Path: "provider/bedrock/iam", Level: room, May: with("internal/levenshtein", "provider/bedrock/modelid", "provider/bedrock/endpoint", "provider/bedrock/catalog"),
			Why: "policy documents are pure: what a call needs, and what a policy lacks",
		},
		{
			Path: "provider/bedrock/diagnose", Level: room, May: with("wire/converse", "upstream", "internal/levenshtein", "provider/bedrock/modelid", "provider/bedrock/catalog"),
			Beside: []string{"provider/bedrock/iam"},
			Why:    "rooms do not import their house nor, but for the pure ones, each other; a diagnosis gives the missing statement, which the pure room of policies makes",
		},
		{
			Path: "provider/bedrock/*", Level: room, May: with("internal/httpfield", "wire/...", "upstream", "provider", "provider/bedrock/modelid", "provider/bedrock/endpoint", "provider/bedrock/sign", "provider/bedrock/catalog"),
			Why: "rooms do not import their house nor, but for the pure ones, each other; the house puts them together",
		},
		{
			Path: "provider/bedrock", Level: vendor, May: with("internal/budget", "internal/netguard", "wire/converse", "wire/eventstream", "upstream", "provider", "provider/bedrock/*"),
			Why: "a provider knows its own rooms and dialects, no other provider, and nothing of who calls it",
		},
		{
			Path: "provider/*", Level: vendor, May: with("wire/...", "upstream", "provider"),
			Why: "a provider knows its own dialects, no other provider, and nothing of who calls it",
		},
		{Path: "provider/all", Level: list, May: []string{"provider", "provider/*"}, Why: "it is the one list of providers and nothing else"},

		{Path: "telemetry", Level: contract, May: common, Why: "everybody may record, so it stands below them and never sees a request's content"},
		{Path: "route", Level: stage, May: with("provider", "telemetry"), Why: "routing knows the contract of providers, none of them, and no server"},
		{Path: "fetch", Level: stage, May: []string{"internal/netguard", "llm"}, Why: "fetching knows addresses and what lies there, neither dialects nor providers, and not who asks"},
		{
			Path: "gateway", Level: pipeline, May: with("internal/budget", "route", "telemetry"),
			Why: "the pipeline is put together from interfaces; it knows no door and no concrete provider",
		},
		{Path: "config", Level: pipeline, May: with("provider", "route", "fetch", "telemetry"), Why: "the configuration fills in other packages' settings and runs none of them"},
		{
			Path: ".", Level: library, May: with("internal/budget", "internal/memlimit", "config", "gateway", "route", "fetch", "telemetry", "provider", "provider/all", "upstream"),
			Why: "the library is the pipeline without HTTP: no door, no server, and providers only from the list",
		},

		{Path: "httpd/inbound", Level: pipeline, May: with("internal/budget"), Why: "what doors share knows bodies and event streams, and no door"},
		{
			Path: "httpd/*", Level: door, May: with("internal/budget", "gateway", "telemetry", "wire/...", "httpd/inbound"),
			Why: "a door translates one dialect for the pipeline; other doors, providers and routing are none of its business",
		},
		{
			Path: "httpd", Level: server, May: with("gateway", "telemetry", "wire/...", "httpd/*"),
			Why: "the server holds the doors; providers and routing are the pipeline's",
		},

		{Path: "emulator/bedrock/catalogue", Level: dialect, May: common, Why: "the emulator's parts know nothing of its HTTP side"},
		{Path: "emulator/bedrock/fault", Level: dialect, May: common, Why: "the emulator's parts know nothing of its HTTP side"},
		{Path: "emulator/bedrock/policy", Level: dialect, May: common, Why: "the emulator judges our reading of IAM's policies, so it has a reading of its own"},
		{Path: "emulator/bedrock/*", Level: room, May: with("wire/...", "emulator/bedrock/catalogue", "emulator/bedrock/fault", "emulator/bedrock/policy"), Why: "the emulator's parts know nothing of its HTTP side"},
		{
			Path: "emulator/bedrock", Level: vendor,
			May: with("wire/...", "emulator/bedrock/*", "provider/bedrock/modelid", "provider/bedrock/endpoint", "provider/bedrock/sign", "provider/bedrock/catalog"),
			Why: "the emulator judges the gateway, so it shares only formats, grammar and signatures with it, never its logic",
		},

		{
			Path: "app", Level: application, May: with("internal/memlimit", ".", "config", "provider", "gateway", "httpd", "httpd/*", "telemetry", "emulator/*", "provider/all"),
			Why: "the app wires what others do, and knows providers only as the list that the configuration is checked against",
		},
		{
			Path: "cli", Level: command, May: with(
				"internal/memlimit", ".", "app", "config", "telemetry", "emulator/...", "internal/levenshtein", "provider", "provider/all",
				"provider/bedrock/modelid", "provider/bedrock/endpoint", "provider/bedrock/catalog", "provider/bedrock/resolve", "provider/bedrock/iam", "provider/bedrock/diagnose",
			),
			Why: "a command speaks to the library, the app and pure rooms, not to the inside of a pipeline",
		},
		{
			Path: "cli/catalogrefresh", Level: command, May: with(".", "provider/bedrock/catalog", "provider/bedrock/catalog/refresh"),
			Why: "what maintainers of the catalogue run is no part of the program",
		},
		{Path: "cmd/*", Level: program, May: []string{"cli", "cli/catalogrefresh"}, Why: "main is a doorway"},

		{Path: "e2e/...", Level: outsider, May: []string{"..."}, Why: "black-box tests may set up anything"},
		{Path: "scripts/...", Level: program, May: []string{"internal/jsonx"}, Why: "what a developer runs knows nothing of the gateway"},
		{Path: "bench/...", Level: program, May: with(".", "app", "cli", "config", "emulator/*", "wire/...", "internal/port"), Why: "a benchmark sets up a whole gateway, not the inside of one"},
	}
}

func dependencies() []Dependency {
	return []Dependency{
		{Path: "github.com/go-json-experiment/json", By: []string{"internal/jsonx"}, Why: "jsonx is the one place that meets the JSON library, so that another can take its place"},
		{Path: "github.com/segmentio/asm/base64", By: []string{"internal/base64"}, Why: "vector instructions check base64; nobody else needs to know of them"},
		{Path: "github.com/goccy/go-yaml", By: []string{"config"}, Why: "YAML is the configuration's format and nobody else's"},
		{Path: "github.com/alecthomas/kong", By: []string{"cli", "cli/catalogrefresh"}, Why: "flags belong to the command line"},
		{Path: "golang.org/x/term", By: []string{"cli"}, Why: "the command line alone looks at terminals"},
		{Path: "github.com/prometheus/client_golang/prometheus/promhttp", By: []string{"app"}, Why: "the app serves the metrics; the others record"},
		{Path: "github.com/prometheus/client_golang", By: []string{"telemetry"}, Why: "metrics have one home, which gives them their names and bounds their labels"},
		{Path: "github.com/aws", By: []string{"provider/bedrock/creds", "provider/bedrock/sign"}, Why: "the AWS SDK finds credentials and nothing more; frames and bodies are ours"},
	}
}

func bans() []Ban {
	return []Ban{
		{
			Path: "github.com/aws/aws-sdk-go-v2/service/bedrockruntime/...", In: []string{"..."}, Deep: true,
			Why: "the generated client hides the frames and bodies that are the product",
		},
		{Path: "github.com/aws/aws-sdk-go-v2/service/bedrock/...", In: []string{"..."}, Deep: true, Why: "the generated client hides the answers that are diagnosed here"},
		{
			Path: "net/http", Deep: true,
			In:  []string{"llm", "wire/...", "internal/*", "provider/bedrock/modelid", "provider/bedrock/endpoint", "provider/bedrock/resolve", "provider/bedrock/iam", "provider/bedrock/converse"},
			Why: "what is pure stays away from the network",
		},
		{Path: "net/http", In: []string{"gateway", "telemetry", "config", "."}, Why: "the pipeline is the same with and without HTTP in front"},
		{Path: "encoding/json", In: []string{"..."}, Why: "internal/jsonx is strict where encoding/json is not: duplicate names, invalid UTF-8, letter case"},
		{Path: "log", In: []string{"..."}, Why: "log/slog is the log; the other is a global"},
		{Path: "testing", In: []string{"..."}, Why: "a test's tools stay out of the binary"},
		{Path: "net/http/httptest", In: []string{"..."}, Why: "a test's tools stay out of the binary"},
		{Path: "unsafe", In: []string{"..."}, Why: "nothing here needs it"},
		{Path: "math/rand", In: []string{"..."}, Why: "math/rand/v2 is seeded and has no global to reseed; secrets come from crypto/rand"},
	}
}
