package httpd

import (
	"net/http"
	"strconv"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// healthHistory lists the results of health checks that are remembered, the newest first, in LiteLLM's form.
func (s *server) healthHistory(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	var refusal *llm.Error
	number := func(name string, otherwise, least, most int) int {
		if !q.Has(name) {
			return otherwise
		}
		n, err := strconv.Atoi(q.Get(name))
		if (err != nil || n < least || n > most) && refusal == nil {
			refusal = badQuery(name, q.Get(name), "a whole number from "+strconv.Itoa(least)+" to "+strconv.Itoa(most))
		}
		return n
	}
	limit, offset := number("limit", 100, 1, 1000), number("offset", 0, 0, 1_000_000)
	if refusal != nil {
		s.refuse(w, r, refusal)
		return
	}
	var out jsonx.Writer
	out.Object()
	out.Key("health_checks")
	out.Array()
	written := int64(0)
	for _, c := range s.healthRecords() {
		if model := q.Get("model"); model != "" && c.Name != model {
			continue
		}
		if status := q.Get("status_filter"); status != "" && c.word() != status {
			continue
		}
		if offset > 0 {
			offset--
			continue
		}
		if written == int64(limit) {
			break
		}
		c.write(&out)
		written++
	}
	out.EndArray()
	out.Key("total_records")
	out.Int(written)
	out.Key("limit")
	out.Int(int64(limit))
	out.Key("offset")
	out.Int(int64(number("offset", 0, 0, 1_000_000)))
	out.EndObject()
	writeJSON(w, http.StatusOK, out.Buf)
}

// latestHealth has the last of these results of each entry.
func (s *server) latestHealth(w http.ResponseWriter, _ *http.Request) {
	var out jsonx.Writer
	out.Object()
	out.Key("latest_health_checks")
	out.Object()
	seen := map[string]bool{}
	for _, c := range s.healthRecords() {
		if seen[c.ID] {
			continue
		}
		seen[c.ID] = true
		out.AnyKey(c.ID)
		c.write(&out)
	}
	out.EndObject()
	out.Key("total_models")
	out.Int(int64(len(seen)))
	out.EndObject()
	writeJSON(w, http.StatusOK, out.Buf)
}

func (s *server) healthRecords() []CheckRecord {
	if s.opt.Health == nil {
		return nil
	}
	return s.opt.Health.Records()
}

func (c *CheckRecord) word() string {
	if c.Fault == "" {
		return "healthy"
	}
	return "unhealthy"
}

func (c *CheckRecord) write(out *jsonx.Writer) {
	at := c.At.UTC().Format(time.RFC3339Nano)
	healthy := int64(0)
	if c.Fault == "" {
		healthy = 1
	}
	out.Object()
	for _, m := range [...]struct{ key, value string }{{"health_check_id", c.RecordID}, {"model_name", c.Name}, {"model_id", c.ID}, {"status", c.word()}} {
		out.Key(m.key)
		out.String(m.value)
	}
	out.Key("healthy_count")
	out.Int(healthy)
	out.Key("unhealthy_count")
	out.Int(1 - healthy)
	out.Key("error_message")
	if c.Fault == "" {
		out.Null()
	} else {
		out.String(llm.Clip(c.Fault, 500))
	}
	out.Key("response_time_ms")
	out.Float(float64(c.Took.Microseconds()) / 1000)
	out.Key("details")
	out.Null()
	out.Key("checked_by")
	out.Null()
	for _, key := range [...]string{"checked_at", "created_at"} {
		out.Key(key)
		out.String(at)
	}
	out.EndObject()
}
