package alert

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"mime/quotedprintable"
	"net"
	"net/http/httptest"
	"net/mail"
	"net/textproto"
	"strings"
	"sync"
	"testing"
)

// letter is a mail that a server has taken.
type letter struct {
	from, login, text string
	to                []string
	encrypted         bool
}

// post is a mail server.
type post struct {
	t        *testing.T
	tls      *tls.Config
	listener net.Listener
	letters  chan letter
	over     sync.WaitGroup
	// refuse is the answer to MAIL; empty to take it.
	refuse string
}

// mailServer starts a server, and returns it with the settings that reach it. implicit is whether TLS begins with
// the connection.
func mailServer(t *testing.T, implicit bool) (*post, *Mail) {
	t.Helper()
	web := httptest.NewTLSServer(nil) // for its certificate
	web.Close()
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	p := &post{t: t, tls: &tls.Config{Certificates: web.TLS.Certificates, MinVersion: tls.VersionTLS12}, letters: make(chan letter, 10)}
	var err error
	if p.listener, err = (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	p.over.Go(func() {
		for {
			conn, err := p.listener.Accept()
			if err != nil {
				return
			}
			if implicit {
				conn = tls.Server(conn, p.tls)
			}
			p.over.Go(func() { p.serve(conn, implicit) })
		}
	})
	t.Cleanup(func() {
		_ = p.listener.Close()
		p.over.Wait()
	})
	return p, &Mail{
		Host: "127.0.0.1", Port: p.listener.Addr().(*net.TCPAddr).Port, User: "ann", Password: "SECRET", From: "outcrop@example.com", Implicit: implicit,
		trust: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
	}
}

// serve speaks SMTP (RFC 5321) with a client.
func (p *post) serve(conn net.Conn, encrypted bool) {
	text := textproto.NewConn(conn)
	defer func() { _ = text.Close() }()
	l := letter{encrypted: encrypted}
	say := func(line string) { _ = text.PrintfLine("%s", line) }
	say("220 post.test")
	for {
		line, err := text.ReadLine()
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(line, " ")
		switch strings.ToUpper(verb) {
		case "EHLO":
			say("250-post.test")
			if !l.encrypted {
				say("250-STARTTLS")
			}
			say("250 AUTH PLAIN")
		case "STARTTLS":
			say("220 go ahead")
			conn = tls.Server(conn, p.tls)
			text, l.encrypted = textproto.NewConn(conn), true
		case "AUTH":
			raw, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(rest, "PLAIN "))
			l.login = strings.ReplaceAll(string(raw), "\x00", "/")
			say("235 welcome")
		case "MAIL":
			if p.refuse != "" {
				say(p.refuse)
				continue
			}
			l.from = rest
			say("250 ok")
		case "RCPT":
			l.to = append(l.to, rest)
			say("250 ok")
		case "DATA":
			say("354 go ahead")
			body, err := io.ReadAll(text.DotReader())
			if err != nil {
				p.t.Error(err)
			}
			l.text = string(body)
			p.letters <- l
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("502 what?")
		}
	}
}

// crossed is an event for people with addresses.
func crossed() Alert {
	return Alert{Type: BudgetAlerts, Event: &Event{
		Spend: 2e10, UserEmail: "ann@example.com", Emails: []string{"ann@example.com", "Bob <bob@example.com>", "no address\r\nBcc: x@y.test"},
		KeyAlias: "<b>key</b>", Group: GroupKey, Name: BudgetCrossed, Message: "Key Budget: Budget Crossed\n Total Budget:`0.01`",
	}}
}

func TestMailIsSentEncrypted(t *testing.T) {
	for name, implicit := range map[string]bool{"STARTTLS": false, "TLS from the start": true} {
		t.Run(name, func(t *testing.T) {
			p, m := mailServer(t, implicit)
			s, r := sender(t, Options{Types: []Type{BudgetAlerts}, Mail: m})
			s.Send(crossed())
			s.Send(Alert{Type: BudgetAlerts, Event: &Event{Name: BudgetCrossed}}) // to nobody
			flush(t, s)
			if log, count := r.state(); count != "map[email sent:1]" {
				t.Fatal(count, log)
			}
			l := <-p.letters
			if !l.encrypted || l.login != "/ann/SECRET" || !strings.HasPrefix(l.from, "FROM:<outcrop@example.com>") || strings.Join(l.to, " ") != "TO:<ann@example.com> TO:<bob@example.com>" {
				t.Errorf("%+v", l)
			}
			msg, err := mail.ReadMessage(strings.NewReader(l.text))
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(quotedprintable.NewReader(msg.Body))
			if err != nil {
				t.Fatal(err)
			}
			if msg.Header.Get("Subject") != "Outcrop: Key Budget: Budget Crossed" || msg.Header.Get("To") != "ann@example.com, bob@example.com" || msg.Header.Get("Bcc") != "" {
				t.Error(msg.Header)
			}
			for _, want := range []string{"<td>spend</td><td>0.02</td>", "<td>&lt;b&gt;key&lt;/b&gt;</td>", "Calls are refused until"} {
				if !strings.Contains(string(body), want) {
					t.Errorf("no %s in %s", want, body)
				}
			}
		})
	}
}

func TestMailIsNotSentInTheClearUnlessTheOperatorSaysSo(t *testing.T) {
	p, m := mailServer(t, false)
	m.trust = nil // the server's certificate is nobody's
	s, r := sender(t, Options{Types: []Type{BudgetAlerts}, Mail: m})
	s.Send(crossed())
	flush(t, s)
	log, count := r.state()
	if count != "map[email failed:1]" || len(p.letters) > 0 || strings.Contains(log, "SECRET") || !strings.Contains(log, "certificate") {
		t.Error(count, log)
	}
	m.Plain = true
	s, r = sender(t, Options{Types: []Type{BudgetAlerts}, Mail: m})
	s.Send(crossed())
	flush(t, s)
	if log, count := r.state(); count != "map[email sent:1]" || (<-p.letters).encrypted {
		t.Error(count, log)
	}
}

func TestAServerThatRefusesMailIsAskedOnceIfItIsForGood(t *testing.T) {
	for answer, want := range map[string]int{"550 not from you": 1, "451 later": attempts} {
		p, m := mailServer(t, false)
		p.refuse = answer
		s, r := sender(t, Options{Types: []Type{BudgetAlerts}, Mail: m})
		s.Send(crossed())
		flush(t, s)
		log, count := r.state()
		if asked := strings.Count(log, answer[4:]); count != "map[email failed:1]" || asked != want {
			t.Errorf("%s: %s, %d times\n%s", answer, count, asked, log)
		}
	}
}
