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

// problem is why an address is not fetched, before it is known which field it is
// about. what follows the address in a sentence: "answers 404 Not Found".
type problem struct {
	code  llm.Code
	retry llm.Retry // the code's when empty
	what  string
	fix   string
	err   error
	own   *llm.Error // what is said in place of all that
}

func (p *problem) Error() string { return p.what }
func (p *problem) Unwrap() error { return p.err }

const inline = "Send the content inline as a data URI"

// bad is an address that cannot be understood.
func bad(what string) *problem {
	return &problem{code: llm.CodeBadRequest, what: "is " + what, fix: "Use an http or https URL, or send the content inline as a data URI."}
}

// unfit is an address of a kind that is never fetched.
func unfit(what string) *problem {
	return &problem{code: llm.CodeUnsupported, what: what, fix: "Use an https, http or s3 URL, or send the content inline as a data URI."}
}

// closed is an address that is not to be fetched.
func closed(what string, err error) *problem {
	return &problem{
		code: llm.CodeUnsupported, what: "is " + what, err: err,
		fix: inline + "; the gateway's operator can allow hosts and networks with outcrop_settings.media.allow.",
	}
}

// wrong is content that is not what the field is for.
func wrong(what, fix string) *problem {
	return &problem{code: llm.CodeBadRequest, what: what, fix: fix}
}

// lost is an address that does not give its content.
func lost(what string, err error) *problem {
	return &problem{code: llm.CodeMedia, what: what, err: err, fix: "Check that the URL is publicly readable, or send the content inline as a data URI."}
}

// large is content beyond a limit.
func large(what, fix string) *problem {
	return &problem{code: llm.CodeTooLarge, what: what, fix: fix}
}

// unreachable is a connection that could not be made, or an answer that broke off.
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
	case netguard.IsClosed(err), errors.As(err, &dns) && dns.IsNotFound: // one answer, or a caller could ask which names there are
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

// toError says a problem of an address that a field gives.
func (p *problem) toError(field string, u *url.URL) *llm.Error {
	if p.own != nil {
		e := *p.own // it may be that of others too
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

// cause is an error for the log, in few words: it may repeat what a server sent.
type cause struct{ err error }

func (c cause) Error() string { return llm.Clip(c.err.Error(), 300) }
func (c cause) Unwrap() error { return c.err }

// behind says where a redirect has led to that the problem is about.
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
