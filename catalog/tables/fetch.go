package tables

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/upstream"
)

// fetchTimeout bounds how long the fetching of a table takes.
const fetchTimeout = 2 * time.Minute

// LargestTable is the size that a table may have, in bytes.
const LargestTable = 64 << 20

// Fetch gets a table, which must be one JSON value of at most so many bytes. It follows no redirects.
func Fetch(ctx context.Context, client *upstream.Client, address string, most int64) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, fetchTimeout, fmt.Errorf("took longer than %v", fetchTimeout))
	defer cancel()
	resp, err := client.Do(ctx, &upstream.Request{Method: http.MethodGet, URL: u, Header: http.Header{"Accept": {"application/json, */*"}}})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.Status != http.StatusOK {
		text := fmt.Sprintf("responded with %d %s", resp.Status, http.StatusText(resp.Status))
		if to := resp.Header.Get("Location"); to != "" {
			text += ", which leads to " + to
		}
		return nil, errors.New(text)
	}
	return ReadTable(resp.Body, most)
}

// ReadTable reads a table, as Fetch does.
func ReadTable(r io.Reader, most int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, most+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(data)) > most:
		return nil, fmt.Errorf("is larger than %d bytes", most)
	case len(data) == 0:
		return nil, errors.New("is empty")
	}
	if err := jsonx.Unmarshal(data, new(jsonx.Raw)); err != nil {
		return nil, fmt.Errorf("is not a table: %w", err)
	}
	return data, nil
}

// Name returns the name by which Update knows a table: that of its file, if it is the name of a kind of table
// and has a day, else one for its content with the given day, such as 2026-11-20.
func Name(file string, data []byte, day string) (string, error) {
	for _, f := range Formats() {
		if ok, err := path.Match(f.Pattern, file); err == nil && ok {
			if aDay.MatchString(file) {
				return file, nil
			}
			return strings.TrimSuffix(file, ".json") + "-" + day + ".json", nil
		}
	}
	kind := kindOf(data)
	if kind == "" {
		return "", errors.New("is neither LiteLLM's price map, nor the list of models.dev, nor that of genai-prices")
	}
	return kind + "-" + day + ".json", nil
}

// kindOf is the name of a table with a content; empty if it is none that is known.
func kindOf(data []byte) string {
	if jsonx.Raw(data).Kind() == '[' {
		var list []struct {
			ID     string    `json:"id"`
			Models jsonx.Raw `json:"models"`
		}
		if jsonx.Unmarshal(data, &list) == nil && len(list) > 0 && list[0].ID != "" && list[0].Models.Kind() == '[' {
			return judge
		}
		return ""
	}
	members, err := jsonx.Members(data)
	if err != nil {
		return ""
	}
	for _, m := range members {
		var row struct {
			Provider string    `json:"litellm_provider"`
			Models   jsonx.Raw `json:"models"`
		}
		switch {
		case m.Value.Kind() != '{' || jsonx.Unmarshal(m.Value, &row) != nil:
		case row.Provider != "":
			return "model_prices_and_context_window"
		case row.Models.Kind() == '{':
			return "models.dev"
		}
	}
	return ""
}
