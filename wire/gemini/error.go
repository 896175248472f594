package gemini

import (
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// StatusError is an error of Google's: google.rpc.Status
// (https://cloud.google.com/apis/design/errors#http_mapping).
type StatusError struct {
	// Code is the HTTP status, and Status Google's name of it, such as RESOURCE_EXHAUSTED.
	Code    int
	Status  string
	Message string
	// Reason is that of an ErrorInfo, such as API_KEY_INVALID; empty if there is none.
	Reason string
	// RetryAfter is the delay of a RetryInfo in whole seconds, rounded up; empty if there is none.
	RetryAfter string
	// Quotas are the ids of the quotas that a QuotaFailure names, and Metrics their metrics.
	Quotas, Metrics []string
	// Fields are the fields that a BadRequest names.
	Fields []string
}

func (s *StatusError) Error() string { return s.Status + ": " + s.Message }

// StatusDetail is a StatusError as it is sent.
type StatusDetail struct {
	Code    int         `json:"code"`
	Message string      `json:"message"`
	Status  string      `json:"status"`
	Details []jsonx.Raw `json:"details"`
}

// DecodeStatus reads an error response: an object with the member error, or an array of one. It
// returns nil for anything else.
func DecodeStatus(body []byte) *StatusError {
	raw := jsonx.Raw(body)
	if raw.Kind() == '[' {
		var list []jsonx.Raw
		if err := jsonx.Unmarshal(raw, &list); err == nil && len(list) > 0 {
			raw = list[0]
		}
	}
	var e struct {
		Error *StatusDetail `json:"error"`
	}
	if err := jsonx.Unmarshal(raw, &e); err == nil && e.Error != nil && (e.Error.Message != "" || e.Error.Status != "") {
		return e.Error.status()
	}
	return nil
}

func (d *StatusDetail) status() *StatusError {
	s := &StatusError{Code: d.Code, Status: d.Status, Message: d.Message}
	for _, raw := range d.Details {
		var detail struct {
			Type       string `json:"@type"`
			Reason     string `json:"reason"`
			Delay      string `json:"retryDelay"`
			Violations []struct {
				Metric  string `json:"quotaMetric"`
				ID      string `json:"quotaId"`
				Subject string `json:"subject"`
			} `json:"violations"`
			Fields []struct {
				Field string `json:"field"`
			} `json:"fieldViolations"`
		}
		if jsonx.Unmarshal(raw, &detail) != nil {
			continue // a detail of another form says nothing here
		}
		switch _, kind, _ := strings.Cut(detail.Type, "google.rpc."); kind {
		case "ErrorInfo":
			s.Reason = detail.Reason
		case "RetryInfo":
			s.RetryAfter = seconds(detail.Delay)
		case "QuotaFailure":
			for _, v := range detail.Violations {
				s.Quotas = append(s.Quotas, v.ID)
				s.Metrics = append(s.Metrics, v.Metric)
			}
		case "BadRequest":
			for _, f := range detail.Fields {
				s.Fields = append(s.Fields, f.Field)
			}
		}
	}
	return s
}

// seconds is a duration as JSON has it, such as 34.07s, in whole seconds.
func seconds(delay string) string {
	text, ok := strings.CutSuffix(delay, "s")
	f, err := strconv.ParseFloat(text, 64)
	if !ok || err != nil || f < 0 || f > 1e6 {
		return ""
	}
	n := int64(f)
	if float64(n) < f {
		n++
	}
	return strconv.FormatInt(n, 10)
}

// AppendBlocked appends the response to a prompt that a filter has refused, which has no candidates
// (https://ai.google.dev/api/generate-content#PromptFeedback). The reason is Google's if the error has one.
func AppendBlocked(dst []byte, env Envelope, e *llm.Error) []byte {
	w := jsonx.Writer{Buf: dst}
	w.Object()
	w.Key("promptFeedback")
	w.Object()
	w.Key("blockReason")
	switch e.Type {
	case "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY", "MODEL_ARMOR", "JAILBREAK":
		w.Word(e.Type)
	default:
		w.Word("SAFETY")
	}
	w.Key("blockReasonMessage")
	w.String(sentences(e))
	w.EndObject()
	env.append(&w)
	w.EndObject()
	return w.Buf
}

// sentences is what an error says, and the next step.
func sentences(e *llm.Error) string {
	if e.Fix == "" {
		return e.Message
	}
	return strings.TrimSuffix(e.Message, ".") + ". " + e.Fix
}
