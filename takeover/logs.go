package takeover

import (
	"context"
	"fmt"
	"strconv"

	"outcrop/store"
)

// Logs tells of the spend logs that were copied.
type Logs struct {
	Rows  int `json:"rows"`
	Added int `json:"added"` // that were not there already
}

// rowsPerTransaction is how many rows of the spend logs a transaction writes.
const rowsPerTransaction = 500

// CopyLogs copies LiteLLM's spend logs, oldest first, without prompts and responses. Rows whose request ids are there
// already are left out. each is called after each transaction.
func (p *Plan) CopyLogs(ctx context.Context, s *Source, to *store.Store, each func(Logs)) (Logs, error) {
	var l Logs
	batch := make([]store.Row, 0, rowsPerTransaction)
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		added, err := to.ImportRows(ctx, batch)
		if err != nil {
			return fmt.Errorf("copying spend logs: %w", err)
		}
		l.Added += added
		batch = batch[:0]
		each(l)
		return nil
	}
	err := s.each(ctx, spendLogsTable, `r."startTime"`, []string{"messages", "response", "proxy_server_request"}, func(r row) error {
		l.Rows++
		batch = append(batch, p.logged(r))
		if len(batch) == rowsPerTransaction {
			return flush()
		}
		return nil
	})
	if err == nil {
		err = flush()
	}
	return l, err
}

// CountLogs says how many rows the spend logs have, up to a million.
func CountLogs(ctx context.Context, s *Source) (int, error) {
	if !s.has(spendLogsTable) {
		return 0, nil
	}
	return s.count(ctx, spendLogsTable)
}

// logged is a row of the spend logs.
func (p *Plan) logged(r row) store.Row {
	metadata := r.object("metadata")
	usage := metadata.object("usage_object")
	out := store.Row{
		RequestID: r.text("request_id"), CallType: r.text("call_type"), Key: r.text("api_key"), KeyAlias: metadata.text("user_api_key_alias"),
		Cost: p.units(spendLogsTable, r.get("spend")), Start: r.time("startTime"), First: r.time("completionStartTime"), End: r.time("endTime"),
		Model: r.text("model"), Deployment: r.text("model_id"), Group: r.text("model_group"), Provider: r.text("custom_llm_provider"),
		User: r.text("user"), Customer: r.text("end_user"), Team: r.text("team_id"), Organization: r.text("organization_id"),
		Tags: r.texts("request_tags"), Session: r.text("session_id"), Address: r.text("requester_ip_address"),
		Input: r.integer("prompt_tokens"), Output: r.integer("completion_tokens"),
		CacheRead:  max(usage.integer("cache_read_input_tokens"), usage.object("prompt_tokens_details").integer("cached_tokens")),
		CacheWrite: usage.integer("cache_creation_input_tokens"), Status: 200, Cached: r.text("cache_hit") == "True",
	}
	if v := r.json("metadata"); v.Kind() == '{' {
		out.Metadata = v
	}
	if r.text("status") == "failure" {
		fault := metadata.object("error_information")
		out.Status, out.Code = 500, fault.text("error_class")
		if status, err := strconv.Atoi(fault.text("error_code")); err == nil && status >= 400 && status < 600 {
			out.Status = status
		}
		if out.Code == "" {
			out.Code = "failure"
		}
	}
	return out
}

// integer is a whole number; 0 if it is none.
func (r row) integer(name string) int64 {
	n, err := strconv.ParseInt(string(r.get(name)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
