// Package modelid parses the strings that name models of Bedrock: model ids, profile
// ids and ARNs, with the prefixes of LiteLLM's configurations.
//
// The grammar, with every segment anchored by the separators around it:
//
//	string    = ["bedrock/" | "bedrock_mantle/"] {route "/"} [family "/"] [region "/"] model ["[" word "]"]
//	model     = [geography "."] [vendor "."] name [":" version [":" throughput]]
//	          | ARN
//	          | agent id "/" alias id                (route agent)
//
// Prefixes may come in any order, each kind once. bedrock_mantle/, LiteLLM's name of a provider, is the same as
// bedrock/mantle/.
//
// A geography is distinguished from a vendor by form and position, not by a list. The
// first dotted segment is a geography if it has the form of one (two letters, such as
// us or jp, optionally with a word after a hyphen, as in us-gov; or apac or global) and
// is followed by a vendor and a name. A vendor has at least three letters and digits,
// no hyphen, and is not a version such as v3; the name after it begins with a letter.
// So deepseek.v3.2, openai.gpt-5.6-sol and zai.glm-5.3 have no geography, and
// us.openai.gpt-5.6-sol and us.deepseek.r1-v1:0 have one. AWS's ids have no other parts
// (InvokeModelIdentifier in the service model of bedrock-runtime).
package modelid

import (
	"errors"
	"strings"

	"outcrop/provider/bedrock/endpoint"
)

// MaxLen is the maximum length of a model string in bytes: AWS's limit for modelId.
const MaxLen = 2048

// ID is a parsed model string. IDs can be compared with ==.
type ID struct {
	// Route is the API that the string names, or else its family prefix, or else Auto.
	Route Route
	// Family is the family prefix; Auto if there is none. converse/llama/arn:... has the
	// Route Converse and the Family Llama, and llama/arn:... has Llama as both.
	Family Route
	// Region is the region in the path, as in eu-west-1/amazon.nova-pro-v1:0; empty if
	// there is none. For the region of an ARN, see CallRegion.
	Region string

	// Geography is us, eu, global, ...: the model is called through the profile for this
	// geography. Empty if there is none.
	Geography string
	// Vendor is anthropic, amazon, ...; empty if the name has no dot, or if an ARN does
	// not identify the model.
	Vendor string
	// Name is the vendor's name for the model, such as claude-haiku-4-5-20251001-v1 or
	// gpt-5.6-sol; empty if an ARN does not identify the model.
	Name string
	// Version is the part after the name's colon, such as 0.
	Version string
	// Throughput is the part after the second colon, such as 51k: a context size for
	// which provisioned throughput is bought.
	Throughput string
	// Bracket is the word in a suffix such as [1m], with which some clients ask for a
	// longer context. It is not sent to AWS.
	Bracket string

	// AgentID and AliasID are set for the route Agent.
	AgentID, AliasID string

	// ARN is the zero ARN if the string does not contain one.
	ARN ARN

	model string // the id or ARN, without prefixes and bracket
	base  string // the model id without geography and throughput
}

// ModelID returns the model id, profile id or ARN that AWS accepts, before it is
// percent-encoded for a path.
func (id ID) ModelID() string { return id.model }

// Base returns the id of the foundation model, by which a catalogue identifies it:
// without geography, throughput and bracket. It is empty if an ARN does not identify
// the model. A custom Nova is amazon.nova-custom or amazon.nova-2-custom, the names
// that LiteLLM uses.
func (id ID) Base() string {
	switch id.Family {
	case Nova:
		return "amazon.nova-custom"
	case Nova2:
		return "amazon.nova-2-custom"
	default:
		return id.base
	}
}

// CallRegion returns the region that the string prescribes for the call: that of the
// path or of the ARN; empty if there is neither.
func (id ID) CallRegion() string {
	if id.Region != "" {
		return id.Region
	}
	return id.ARN.Region
}

// String returns the model string in its plainest form, without bedrock/. Parse returns
// id for it.
func (id ID) String() string {
	var b strings.Builder
	b.Grow(len(id.model) + 32)
	prefixes := [...]string{id.Route.String(), id.familyPrefix(), id.Region}
	if id.Route == Agent || id.Route == ConverseLike { // no prefix can follow these
		prefixes[0], prefixes[2] = prefixes[2], prefixes[0]
	}
	for _, prefix := range prefixes {
		if prefix != "" {
			b.WriteString(prefix)
			b.WriteByte('/')
		}
	}
	b.WriteString(id.model)
	if id.Bracket != "" {
		b.WriteByte('[')
		b.WriteString(id.Bracket)
		b.WriteByte(']')
	}
	return b.String()
}

func (id ID) familyPrefix() string {
	if id.Family == id.Route {
		return ""
	}
	return id.Family.String()
}

// mantlePrefix is LiteLLM's name of the provider for models on bedrock-mantle, before a model's.
const mantlePrefix = "bedrock_mantle/"

// Parse parses a model string, with or without bedrock/ or bedrock_mantle/ before it. Errors are of type
// *Error. An unknown model is not an error if its id has a form that AWS could accept.
func Parse(s string) (ID, error) {
	if err := checkBytes(s, false); err != nil {
		return ID{}, err
	}
	var id ID
	rest, atMantle := strings.CutPrefix(s, mantlePrefix)
	if atMantle {
		id.Route = Mantle
	} else {
		rest = strings.TrimPrefix(s, "bedrock/")
	}
	rest, err := id.takePrefixes(s, rest)
	if err != nil {
		return ID{}, err
	}
	if rest, err = id.takeBracket(s, rest); err != nil {
		return ID{}, err
	}
	if rest == "" {
		return ID{}, &Error{Input: s, Reason: "names no model", Hint: "bedrock/us.amazon.nova-pro-v1:0"}
	}
	id.model = rest
	switch {
	case id.Route == Agent:
		err = id.setAgent(s, rest)
	case strings.HasPrefix(rest, "arn:"):
		err = id.setARN(s, rest)
	case id.Route.needsARN() || id.Family.needsARN():
		err = needsARN(s, rest, id)
	case id.Route == ConverseLike:
		id.setLoose(rest)
	default:
		err = id.setModel(s, rest)
	}
	if err != nil {
		return ID{}, err
	}
	return id, nil
}

// takePrefixes sets the routes and the region and returns what follows them.
func (id *ID) takePrefixes(input, s string) (rest string, err error) {
	for id.Route != ConverseLike && id.Route != Agent && !strings.HasPrefix(s, "arn:") {
		segment, after, ok := strings.Cut(s, "/")
		if !ok {
			break
		}
		route := routeOf(segment)
		switch {
		case route.IsFamily() && id.Family != Auto || route != Auto && !route.IsFamily() && id.Route != Auto && !id.Route.IsFamily():
			return "", &Error{Input: input, Part: segment + "/", Reason: "is a second route", Hint: after}
		case route.IsFamily():
			id.Family = route
			if id.Route == Auto {
				id.Route = route
			}
		case route != Auto:
			id.Route = route
		case endpoint.ValidRegion(segment):
			if id.Region != "" {
				return "", &Error{Input: input, Part: segment + "/", Reason: "is a second region", Hint: after}
			}
			id.Region = segment
		case segment == "bedrock":
			before := strings.TrimPrefix(input[:len(input)-len(s)], "bedrock/")
			if !strings.HasPrefix(before, mantlePrefix) {
				before = "bedrock/" + before
			}
			return "", &Error{Input: input, Part: "bedrock/", Reason: "must come first, and only once", Hint: before + after}
		default:
			return "", unknownPrefix(input, segment, after)
		}
		s = after
	}
	return s, nil
}

// takeBracket sets the bracket suffix and returns what precedes it.
func (id *ID) takeBracket(input, s string) (rest string, err error) {
	open := strings.IndexAny(s, "[]")
	if open < 0 {
		return s, nil
	}
	if s[open] != '[' || !strings.HasSuffix(s, "]") || !isWord(s[open+1:len(s)-1]) {
		return "", &Error{Input: input, Part: s[open:], Reason: "is not a suffix such as [1m]", Hint: s[:open]}
	}
	id.Bracket = s[open+1 : len(s)-1]
	return s[:open], nil
}

func (id *ID) setAgent(input, s string) error {
	agent, alias, _ := strings.Cut(s, "/")
	if !isWord(agent) || !isWord(alias) || id.Bracket != "" || id.Family != Auto {
		return &Error{Input: input, Part: s, Reason: "is not the ids of an agent and its alias", Hint: "agent/AGENT12345/ALIAS12345"}
	}
	id.AgentID, id.AliasID = agent, alias
	return nil
}

func (id *ID) setARN(input, s string) error {
	a, err := parseARN(s)
	if err == nil {
		err = a.model(s)
	}
	switch {
	case err != nil:
		if e, ok := errors.AsType[*Error](err); ok {
			e.Input = input
		}
		return err
	case (a.Kind == AgentRuntime) != (id.Route == AgentCore):
		if a.Kind == AgentRuntime {
			return &Error{Input: input, Part: s, Reason: "is an agent's runtime, not a model", Hint: "agentcore/" + s}
		}
		return &Error{Input: input, Part: s, Reason: "is not the ARN of an AgentCore runtime", Hint: "agentcore/arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/my_agent-abcdefghij"}
	case id.Region != "" && id.Region != a.Region:
		return &Error{Input: input, Part: id.Region, Reason: "differs from the ARN's region", Hint: s}
	}
	id.ARN = a
	if a.Kind == FoundationModel || a.Kind == InferenceProfile || a.Kind == CustomModel {
		id.split(a.Resource)
	}
	return nil
}

// setModel sets the parts of an id that is not an ARN.
func (id *ID) setModel(input, s string) error {
	if err := checkDots(input, s); err != nil {
		return err
	}
	if strings.Count(s, ":") > 2 {
		return &Error{Input: input, Part: s, Reason: "has more than two colons"}
	}
	id.split(s)
	return nil
}

// setLoose sets the parts of a name for a server other than AWS's.
func (id *ID) setLoose(s string) {
	if strings.IndexByte(s, '/') >= 0 || checkDots(s, s) != nil {
		id.Name, id.base = s, s
		return
	}
	id.split(s)
}

// split splits an id into geography, vendor, name and the parts after the name's
// colons, by the rule in the package comment.
func (id *ID) split(s string) {
	end := len(s)
	start := 0
	if colon := strings.IndexByte(s, ':'); colon >= 0 {
		end = colon
		id.Version, id.Throughput, _ = strings.Cut(s[colon+1:], ":")
	}
	name := s[:end]
	if first, after, ok := strings.Cut(name, "."); ok {
		if vendor, model, more := strings.Cut(after, "."); more && isGeography(first) && isVendor(vendor) && isLetter(model[0]) {
			id.Geography, id.Vendor, id.Name = first, vendor, model
			start = len(first) + 1
		} else {
			id.Vendor, id.Name = first, after
		}
	} else {
		id.Name = name
	}
	id.base = s[start : end+len(id.versionSuffix())]
}

func (id *ID) versionSuffix() string {
	if id.Version == "" {
		return ""
	}
	return ":" + id.Version
}

func needsARN(input, s string, id ID) error {
	if id.Route == AgentCore {
		return &Error{Input: input, Part: s, Reason: "is not the ARN of an AgentCore runtime", Hint: "agentcore/arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/my_agent-abcdefghij"}
	}
	hint := s
	if !strings.HasPrefix(s, id.Family.String()+".") {
		hint = id.Family.String() + "." + s
	}
	return &Error{Input: input, Part: id.Family.String() + "/", Reason: "is valid only before an ARN", Hint: hint}
}
