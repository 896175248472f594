package aws

import (
	"errors"
	"net/http"
	"strings"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/httpd/inbound"
	"outcrop/llm"
	"outcrop/provider/bedrock/sign"
)

// algorithm begins the Authorization header of a signed request.
const algorithm = "AWS4-HMAC-SHA256"

// verifies reports whether the signature of a request must be checked. Without a master key anyone
// may call, and many clients cannot help signing: then only the signatures of configured access keys
// are checked.
func (h *Handler) verifies(r *http.Request) bool {
	if h.gateway.Locked() {
		return true
	}
	scope, err := sign.ParseScope(r.Header.Get("Authorization"))
	_, known := h.opt.AccessKeys[scope.AccessKey]
	return err == nil && known
}

// serveSigned serves a request with a signature of Signature Version 4. The signature covers the
// body, so that is read first, for access keys that are configured only.
func (h *Handler) serveSigned(w http.ResponseWriter, r *http.Request) {
	scope, err := sign.ParseScope(r.Header.Get("Authorization"))
	if err == nil {
		if _, known := h.opt.AccessKeys[scope.AccessKey]; !known {
			err = h.unknownKey()
		}
	}
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	call := h.gateway.Begin(Door, w.Header().Get("X-Request-Id"))
	defer func() {
		if !inbound.Continues(w) { // else ServeCall ends it with its response
			call.End(r.Context())
		}
	}()
	note(call, r.Header)
	body, err := h.read(w, r, call)
	if err == nil {
		defer body.Release()
		err = h.verify(r, body.Bytes, scope.Region)
	}
	if err == nil {
		err = identify(r, call, scope.AccessKey, h.opt.AccessKeys[scope.AccessKey].Key)
	}
	if err != nil {
		h.WriteError(w, door.Fail(w, call, refusal(err)))
		return
	}
	door.ServeCall(w, r, call, h.WriteError, func(call *gateway.Call) { h.serve(w, r, call, body) })
}

// identify sets who makes a call whose signature is good, and refuses what the virtual key must not call.
func identify(r *http.Request, call *gateway.Call, accessKey, key string) error {
	if err := call.Identify(r.Context(), accessKey, key); err != nil {
		return err
	}
	if t := call.Caller().Tenant(); t != nil {
		return t.Route(r.URL.Path)
	}
	return nil
}

// signedService is the service in the scope of signatures for this API.
const signedService = "bedrock"

// verify checks a request's signature for any region. Most clients sign the path as they send it;
// AWS SDK for JavaScript signs repeated slashes as one.
func (h *Handler) verify(r *http.Request, body []byte, region string) error {
	req := &sign.Request{Method: r.Method, Host: r.Host, Path: requestPath(r), Query: r.URL.RawQuery, Header: r.Header, Body: [][]byte{body}}
	err := sign.Verify(req, h.lookup, region, signedService, h.opt.Now())
	var f *sign.Fault
	if single := collapsed(req.Path); errors.As(err, &f) && f.Kind == sign.Mismatch && single != req.Path {
		req.Path = single
		return sign.Verify(req, h.lookup, region, signedService, h.opt.Now())
	}
	return err
}

// collapsed is a path with one slash in place of each run of them.
func collapsed(path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	return path
}

func (h *Handler) lookup(accessKey string) (secret, token string, ok bool) {
	own, ok := h.opt.AccessKeys[accessKey]
	return own.Secret, "", ok
}

// unknownKey refuses a signature that cannot be checked.
func (h *Handler) unknownKey() error {
	e := &llm.Error{
		Code: llm.CodeUnauthorized, Status: 401, Type: "UnrecognizedClientException",
		Message: "The security token included in the request is invalid.",
		Cause:   "The request is signed with an access key that this gateway does not know.",
		Fix:     "Use an access key of outcrop_settings.aws_door.access_keys, or send the gateway's key as AWS_BEARER_TOKEN_BEDROCK.",
	}
	if len(h.opt.AccessKeys) == 0 {
		e.Cause = "The request is signed, but this gateway has no access keys."
		e.Fix = "Send the gateway's key as AWS_BEARER_TOKEN_BEDROCK, or have the gateway's operator set outcrop_settings.aws_door.access_keys."
	}
	return e
}

// refuse answers a request that is not admitted.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	call := h.gateway.Begin(gateway.Refused, w.Header().Get("X-Request-Id"))
	defer call.End(r.Context())
	inbound.Unread(w, r)
	h.WriteError(w, door.Fail(w, call, refusal(err)))
}

// refusal is the error for a wrong signature, in AWS's words.
func refusal(err error) error {
	var f *sign.Fault
	if !errors.As(err, &f) {
		return err
	}
	if f.Status == http.StatusBadRequest {
		return &llm.Error{Code: llm.CodeBadRequest, Status: 400, Type: f.Type, Message: f.Message, Err: err}
	}
	return &llm.Error{Code: llm.CodeUnauthorized, Status: 401, Type: f.Type, Message: f.Message, Err: err}
}

// requestPath is the path of the request line, untouched. A client that takes the gateway for a proxy
// sends a whole URL.
func requestPath(r *http.Request) string {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	if _, rest, absolute := strings.Cut(path, "://"); absolute && path[0] != '/' {
		path = rest[strings.IndexByte(rest+"/", '/'):]
	}
	return path
}
