package e2e

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestABatchHasItsCostWheneverItIsFetched asks twice for a batch that is over: its cost is that of OpenAI's
// batches, and no call's.
func TestABatchHasItsCostWheneverItIsFetched(t *testing.T) {
	v := startVendor(t, func(w http.ResponseWriter, _ vendorCall) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"batch_1","object":"batch","endpoint":"/v1/chat/completions","model":"gpt-4o","input_file_id":"file-1","completion_window":"24h","status":"completed","created_at":1,"usage":{"input_tokens":1000000,"input_tokens_details":{"cached_tokens":0},"output_tokens":1000000,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":2000000}}`)
	})
	g := startApp(t, "general_settings: {master_key: "+masterKey+"}\nmodel_list:\n  - {model_name: gpt, litellm_params: {model: openai/gpt-4o-mini, api_key: "+vendorSecret+`, api_base: "`+v.URL+`"}}`, t.TempDir(), nil)
	for range 2 {
		r := g.do(t, http.MethodGet, "/v1/batches/batch_1?model=gpt", "")
		if r.status != http.StatusOK || r.header.Get("X-Outcrop-Batch-Cost") != "6.25" || r.header.Get("X-Outcrop-Batch-Cost-Estimated") != "" || r.header.Get("X-Outcrop-Cost") != "" {
			t.Errorf("%d %s, %v", r.status, r.body, r.header)
		}
	}
	if metrics := g.do(t, http.MethodGet, "/metrics", ""); strings.Contains(metrics.body, `outcrop_cost_usd_total{model="gpt"} 6`) || strings.Contains(metrics.body, `outcrop_tokens_total{model="gpt"`) {
		t.Errorf("looking at the batch is counted as a call of the model:\n%s", metrics.body)
	}
	g.stop(t)
	if n := strings.Count(g.log.text.String(), `"batch_cost_usd":6.25`); n != 2 {
		t.Errorf("%d lines of the log have the cost: %s", n, g.log.text.String())
	}
}
