package bedrock

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"outcrop/internal/jsonx"
)

// recording is one exchange in a file of the recordings' folder: a JSON object with
// method, url, request.json, and of the response the status (200 if omitted), headers,
// and its body as json or in base64.
type recording struct {
	Method  string `json:"method"`
	URL     string `json:"url"`
	Request struct {
		JSON jsonx.Raw `json:"json"`
	} `json:"request"`
	Response struct {
		Status  int               `json:"status"`
		Headers map[string]string `json:"headers"`
		JSON    jsonx.Raw         `json:"json"`
		Base64  string            `json:"base64"`
	} `json:"response"`

	body []byte
}

// recordings are exchanges by request.
type recordings struct {
	byRequest map[string][]*recording

	mu     sync.Mutex
	served map[string]int
}

// loadRecordings reads every .json file of a folder. An error names the file.
func loadRecordings(folder string) (*recordings, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("recordings folder %q: %w", folder, err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("recordings folder %q holds no .json file", folder)
	}
	all := &recordings{byRequest: map[string][]*recording{}, served: map[string]int{}}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("recording: %w", err)
		}
		key, r, err := parseRecording(data)
		if err != nil {
			return nil, fmt.Errorf("recording %q: %w", file, err)
		}
		all.byRequest[key] = append(all.byRequest[key], r)
	}
	return all, nil
}

func parseRecording(data []byte) (string, *recording, error) {
	r := &recording{}
	if err := jsonx.Unmarshal(data, r); err != nil {
		return "", nil, err
	}
	address, err := url.Parse(r.URL)
	if err != nil || r.Method == "" || address.Path == "" {
		return "", nil, fmt.Errorf("method %q and url %q are not those of a request", r.Method, r.URL)
	}
	key, err := recordingKey(r.Method, address, r.Request.JSON)
	if err != nil {
		return "", nil, fmt.Errorf("request.json: %w", err)
	}
	r.body = r.Response.JSON
	if r.Response.Base64 != "" {
		if r.body, err = base64.StdEncoding.DecodeString(r.Response.Base64); err != nil {
			return "", nil, fmt.Errorf("response.base64: %w", err)
		}
	}
	if r.Response.Status == 0 {
		r.Response.Status = http.StatusOK
	}
	return key, r, nil
}

// recordingKey returns the key of a request: the method, the decoded path, the query
// and the body as a JSON value, whatever its spaces and the order of its members.
func recordingKey(method string, address *url.URL, body []byte) (string, error) {
	canonical := jsonx.Raw(body).Clone()
	if len(body) > 0 {
		if err := canonical.Canonicalize(); err != nil {
			return "", err
		}
	}
	return method + " " + address.Path + "?" + address.Query().Encode() + "\n" + string(canonical), nil
}

// find returns the recorded answer to a request; nil if there is none. Several answers
// to the same request are returned in the order of their files, and then the last one
// repeatedly.
func (s *recordings) find(r *http.Request, body []byte) *recording {
	key, err := recordingKey(r.Method, r.URL, body)
	if err != nil {
		return nil // a body that is not JSON has not been recorded
	}
	answers := s.byRequest[key]
	if answers == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(s.served[key], len(answers)-1)
	s.served[key]++
	return answers[n]
}

// hopHeaders describe the recorded transfer, not the answer.
var hopHeaders = map[string]bool{"connection": true, "content-length": true, "transfer-encoding": true, "date": true} // never written to

// replay answers with a recording.
func (c *call) replay(r *recording) error {
	for name, value := range r.Response.Headers {
		if !hopHeaders[strings.ToLower(name)] {
			c.Header().Set(name, value)
		}
	}
	if c.Header().Get("Content-Type") != "application/vnd.amazon.eventstream" {
		c.Header().Set("Content-Length", strconv.Itoa(len(r.body)))
	}
	c.WriteHeader(r.Response.Status)
	return c.put(r.body)
}

// unrecorded refuses a request without a recording.
func unrecorded(r *http.Request) *refusal {
	return &refusal{
		status: http.StatusConflict, kind: "ConflictException",
		message: "emulator: no recorded exchange equals this " + r.Method + " " + r.URL.Path + " with this body. " +
			"To record it, put a file NAME.json into the recordings folder: " +
			`{"method": …, "url": …, "request": {"json": …}, "response": {"status": …, "headers": {…}, "json": … or "base64": …}}`,
	}
}
