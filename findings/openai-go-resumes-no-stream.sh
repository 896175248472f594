#!/usr/bin/env bash
# OpenAI's SDK for Go (v3.99.0) cannot resume the stream of a background response:
# `Responses.GetStreaming` leaves `stream=true` out of the request's URL and sends it
# as the JSON body of the GET, which the API does not read. The API answers with the
# response as JSON, in which the SDK finds no event, and it reports no error. With
# `option.WithQuery("stream", "true")` the same call reads the stream.
#
# What is run: a server that answers GET /v1/responses/resp_1 as the API does, with
# events if the query has stream=true and with the response otherwise, and the SDK's
# call, once as documented and once with the option.
#
#   seen with github.com/openai/openai-go/v3 v3.99.0, as documented:
#     query "", body {"stream":true}; 0 events, error <nil>
#   seen with the option:
#     query "stream=true", body {"stream":true}; 1 events, error <nil>
#
# Exits 0 while both behave so, and 1 when one of them has changed. It needs go.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

go mod init finding >/dev/null 2>&1
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
)

const response = `{"id":"resp_1","object":"response","created_at":1,"model":"m","status":"completed","output":[],"parallel_tool_calls":true,"tool_choice":"auto","tools":[]}`

func main() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Printf("query %q, body %s; ", r.URL.RawQuery, body)
		if r.URL.Query().Get("stream") == "true" {
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprintf(w, "event: response.completed\ndata: {\"type\":\"response.completed\",\"sequence_number\":1,\"response\":%s}\n\n", response)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, response)
	}))
	defer server.Close()
	client := openai.NewClient(option.WithBaseURL(server.URL+"/v1"), option.WithAPIKey("unused"))
	for _, options := range [][]option.RequestOption{nil, {option.WithQuery("stream", "true")}} {
		stream := client.Responses.GetStreaming(context.Background(), "resp_1", responses.ResponseGetParams{}, options...)
		events := 0
		for stream.Next() {
			events++
		}
		fmt.Printf("%d events, error %v\n", events, stream.Err())
	}
}
GO
go get github.com/openai/openai-go/v3@v3.99.0 >/dev/null 2>&1
seen=$(go run .)
echo "$seen"
[ "$(sed -n 1p <<<"$seen")" = 'query "", body {"stream":true}; 0 events, error <nil>' ]
grep -q '^query "stream=true", .*; 1 events, error <nil>$' <<<"$(sed -n 2p <<<"$seen")"
