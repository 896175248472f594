package alert

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"html"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"

	"outcrop/llm"
)

// Mail is the server that takes mail, and who sends it.
type Mail struct {
	Host string
	Port int
	// User and Password are for servers that ask for them; empty otherwise.
	User     string
	Password Secret
	// From is the sender's address.
	From string
	// Implicit is whether TLS begins with the connection. Otherwise it begins with STARTTLS, unless Plain says that
	// nothing is encrypted; a password is then sent to this machine only.
	Implicit, Plain bool
	// Timeout bounds an attempt; 30 seconds if it is 0.
	Timeout time.Duration

	trust *tls.Config // for tests; nil for the system's certificates
}

// recipients are who gets the mail about an event, once each, and only addresses.
func (e *Event) recipients() (all []string) {
	for _, to := range append([]string{e.UserEmail}, e.Emails...) {
		parsed, err := mail.ParseAddress(to)
		if err == nil && !slices.Contains(all, parsed.Address) {
			all = append(all, parsed.Address)
		}
	}
	return all
}

// send makes one attempt to send the mail about an event.
func (m *Mail) send(ctx context.Context, e *Event, to []string, now time.Time) (err error) {
	wait := m.Timeout
	if wait == 0 {
		wait = 30 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	client, stop, err := m.dial(ctx)
	if err != nil {
		return err
	}
	defer stop()
	if m.User != "" && m.Password != "" {
		if err := client.Auth(smtp.PlainAuth("", m.User, m.Password.Reveal(), m.Host)); err != nil {
			return permanent(err)
		}
	}
	if err := client.Mail(m.From); err != nil {
		return permanent(err)
	}
	for _, one := range to {
		if err := client.Rcpt(one); err != nil {
			return permanent(err)
		}
	}
	w, err := client.Data()
	if err != nil {
		return permanent(err)
	}
	if _, err = w.Write(m.message(e, to, now)); err == nil {
		err = w.Close()
	}
	if err != nil {
		return permanent(err)
	}
	_ = client.Quit() // the server has the mail already
	return nil
}

// dial connects to the server, and encrypts the connection. stop closes it.
func (m *Mail) dial(ctx context.Context) (client *smtp.Client, stop func(), err error) {
	settings := &tls.Config{ServerName: m.Host, MinVersion: tls.VersionTLS12}
	if m.trust != nil {
		settings.RootCAs = m.trust.RootCAs
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(m.Host, strconv.Itoa(m.Port)))
	if err != nil {
		return nil, nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return nil, nil, errors.Join(err, conn.Close())
		}
	}
	ended := context.AfterFunc(ctx, func() { _ = conn.Close() })
	stop = func() {
		ended()
		_ = conn.Close()
	}
	if m.Implicit {
		conn = tls.Client(conn, settings)
	}
	if client, err = smtp.NewClient(conn, m.Host); err != nil {
		stop()
		return nil, nil, permanent(err)
	}
	if !m.Implicit && !m.Plain {
		if err := client.StartTLS(settings); err != nil {
			stop()
			return nil, nil, permanent(err)
		}
	}
	return client, stop, nil
}

// permanent makes an error of a server that refuses for good one after which nothing is sent again.
func permanent(err error) error {
	var said *textproto.Error
	if errors.As(err, &said) && said.Code >= 500 {
		return &finalError{err}
	}
	return err
}

// message is the mail about an event.
func (m *Mail) message(e *Event, to []string, now time.Time) []byte {
	var b bytes.Buffer
	subject, _, _ := strings.Cut(e.Message, "\n")
	for _, h := range [][2]string{
		{"From", m.From},
		{"To", strings.Join(to, ", ")},
		{"Subject", mime.QEncoding.Encode("utf-8", "Outcrop: "+strings.ReplaceAll(strings.TrimSpace(subject), "\r", " "))},
		{"Date", now.Format(time.RFC1123Z)},
		{"Message-ID", "<" + rand.Text() + "@outcrop>"},
		{"MIME-Version", "1.0"},
		{"Content-Type", `text/html; charset="utf-8"`},
		{"Content-Transfer-Encoding", "quoted-printable"},
	} {
		b.WriteString(h[0] + ": " + h[1] + "\r\n")
	}
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	_, _ = fmt.Fprintf(w, "<p>%s</p>\r\n<table>\r\n", strings.ReplaceAll(html.EscapeString(e.Message), "\n", "<br/>"))
	for _, f := range e.facts() {
		_, _ = fmt.Fprintf(w, "<tr><td>%s</td><td>%s</td></tr>\r\n", f.name, html.EscapeString(llm.Clip(f.value, maxShown)))
	}
	_, _ = fmt.Fprint(w, "</table>\r\n")
	if e.Name == BudgetCrossed {
		_, _ = fmt.Fprint(w, "<p>Calls are refused until the budget is raised or its next period begins.</p>\r\n")
	}
	_ = w.Close() // it writes to memory
	return b.Bytes()
}
