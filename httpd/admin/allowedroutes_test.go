package admin_test

import (
	"slices"
	"strings"
	"testing"
)

func TestAllowedRoutesHoldForTheManagementAPI(t *testing.T) {
	eachStore(t, func(w *world) {
		w.user("adam", "proxy_admin")
		for routes, may := range map[string]string{
			`"allowed_routes":["llm_api_routes"]`:        "",
			`"key_type":"llm_api"`:                       "",
			`"key_type":"read_only"`:                     "GET /key/list",
			`"key_type":"management"`:                    "GET /key/list, /key/generate, /team/new",
			`"allowed_routes":["/key/generate"]`:         "/key/generate",
			`"allowed_routes":["/key"]`:                  "GET /key/list, /key/generate",
			`"allowed_routes":["/key/*"]`:                "GET /key/list, /key/generate",
			`"allowed_routes":["/keyring","/k"]`:         "",
			`"allowed_routes":["spend_tracking_routes"]`: "GET /spend/logs",
			`"allowed_routes":[]`:                        "GET /key/list, /key/generate, /team/new, GET /spend/logs, /organization/new",
		} {
			key := w.key(`{"user_id":"adam",` + routes + `}`)
			for _, path := range []string{"GET /key/list", "/key/generate", "/team/new", "GET /spend/logs", "/organization/new"} {
				body := `{"organization_alias":"o"}`
				if strings.HasPrefix(path, "GET") {
					body = ""
				}
				if want := slices.Contains(strings.Split(may, ", "), path); want {
					w.ask(key, path, body).is(200)
				} else {
					w.ask(key, path, body).fails(403, "auth_error", "")
				}
			}
		}
	})
}
