package httpd

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"
)

// acceptPause is the minimum time between two warnings about failures to accept connections:
// net/http retries within a second for as long as the failure lasts.
const acceptPause = time.Minute

// serverLog is the slog.Handler for net/http's own messages. Failures to accept connections,
// usually because the process is out of file descriptors, are warned of at once and then once a
// minute; everything else has level debug.
type serverLog struct {
	log *slog.Logger

	mu     sync.Mutex
	warned time.Time // when the last warning was logged
	held   int       // failures since then
}

// acceptFailed is the prefix of the message that http.Server.Serve logs when it cannot accept a
// connection.
const acceptFailed = "http: Accept error: "

// Enabled reports true: Handle chooses the level.
func (l *serverLog) Enabled(context.Context, slog.Level) bool { return true }

// Handle processes one message of net/http's.
func (l *serverLog) Handle(ctx context.Context, r slog.Record) error {
	failure, ok := strings.CutPrefix(r.Message, acceptFailed)
	if !ok {
		l.log.DebugContext(ctx, r.Message)
		return nil
	}
	n, due := l.count(time.Now())
	if !due {
		return nil
	}
	failure, _, _ = strings.Cut(failure, "; retrying")
	attrs := []slog.Attr{slog.String("error", failure), slog.Int("failures", n)}
	if strings.Contains(failure, "too many open files") {
		attrs = append(attrs, slog.String("fix", "Raise the process's limit of open files (ulimit -n, LimitNOFILE); process_open_fds in /metrics shows how many are in use."))
	}
	l.log.LogAttrs(ctx, slog.LevelWarn, "cannot accept connections; clients wait or are refused", attrs...)
	return nil
}

// WithAttrs and WithGroup are never called: net/http has a log.Logger.
func (l *serverLog) WithAttrs([]slog.Attr) slog.Handler { return l }

// WithGroup is like WithAttrs.
func (l *serverLog) WithGroup(string) slog.Handler { return l }

// count counts a failure, and returns the number of failures since the last warning if the next
// warning is due.
func (l *serverLog) count(now time.Time) (n int, due bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held++
	if !l.warned.IsZero() && now.Sub(l.warned) < acceptPause {
		return 0, false
	}
	n, l.held, l.warned = l.held, 0, now
	return n, true
}

// Watch returns a listener that calls refused with the status of each request that net/http itself
// refuses: invalid HTTP, a header that is too large, an unsupported expectation. No handler sees
// those. Its connections take no more of a response than the client reads, and a little.
func Watch(l net.Listener, refused func(status int)) net.Listener {
	return &watched{Listener: l, refused: refused}
}

type watched struct {
	net.Listener
	refused func(status int)
}

func (w *watched) Accept() (net.Conn, error) {
	c, err := w.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		limitUnsent(tcp)
		return &watchedConn{TCPConn: tcp, refused: w.refused}, nil
	}
	return c, nil
}

// watchedConn inspects what is written to find responses of net/http's own. Otherwise it behaves
// like a TCPConn: after a refusal net/http closes only the writing half of one, so that the client
// can read it.
type watchedConn struct {
	*net.TCPConn
	refused func(status int)
}

// ownHeader follows the status line of the responses that http.Server itself writes to a
// connection, and of no others: a handler's response has a Date there.
const ownHeader = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"

func (c *watchedConn) Write(p []byte) (int, error) {
	if status := ownRefusal(p); status != 0 {
		c.refused(status)
	}
	return c.TCPConn.Write(p)
}

// ownRefusal returns the status of a response with which net/http itself refuses a request; 0 for
// everything else.
func ownRefusal(p []byte) int {
	const version = "HTTP/1.1 "
	if !bytes.HasPrefix(p, []byte(version)) || len(p) < len(version)+3 {
		return 0
	}
	code := p[len(version) : len(version)+3]
	for _, digit := range code {
		if digit < '0' || digit > '9' {
			return 0
		}
	}
	status := int(code[0]-'0')*100 + int(code[1]-'0')*10 + int(code[2]-'0')
	line := bytes.IndexByte(p, '\r')
	if status == 417 || line >= 0 && bytes.HasPrefix(p[line:], []byte(ownHeader)) {
		return status
	}
	return 0
}
