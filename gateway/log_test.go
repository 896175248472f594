package gateway_test

import (
	"bytes"
	"encoding/json"
	"testing"
)

// lineLog is a log of JSON lines.
type lineLog struct{ bytes.Buffer }

// only is the log's only line, without its time.
func (l *lineLog) only(t *testing.T) map[string]any {
	t.Helper()
	var line map[string]any
	if err := json.Unmarshal(l.Bytes(), &line); err != nil {
		t.Fatalf("%v in %q", err, l.Bytes())
	}
	delete(line, "time")
	return line
}
