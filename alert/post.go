package alert

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"outcrop/internal/jsonx"
)

// slackText is an alert as Slack gets it.
func (s *Sender) slackText(a *Alert) string {
	return "Alert type: `" + string(a.Type) + "`\nLevel: `" + string(a.Level) + "`\nTimestamp: `" + s.opt.Now().Format("15:04:05") + "`\n\nMessage: " + a.Text
}

// slack are the posts of a text to Slack.
func (s *Sender) slack(about Type, text string) (all []func(ctx context.Context) error) {
	urls := s.opt.SlackURLs[about]
	if len(urls) == 0 && s.opt.SlackURL != "" {
		urls = []Secret{s.opt.SlackURL}
	}
	if s.opt.Gateway != "" {
		text += "\n\nProxy URL: `" + s.opt.Gateway + "`"
	}
	var w jsonx.Writer
	w.Object()
	w.Key("text")
	w.String(text)
	w.EndObject()
	for _, to := range urls {
		all = append(all, func(ctx context.Context) error { return s.post(ctx, to, w.Buf) })
	}
	return all
}

// post makes one attempt to send a body. Its error never has the address.
func (s *Sender) post(ctx context.Context, to Secret, body []byte) (err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.Reveal(), bytes.NewReader(body))
	if err != nil {
		return &finalError{errors.New("the address is not a URL")}
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.client.Do(req)
	if err != nil {
		if with, ok := errors.AsType[*url.Error](err); ok {
			return with.Err
		}
		return err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection can be used again
	switch {
	case resp.StatusCode < http.StatusMultipleChoices:
		return nil
	case resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode == http.StatusRequestTimeout, resp.StatusCode >= http.StatusInternalServerError:
		return fmt.Errorf("the answer has status %d", resp.StatusCode)
	default:
		return &finalError{fmt.Errorf("the answer has status %d", resp.StatusCode)}
	}
}
