package converse

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/llm"
)

// recording is one recorded exchange with Bedrock.
type recording struct {
	name    string
	URL     string `json:"url"`
	Request struct {
		JSON json.RawMessage `json:"json"`
	} `json:"request"`
	Response struct {
		Status int             `json:"status"`
		JSON   json.RawMessage `json:"json"`
		Base64 string          `json:"base64"`
	} `json:"response"`
}

// recordings gives the exchanges of Converse and ConverseStream. They are no part
// of the repository: without them the test is skipped.
func recordings(t *testing.T) []recording {
	folder := os.Getenv("OUTCROP_RECORDINGS")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared", "recordings")
	}
	paths, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []recording
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		r := recording{name: strings.TrimSuffix(filepath.Base(path), ".json")}
		if err := json.Unmarshal(data, &r); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if strings.HasSuffix(r.URL, "/converse") || strings.HasSuffix(r.URL, "/converse-stream") {
			all = append(all, r)
		}
	}
	if len(all) == 0 {
		t.Skip("no recordings here")
	}
	return all
}

func TestRecordedRequestsComeThroughWhole(t *testing.T) {
	all, passed := recordings(t), 0
	for _, r := range all {
		if t.Run(r.name, func(t *testing.T) { checkRequest(t, r.Request.JSON) }) {
			passed++
		}
	}
	t.Logf("%d of %d recorded requests", passed, len(all))
}

func TestRecordedAnswersComeThroughWhole(t *testing.T) {
	passed, count := 0, 0
	for _, r := range recordings(t) {
		count++
		ok := t.Run(r.name, func(t *testing.T) {
			switch {
			case r.Response.Status != 200:
				checkRefusal(t, r.Response.Status, r.Response.JSON)
			case r.Response.Base64 != "":
				body, err := base64.StdEncoding.DecodeString(r.Response.Base64)
				if err != nil {
					t.Fatal(err)
				}
				checkStream(t, body)
			default:
				checkAnswer(t, r.Response.JSON)
			}
		})
		if ok {
			passed++
		}
	}
	t.Logf("%d of %d recorded answers", passed, count)
}

// checkRequest takes a request body through llm and back.
func checkRequest(t *testing.T, body []byte) {
	t.Helper()
	r, err := DecodeRequest(body)
	if err != nil {
		t.Fatalf("decoding: %v", err)
	}
	again, warnings, err := appendRequest(nil, r)
	if err != nil || len(warnings) > 0 {
		t.Fatalf("encoding: %v, warnings %v", err, warnings)
	}
	if diff := cmp.Diff(normalized(t, body), normalized(t, again)); diff != "" {
		t.Errorf("the request changed (-came +went):\n%s", diff)
	}
	if err := conforms(again); err != nil {
		t.Errorf("AWS's service model does not allow what went out: %v", err)
	}
}

// checkAnswer takes the body of a whole answer through llm and back.
func checkAnswer(t *testing.T, body []byte) {
	t.Helper()
	r, err := DecodeResponse(body)
	if err != nil {
		t.Fatalf("decoding: %v", err)
	}
	if diff := cmp.Diff(value(t, body), value(t, AppendResponse(nil, r))); diff != "" {
		t.Errorf("the answer changed (-came +went):\n%s", diff)
	}
}

// checkStream takes the frames of a streamed answer through llm and back: each
// event makes the very frame that it came from, and the folded answer is a whole
// answer that reads the same again.
func checkStream(t *testing.T, body []byte) {
	t.Helper()
	var fold llm.Fold
	var again []byte
	for rest, r := body, NewReader(bytes.NewReader(body)); ; {
		var ev llm.Event
		err := r.Next(&ev)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		size := binary.BigEndian.Uint32(rest)
		again = AppendEvent(again, &ev, paddingOf(t, rest[:size]))
		rest = rest[size:]
		fold.Add(&ev)
	}
	if !bytes.Equal(body, again) {
		t.Errorf("the frames changed (-came +went):\n%s", cmp.Diff(string(body), string(again)))
	}
	answer := fold.Answer()
	whole, err := DecodeResponse(AppendResponse(nil, answer))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(answer, whole); diff != "" {
		t.Errorf("the folded answer changed (-came +went):\n%s", diff)
	}
}

// paddingOf gives the member p of a frame's payload.
func paddingOf(t *testing.T, frame []byte) string {
	t.Helper()
	var payload struct{ P string }
	headers := binary.BigEndian.Uint32(frame[4:])
	if err := json.Unmarshal(frame[12+headers:len(frame)-4], &payload); err != nil {
		t.Fatal(err)
	}
	return payload.P
}

func checkRefusal(t *testing.T, status int, body []byte) {
	t.Helper()
	var said struct{ Message string }
	if err := json.Unmarshal(body, &said); err != nil {
		t.Fatal(err)
	}
	f := DecodeFault(status, "ValidationException:http://internal.amazon.com/coral/com.amazon.bedrock/", "", "", body)
	if f.Message != said.Message || f.Message == "" || f.Type != "ValidationException" || f.Status != status {
		t.Errorf("got %+v", f)
	}
}

// normalized gives a request as a JSON value, without the differences that mean
// nothing:
//   - neighbouring messages of one role are one, as Converse itself merges them;
//   - a list or object with nothing in it, such as "system": [] and
//     "inferenceConfig": {}, counts as absent.
func normalized(t *testing.T, body []byte) map[string]any {
	t.Helper()
	request := value(t, body).(map[string]any)
	for _, name := range []string{"messages", "system", "inferenceConfig", "additionalModelRequestFields", "outputConfig"} {
		switch v := request[name].(type) {
		case []any:
			if len(v) == 0 {
				delete(request, name)
			}
		case map[string]any:
			if len(v) == 0 {
				delete(request, name)
			}
		}
	}
	var merged []any
	messages, _ := request["messages"].([]any)
	for _, m := range messages {
		message := m.(map[string]any)
		if n := len(merged); n > 0 {
			if before := merged[n-1].(map[string]any); before["role"] == message["role"] {
				before["content"] = append(before["content"].([]any), message["content"].([]any)...)
				continue
			}
		}
		merged = append(merged, message)
	}
	if merged != nil {
		request["messages"] = merged
	}
	return request
}

// value gives a document as a JSON value; numbers are equal by their value, so
// that 0.0 is 0.
func value(t *testing.T, body []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("%v in %.200s", err, body)
	}
	return v
}
