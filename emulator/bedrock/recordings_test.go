package bedrock

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"outcrop/internal/jsonx"
)

// recordedFolder returns the folder of exchanges recorded with the real Bedrock; the
// test is skipped if there are none.
func recordedFolder(t *testing.T) string {
	t.Helper()
	folder := os.Getenv("OUTCROP_RECORDINGS")
	if folder == "" {
		folder = "../../../shared/recordings"
	}
	if files, _ := filepath.Glob(filepath.Join(folder, "*.json")); len(files) == 0 {
		t.Skip("no recorded exchanges")
	}
	return folder
}

func TestWhatBedrockAcceptedIsAcceptedAndWhatItRefusedIsRefused(t *testing.T) {
	t.Parallel()
	files, _ := filepath.Glob(filepath.Join(recordedFolder(t), "*.json"))
	own := []ApplicationProfile{{ID: "mi1dadi0g15f", Name: "recorded", Region: "us-east-1", Source: "us.amazon.nova-micro-v1:0"}}
	e, err := New(Options{AnyCredentials: true, Profiles: own, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	asked, same := 0, 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var r recording
		if err := jsonx.Unmarshal(data, &r); err != nil {
			t.Fatal(err)
		}
		address, err := url.Parse(r.URL)
		if err != nil {
			t.Fatal(err)
		}
		path := address.EscapedPath()
		if !strings.HasPrefix(address.Host, "bedrock-runtime.") || !strings.HasSuffix(path, "/converse") && !strings.HasSuffix(path, "/converse-stream") {
			continue
		}
		req := httptest.NewRequest(r.Method, r.URL, bytes.NewReader(r.Request.JSON))
		req.Header.Set("Authorization", "Bearer any")
		w := httptest.NewRecorder()
		e.ServeHTTP(w, req)
		want := r.Response.Status
		if want == 0 {
			want = http.StatusOK
		}
		asked++
		if w.Code == want || bytes.Contains(w.Body.Bytes(), []byte("thinking` block")) {
			same++ // real signatures of reasoning cannot be verified here
			continue
		}
		t.Errorf("%s: status %d, Bedrock's was %d: %.300s", filepath.Base(file), w.Code, want, w.Body)
	}
	t.Logf("%d of %d", same, asked)
}
