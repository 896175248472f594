package alert

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// Secret is an address that may contain a token, or a password. It prints as [secret].
type Secret string

// Reveal is the text itself.
func (s Secret) Reveal() string { return string(s) }

// String is [secret].
func (s Secret) String() string { return "[secret]" }

// Format writes [secret] whatever the verb is.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[secret]")) }

// LogValue is [secret].
func (s Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

// Options are where alerts go.
type Options struct {
	// Types are those that are sent.
	Types []Type
	// Slack is whether Slack gets alerts: those of a type in SlackURLs at these addresses, others at SlackURL.
	Slack     bool
	SlackURL  Secret
	SlackURLs map[Type][]Secret
	// Webhook gets the events of budgets; empty for none.
	Webhook Secret
	// Mail gets the events of budgets; nil for none.
	Mail *Mail
	// Gateway is the gateway's own address, which Slack's alerts have at their end; empty for none.
	Gateway string
	Now     func() time.Time // time.Now if nil
	Logger  *slog.Logger
	// Log is whether alerts are written to the log too.
	Log bool
	// Digests are the types of which Slack gets one alert for each model in place of all in this time.
	Digests map[Type]time.Duration
	// Count counts what became of an alert at a target: sent, failed, or dropped because too many waited.
	Count func(target, result string)

	queue int           // alerts that wait for a target; 0 for the default
	pause time.Duration // before an alert is sent again for the first time; 0 for the default
}

// Targets of alerts, as metrics have them.
const (
	TargetSlack   = "slack"
	TargetWebhook = "webhook"
	TargetMail    = "email"
)

// Results of alerts, as metrics have them.
const (
	Sent    = "sent"
	Failed  = "failed"
	Dropped = "dropped"
)

const (
	queued     = 1000
	firstPause = time.Second
	longPause  = 30 * time.Second
	attempts   = 6
	timeout    = 10 * time.Second
)

// Sender sends alerts. Each kind of target has a queue and a goroutine of its own, so that one that is down does not
// hold up the others; what does not fit into a queue is dropped and counted. It is safe for concurrent use.
type Sender struct {
	opt    Options
	types  map[Type]bool
	client *http.Client
	lanes  []*lane
	over   sync.WaitGroup
	cancel context.CancelFunc

	digests *digests
	// gathering ends with stopGathering.
	gathering     sync.WaitGroup
	stopGathering context.CancelFunc

	mu     sync.RWMutex
	closed bool
}

// lane is what waits for a target.
type lane struct {
	target string
	queue  chan message
}

// message is an alert on its way.
type message struct {
	about Type
	// send makes one attempt.
	send func(ctx context.Context) error
}

// finalError is an error after which another attempt would fail alike.
type finalError struct{ err error }

func (e *finalError) Error() string { return e.err.Error() }
func (e *finalError) Unwrap() error { return e.err }

// New starts a sender, which works until Close.
func New(ctx context.Context, opt Options) *Sender {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.queue == 0 {
		opt.queue = queued
	}
	if opt.pause == 0 {
		opt.pause = firstPause
	}
	s := &Sender{opt: opt, types: map[Type]bool{}, digests: newDigests(opt.Digests, opt.Now), stopGathering: func() {}}
	for _, t := range opt.Types {
		s.types[t] = true
	}
	s.client = &http.Client{
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true},
		Timeout:   timeout,
		// A redirect would carry the alert to an address that the operator has not named.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.cancel = cancel
	for _, target := range s.Targets() {
		l := &lane{target: target, queue: make(chan message, opt.queue)}
		s.lanes = append(s.lanes, l)
		s.over.Go(func() { s.work(background, l) })
	}
	if len(opt.Digests) > 0 && opt.Slack {
		gathering, stop := context.WithCancel(background)
		s.stopGathering = stop
		s.gathering.Go(func() { s.digests.run(gathering, s.sendDigest) })
	}
	return s
}

// Targets are those that get alerts.
func (s *Sender) Targets() (all []string) {
	if s.opt.Slack {
		all = append(all, TargetSlack)
	}
	if s.opt.Webhook != "" {
		all = append(all, TargetWebhook)
	}
	if s.opt.Mail != nil {
		all = append(all, TargetMail)
	}
	return all
}

// Wants reports whether alerts of a type are sent anywhere.
func (s *Sender) Wants(t Type) bool { return s.types[t] && len(s.lanes) > 0 }

// Send queues an alert. It does not block.
func (s *Sender) Send(a Alert) {
	if !s.types[a.Type] {
		return
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return
	}
	s.log(&a, a.Text)
	for _, l := range s.lanes {
		if l.target == TargetSlack && s.Gathers(a.Type) {
			s.digests.add(&a)
			continue
		}
		s.enqueue(l, a.Type, s.sends(l.target, &a))
	}
}

// Gathers reports whether alerts of a type are gathered, so that all of them have to be sent to be counted.
func (s *Sender) Gathers(t Type) bool { return s.opt.Slack && s.digests.gathers(t) }

// sendDigest queues one alert for all that were gathered.
func (s *Sender) sendDigest(one *digest) {
	for _, l := range s.lanes {
		if l.target == TargetSlack {
			s.enqueue(l, one.first.Type, s.slack(one.first.Type, one.text()))
		}
	}
}

// log writes an alert to the log, if that is wanted.
func (s *Sender) log(a *Alert, text string) {
	if s.opt.Log {
		s.opt.Logger.Info("an alert is sent", slog.String("type", string(a.Type)), slog.String("level", string(a.Level)), slog.String("text", text))
	}
}

// enqueue queues what is sent to a target, as far as there is room.
func (s *Sender) enqueue(l *lane, about Type, all []func(ctx context.Context) error) {
	for _, send := range all {
		select {
		case l.queue <- message{about, send}:
		default:
			s.opt.Count(l.target, Dropped)
		}
	}
}

// sends are what an alert is to a target: none if it is not for it.
func (s *Sender) sends(target string, a *Alert) []func(ctx context.Context) error {
	switch {
	case target == TargetSlack:
		return s.slack(a.Type, s.slackText(a))
	case a.Event == nil:
		return nil
	case target == TargetWebhook:
		body := a.Event.JSON()
		return []func(context.Context) error{func(ctx context.Context) error { return s.post(ctx, s.opt.Webhook, body) }}
	default:
		to := a.Event.recipients()
		if len(to) == 0 {
			return nil
		}
		return []func(context.Context) error{func(ctx context.Context) error { return s.opt.Mail.send(ctx, a.Event, to, s.opt.Now()) }}
	}
}

// work sends what is queued for a target until the queue is closed or the context ends.
func (s *Sender) work(ctx context.Context, l *lane) {
	for m := range l.queue {
		err := s.deliver(ctx, l, &m)
		if err == nil {
			s.opt.Count(l.target, Sent)
			continue
		}
		s.opt.Count(l.target, Failed)
		s.opt.Logger.Warn("an alert could not be sent", slog.String("target", l.target), slog.String("type", string(m.about)), slog.String("error", err.Error()))
	}
}

// deliver sends a message, in several attempts if need be.
func (s *Sender) deliver(ctx context.Context, l *lane, m *message) (err error) {
	pause := s.opt.pause
	for attempt := 1; ; attempt++ {
		if ctx.Err() != nil {
			return errors.Join(err, errors.New("the gateway has ended before it was sent"))
		}
		if err = m.send(ctx); err == nil {
			return nil
		}
		var final *finalError
		if attempt == attempts || errors.As(err, &final) {
			return err
		}
		s.opt.Logger.Debug("an alert is sent again", slog.String("target", l.target), slog.Int("attempt", attempt), slog.String("error", err.Error()))
		wait := time.NewTimer(pause/2 + rand.N(pause/2+1)) //nolint:gosec // a pause is no secret
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
		}
		pause = min(2*pause, longPause)
	}
}

// Close sends what waits, as far as the context lets it, and ends the goroutines. Later alerts are not sent.
func (s *Sender) Close(ctx context.Context) {
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	s.mu.Unlock()
	if closed {
		return
	}
	s.stopGathering()
	s.gathering.Wait()
	gathered, _ := s.digests.take(true)
	for _, one := range gathered {
		s.sendDigest(one)
	}
	for _, l := range s.lanes {
		close(l.queue)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.over.Wait()
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	s.cancel()
	<-done
	s.client.CloseIdleConnections()
}
