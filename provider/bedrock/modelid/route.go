package modelid

// Route is a prefix of a model string that selects the AWS API for the call, or the
// family whose request format an imported model accepts. The names are LiteLLM's.
type Route int

// Routes that name an API.
const (
	Auto            Route = iota // no prefix: the best API for the model
	Converse                     // Converse and ConverseStream
	Invoke                       // InvokeModel and InvokeModelWithResponseStream
	ConverseLike                 // the form of Converse, at another host than AWS's
	AsyncInvoke                  // StartAsyncInvoke
	Agent                        // an agent of Bedrock, by agent and alias id
	AgentCore                    // an agent hosted in AgentCore, by its runtime's ARN
	Mantle                       // the Messages API at bedrock-mantle
	ClaudePlatform               // Claude Platform on AWS
	ChatCompletions              // the OpenAI API at bedrock-runtime
)

// Routes that name the family of an imported or custom model, which its ARN does not
// identify.
const (
	OpenAI Route = iota + 100 // takes OpenAI's chat completions body
	Nova                      // a custom Nova: called by Converse
	Nova2                     // a custom Nova 2: called by Converse
	Llama                     // this one and the following are called by InvokeModel
	DeepSeekR1
	Qwen2
	Qwen3
	Moonshot
	Stability
	AI21 // this one and the following take an ARN only
	Amazon
	Anthropic
	Cohere
	Meta
	Mistral
	TwelveLabs
)

// String returns the prefix without its slash; it is empty for Auto.
func (r Route) String() string {
	switch r {
	case Converse:
		return "converse"
	case Invoke:
		return "invoke"
	case ConverseLike:
		return "converse_like"
	case AsyncInvoke:
		return "async_invoke"
	case Agent:
		return "agent"
	case AgentCore:
		return "agentcore"
	case Mantle:
		return "mantle"
	case ClaudePlatform:
		return "claude_platform"
	case ChatCompletions:
		return "chat_completions"
	case OpenAI:
		return "openai"
	case Nova:
		return "nova"
	case Nova2:
		return "nova-2"
	case Llama:
		return "llama"
	case DeepSeekR1:
		return "deepseek_r1"
	case Qwen2:
		return "qwen2"
	case Qwen3:
		return "qwen3"
	case Moonshot:
		return "moonshot"
	case Stability:
		return "stability"
	case AI21:
		return "ai21"
	case Amazon:
		return "amazon"
	case Anthropic:
		return "anthropic"
	case Cohere:
		return "cohere"
	case Meta:
		return "meta"
	case Mistral:
		return "mistral"
	case TwelveLabs:
		return "twelvelabs"
	default:
		return ""
	}
}

// IsFamily reports whether r names a family rather than an API.
func (r Route) IsFamily() bool { return r >= OpenAI }

// needsARN reports whether r must be followed by an ARN. People who mean vendor.model
// also write a vendor's name as a prefix.
func (r Route) needsARN() bool { return r >= AI21 || r == AgentCore }

// routeOf returns the route that a segment names; Auto if it names none.
func routeOf(segment string) Route {
	for r := Converse; r <= ChatCompletions; r++ {
		if r.String() == segment {
			return r
		}
	}
	for r := OpenAI; r <= TwelveLabs; r++ {
		if r.String() == segment {
			return r
		}
	}
	return Auto
}
