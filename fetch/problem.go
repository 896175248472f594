package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"strings"

	"outcrop/internal/netguard"
	"outcrop/llm"
)

// problem is why a URL was not fetched, before the field is known. what follows the URL in a
// sentence: "answers 404 Not Found".
type problem struct {
	code  llm.Code
	retry llm.Retry // the code's if empty
	what  string
	fix   string
	err   error
	own   *llm.Error // replaces all of the above
}

func (p *problem) Error() string { return p.what }
func (p *problem) Unwrap() error { return p.err }

const inline = "Send the content inline as a data URI"

// bad is the problem of a malformed URL.
func bad(what string) *problem {
	return &problem{code: llm.CodeBadRequest, what: "is " + what, fix: "Use an http or https URL, or send the content inline as a data URI."}
}

// unfit is the problem of a URL that is never fetched, because of its scheme or a redirect from
// https to http.
func unfit(what string) *problem {
	return &problem{code: llm.CodeUnsupported, what: what, fix: "Use an https, http or s3 URL, or send the content inline as a data URI."}
}

// closed is the problem of a URL that must not be fetched.
func closed(what string, err error) *problem {
	return &problem{
		code: llm.CodeUnsupported, what: "is " + what, err: err,
		fix: inline + "; the gateway's operator can allow hosts and networks with outcrop_settings.media.allow.",
	}
}

// wrong is the problem of content that does not fit the field.
func wrong(what, fix string) *problem {
	return &problem{code: llm.CodeBadRequest, what: what, fix: fix}
}

// lost is the problem of a URL whose content could not be read.
func lost(what string, err error) *problem {
	return &problem{code: llm.CodeMedia, what: what, err: err, fix: "Check that the URL is publicly readable, or send the content inline as a data URI."}
}

// large is the problem of content beyond a limit.
func large(what, fix string) *problem {
	return &problem{code: llm.CodeTooLarge, what: what, fix: fix}
}

// unreachable is the problem of a connection that could not be made, or that broke off.
func unreachable(ctx context.Context, err error) *problem {
	if p, ok := errors.AsType[*problem](context.Cause(ctx)); ok {
		return p
	}
	var (
		dns     *net.DNSError
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		record  tls.RecordHeaderError
	)
	switch {
	case netguard.IsClosed(err), errors.As(err, &dns) && dns.IsNotFound: // one message for both, or a client could find out which names exist
		p := lost("has a host that is not in DNS or not public", err)
		p.retry = llm.RetryNo
		p.fix = inline + "; the gateway's operator can allow hosts and networks with outcrop_settings.media.allow."
		return p
	case errors.As(err, &unknown), errors.As(err, &name), errors.As(err, &invalid), errors.As(err, &record):
		p := lost("has no valid TLS certificate", err)
		p.retry = llm.RetryNo
		return p
	default:
		return lost("could not be reached", err)
	}
}

// toError makes the error for the field with the URL.
func (p *problem) toError(field string, u *url.URL) *llm.Error {
	if p.own != nil {
		e := *p.own // other fields may have the same error
		return &e
	}
	status := p.code.Info().Status
	e := &llm.Error{Code: p.code, Status: status, Param: llm.Clip(field, 256), Fix: p.fix, Retry: p.retry}
	if p.code == llm.CodeOverloaded {
		e.RetryAfter = "1"
	}
	e.Message = field + " " + p.what + "."
	e.Logged = e.Message
	if u != nil {
		e.Message = field + ": " + show(u, true) + " " + p.what + "."
		e.Logged = field + ": " + show(u, false) + " " + p.what + "."
	}
	if p.err != nil {
		e.Err = cause{p.err}
	}
	return e
}

// cause is an error for the log, shortened: it may repeat data from a server.
type cause struct{ err error }

func (c cause) Error() string { return llm.Clip(c.err.Error(), 300) }
func (c cause) Unwrap() error { return c.err }

// behind adds the target of the redirect that the problem is about.
func (p *problem) behind(u *url.URL, hops int) *problem {
	if hops == 0 {
		return p
	}
	own := *p
	if rest, ok := strings.CutPrefix(p.what, "is a URL"); ok {
		own.what = "redirects to a URL" + rest
	} else {
		own.what = "redirects to " + show(u, false) + ", which " + p.what
	}
	return &own
}
