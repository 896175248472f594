package alert

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noon is the time of the tests.
func noon() time.Time { return time.Date(2026, 6, 10, 12, 0, 0, 0, time.UTC) }

// target is a server that takes posts.
type target struct {
	*httptest.Server

	bodies chan string
}

// takes starts a server, which answers the first posts with the given statuses, and the others with 200.
func takes(t *testing.T, statuses ...int) *target {
	t.Helper()
	to := &target{bodies: make(chan string, 100)}
	var mu sync.Mutex
	to.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		status := http.StatusOK
		if len(statuses) > 0 {
			status, statuses = statuses[0], statuses[1:]
		}
		mu.Unlock()
		if status == http.StatusFound {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(status)
		if r.Header.Get("Content-Type") != "application/json" || r.Method != http.MethodPost {
			t.Errorf("%s with %s", r.Method, r.Header.Get("Content-Type"))
		}
		to.bodies <- r.URL.Path + " " + string(body)
	}))
	t.Cleanup(to.Close)
	return to
}

// records counts what became of alerts, and keeps the log.
type records struct {
	mu    sync.Mutex
	log   bytes.Buffer
	count map[string]int
	// results are what was counted.
	results chan string
}

func (r *records) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Write(p)
}

func (r *records) counted(target, result string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count[target+" "+result]++
	r.results <- target + " " + result
}

func (r *records) state() (log string, count string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String(), fmt.Sprint(r.count)
}

// sender starts a sender.
func sender(t *testing.T, opt Options) (*Sender, *records) {
	t.Helper()
	r := &records{count: map[string]int{}, results: make(chan string, 100)}
	opt.Now, opt.Count, opt.Logger = noon, r.counted, slog.New(slog.NewTextHandler(r, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if opt.pause == 0 {
		opt.pause = time.Millisecond
	}
	s := New(t.Context(), opt)
	t.Cleanup(func() { s.Close(t.Context()) })
	return s, r
}

// flush sends what waits.
func flush(t *testing.T, s *Sender) {
	t.Helper()
	s.Close(t.Context())
}

func TestSlackGetsTextsInLiteLLMsForm(t *testing.T) {
	slack := takes(t)
	s, r := sender(t, Options{
		Types: []Type{BudgetAlerts, LLMExceptions}, Slack: true, SlackURL: Secret(slack.URL + "/T0/SECRET"), Gateway: "https://gateway.test",
		SlackURLs: map[Type][]Secret{LLMExceptions: {Secret(slack.URL + "/one"), Secret(slack.URL + "/two")}},
	})
	s.Send(Alert{Type: BudgetAlerts, Level: High, Text: "it is \"used\" up"})
	s.Send(Alert{Type: LLMExceptions, Level: Low, Text: "failed"})
	s.Send(Alert{Type: KeyCreated, Level: High, Text: "not wanted"})
	flush(t, s)
	close(slack.bodies)
	var got []string
	for body := range slack.bodies {
		path, body, _ := strings.Cut(body, " ")
		var v struct{ Text string }
		if err := json.Unmarshal([]byte(body), &v); err != nil {
			t.Fatal(err)
		}
		got = append(got, path+" "+v.Text)
	}
	want := []string{
		"/T0/SECRET Alert type: `budget_alerts`\nLevel: `High`\nTimestamp: `12:00:00`\n\nMessage: it is \"used\" up\n\nProxy URL: `https://gateway.test`",
		"/one Alert type: `llm_exceptions`\nLevel: `Low`\nTimestamp: `12:00:00`\n\nMessage: failed\n\nProxy URL: `https://gateway.test`",
		"/two Alert type: `llm_exceptions`\nLevel: `Low`\nTimestamp: `12:00:00`\n\nMessage: failed\n\nProxy URL: `https://gateway.test`",
	}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if _, count := r.state(); count != "map[slack sent:3]" {
		t.Error(count)
	}
}

func TestAFailedPostIsRepeatedAndARefusedOneIsNot(t *testing.T) {
	for _, tt := range []struct {
		statuses []int
		posts    int
		count    string
	}{
		{[]int{500, 429, 408}, 4, "map[webhook sent:1]"},
		{[]int{404}, 1, "map[webhook failed:1]"},
		{[]int{302}, 1, "map[webhook failed:1]"}, // the address behind it is nobody's choice
		{[]int{500, 500, 500, 500, 500, 500, 500}, attempts, "map[webhook failed:1]"},
	} {
		hook := takes(t, tt.statuses...)
		s, r := sender(t, Options{Types: []Type{BudgetAlerts}, Webhook: Secret(hook.URL + "/SECRET")})
		s.Send(Alert{Type: BudgetAlerts, Event: &Event{Name: BudgetCrossed, Group: GroupKey}})
		flush(t, s)
		log, count := r.state()
		if len(hook.bodies) != tt.posts || count != tt.count {
			t.Errorf("%v: %d posts, %s", tt.statuses, len(hook.bodies), count)
		}
		if strings.Contains(log, "SECRET") {
			t.Errorf("the log has the address: %s", log)
		}
	}
}

func TestATargetThatIsDownHoldsNothingUp(t *testing.T) {
	hang, begun := make(chan struct{}), make(chan struct{}, 1)
	down := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		select {
		case begun <- struct{}{}:
		default:
		}
		<-hang
	}))
	defer down.Close()
	defer close(hang)
	slack := takes(t)
	s, r := sender(t, Options{Types: []Type{BudgetAlerts}, Slack: true, SlackURL: Secret(slack.URL), Webhook: Secret(down.URL + "/SECRET"), queue: 2})
	one := Alert{Type: BudgetAlerts, Event: &Event{Name: BudgetCrossed}}
	s.Send(one)
	<-begun // the goroutine is busy with the first
	<-slack.bodies
	for range 5 {
		s.Send(one) // two wait, three are dropped
		<-slack.bodies
	}
	for sent := 0; sent < 6; {
		if <-r.results == "slack sent" {
			sent++
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // so that nothing is waited for
	s.Close(ctx)
	s.Send(one) // is not sent any more
	log, count := r.state()
	if count != "map[slack sent:6 webhook dropped:3 webhook failed:3]" {
		t.Error(count)
	}
	if !strings.Contains(log, "an alert could not be sent") || strings.Contains(log, "SECRET") || strings.Contains(log, down.URL) {
		t.Error(log)
	}
}

func TestAnUnreachableAddressIsNotInTheLog(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	for _, url := range []string{gone.URL + "/SECRET", "http://[::1/SECRET", "gopher://SECRET.test/"} {
		s, r := sender(t, Options{Types: []Type{BudgetAlerts}, Slack: true, SlackURL: Secret(url)})
		s.Send(Alert{Type: BudgetAlerts})
		flush(t, s)
		log, count := r.state()
		if count != "map[slack failed:1]" || !strings.Contains(log, "an alert could not be sent") || strings.Contains(log, "SECRET") {
			t.Errorf("%s: %s %s", url, count, log)
		}
	}
}

func TestARedirectionIsNotFollowed(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("an alert went where a redirection leads") }))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		moved := httptest.NewServer(http.RedirectHandler(elsewhere.URL, status))
		s, r := sender(t, Options{Types: []Type{BudgetAlerts}, Slack: true, SlackURL: Secret(moved.URL)})
		s.Send(Alert{Type: BudgetAlerts})
		flush(t, s)
		if _, count := r.state(); count != "map[slack failed:1]" {
			t.Errorf("%d: %s", status, count)
		}
		moved.Close()
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	var b bytes.Buffer
	slog.New(slog.NewTextHandler(&b, nil)).Info("it", "secret", Secret("SECRET"))
	if text := b.String() + fmt.Sprintf("%v %s %q %+v %#v", Secret("SECRET"), Secret("SECRET"), Secret("SECRET"), Options{SlackURL: "SECRET"}, Secret("SECRET")) + Secret("SECRET").String(); strings.Contains(text, "SECRET") {
		t.Error(text)
	}
}

func TestTheWebhookGetsLiteLLMsEvent(t *testing.T) {
	hook := takes(t)
	s, _ := sender(t, Options{Types: []Type{BudgetAlerts, KeyCreated}, Webhook: Secret(hook.URL)})
	e := &Event{Spend: 2e10, Token: "hash", UserID: "ann", TeamID: "geology", TeamAlias: "Rocks", KeyAlias: "k", Group: GroupTeam, Name: BudgetCrossed, Message: "Team Budget: Budget Crossed", Emails: []string{"a@b.test"}}
	e.MaxBudget.Value, e.MaxBudget.Set = 1e10, true
	s.Send(Alert{Type: BudgetAlerts, Event: e})
	s.Send(Alert{Type: KeyCreated, Text: "is no event"})
	flush(t, s)
	const want = `/ {"spend":0.02,"max_budget":0.01,"soft_budget":null,"token":"hash","customer_id":null,"user_id":"ann","team_id":"geology","team_alias":"Rocks","organization_id":null,` +
		`"user_email":null,"key_alias":"k","projected_exceeded_date":null,"projected_spend":null,"event_group":"team","alert_emails":["a@b.test"],"max_budget_alert_emails":null,` +
		`"event":"budget_crossed","event_message":"Team Budget: Budget Crossed"}`
	if got := <-hook.bodies; got != want || len(hook.bodies) > 0 {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestNamesMentionNobody(t *testing.T) {
	e := &Event{Spend: 1, KeyAlias: "<!channel> `x` & co", Group: GroupKey, Message: "m"}
	if text := e.text(); strings.Contains(text, "<!") || !strings.Contains(text, "*key_alias:* `&lt;!channel&gt; 'x' &amp; co`") {
		t.Error(text)
	}
}
