package main

import (
	"strings"
	"testing"
)

func TestBooksAreCompared(t *testing.T) {
	const metrics = "# TYPE outcrop_requests_total counter\noutcrop_requests_total{code=\"\",door=\"openai_chat\",model=\"granite\",status=\"200\"} 2\noutcrop_requests_total{code=\"x\",door=\"refused\",model=\"\",status=\"401\"} 1\n"
	const log = `{"msg":"call","id":"a","status":200}
{"msg":"call","id":"b","status":200}
{"msg":"listening"}
{"msg":"call","id":"c","status":401}
`
	k := &kind{name: "whole", statuses: []int{200}, wants: []string{"stop"}}
	for name, tt := range map[string]struct {
		log, metrics string
		third        int // status seen by the client of the third call
		faults       int
	}{
		"all is well":          {log, metrics, 401, 0},
		"another status":       {log, metrics, 403, 1},
		"a line is lost":       {strings.Replace(log, `"id":"b"`, `"id":"a"`, 1), metrics, 401, 3},
		"a call is uncounted":  {log, strings.Replace(metrics, "} 2", "} 1", 1), 401, 2},
		"the log is no log":    {log + "panic: nil\n", metrics, 401, 1},
		"the metrics are lost": {log, "", 401, 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBooks()
			b.call(k, "a", 200)
			b.call(k, "b", 200)
			b.call(k, "c", tt.third)
			b.read(strings.NewReader(tt.log))
			if faults := b.check(tt.metrics); len(faults) != tt.faults {
				t.Errorf("found %q", faults)
			}
		})
	}
	if k.wrong(200, "stop") != "" || k.wrong(500, "stop") == "" || k.wrong(200, "length") == "" {
		t.Error("an answer is judged wrongly")
	}
}
