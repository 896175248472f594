package telemetry

import "time"

// Who is who makes a call. Fields are empty for what the caller does not have.
type Who struct {
	// KeyHash is the hexadecimal SHA-256 of the key, or MasterKey, and KeyAlias its name for people.
	KeyHash, KeyAlias string
	// UserID, TeamID and OrganizationID are what the key belongs to, each with what people know it by.
	UserID, UserEmail                 string
	TeamID, TeamAlias                 string
	OrganizationID, OrganizationAlias string
	// Customer is the client's own user.
	Customer string
	// Tags are the labels of the call.
	Tags []string
	// Logging are the callbacks that the key or its team has for its calls; nil for none of its own.
	Logging *Logging
}

// MasterKey stands for the hash of the master key, as in LiteLLM's logs (litellm/constants.py, LITELLM_PROXY_MASTER_KEY_ALIAS,
// 1.110.2): the hash of a key that can do everything is shown to nobody.
const MasterKey = "litellm_proxy_master_key"

// From is what the HTTP request of a call says beside its body.
type From struct {
	// Method and Route are the request's method and path.
	Method, Route string
	// Address is the client's address, and UserAgent what it calls itself.
	Address, UserAgent string
	// Session is the session that the client says the call belongs to.
	Session string
	// TraceParent and TraceState are the headers of W3C's trace context, as they came.
	TraceParent, TraceState string
	// Redact is whether the client wants no content to be logged.
	Redact bool
}

// Logging are the callbacks of a key or a team, LiteLLM's metadata.logging. It is not modified.
type Logging struct {
	Callbacks []Callback
	// Off is whether calls are told to none of the gateway's own callbacks either (LiteLLM's /team/{id}/disable_logging).
	Off bool
}

// Callback is an entry of metadata.logging.
type Callback struct {
	Name             string
	Success, Failure bool
	// Vars are the settings of the callback; they hold secrets.
	Vars map[string]string
}

// Content is what was asked and answered, as far as it was kept. Neither the log line nor a metric has any of it: only
// callbacks get it, and only if a setting says so.
type Content struct {
	// Request and Response are the bodies in the client's dialect, cut at the bound. Type is the content type of the
	// response.
	Request, Response []byte
	Type              string
	// RequestCut and ResponseCut are whether something is missing at the end.
	RequestCut, ResponseCut bool
}

// Size is the memory of the content.
func (c *Content) Size() int {
	if c == nil {
		return 0
	}
	return cap(c.Request) + cap(c.Response)
}

// Wants is what the callbacks need to know of calls beside what every call records.
type Wants struct {
	// Details are Call.Who and Call.From.
	Details bool
	// Content is how many bytes of a request and of a response are kept; 0 for none.
	Content int
	// Trace is whether calls to providers carry the trace that they belong to.
	Trace bool
}

// Want sets what callbacks need to know of the calls that begin from then on.
func (r *Recorder) Want(w Wants) { r.wants.Store(&w) }

// Wants is what callbacks need to know.
func (r *Recorder) Wants() Wants {
	if w := r.wants.Load(); w != nil {
		return *w
	}
	return Wants{}
}

// ToFirstToken is the time from the call of the provider to the first content of its stream; 0 if none arrived.
func (c *Call) ToFirstToken() time.Duration {
	if c.FirstToken == 0 {
		return 0
	}
	return max(0, c.FirstToken-c.Sent)
}
