package bedrock

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/bedrock/diagnose"
	"outcrop/provider/bedrock/endpoint"
	"outcrop/upstream"
)

// endpoint checks the connection to a region: which hosts are called, whether they respond, what
// their clocks show, and whether a proxy or VPC endpoint is in between.
func (x *check) endpoint(ctx context.Context, region string) {
	service, find := endpoint.Runtime, x.d.runtime
	if x.d.overrides.mantle { // which calls no other host
		service, find = endpoint.Mantle, x.d.mantle
	}
	end, err := find(region)
	if err != nil {
		x.found(ctx, provider.Finding{
			Check: provider.CheckEndpoint, Subject: service.String(), Location: region,
			State: provider.StateFail, Err: llm.AsError(requestError(err)),
		})
		return
	}
	x.reach(ctx, service, region, end)
	if !x.Brief {
		if control, err := x.d.control(region); err == nil && x.d.listable { // else nothing is listed, and that was said
			x.reach(ctx, endpoint.Control, region, control)
		}
	}
	x.network(ctx, region, end.URL("", ""))
}

// reach checks whether a host responds. The call is not signed and requests nothing, so it needs no
// permission and is free of charge; AWS's refusal contains the time. Model calls do not need the control
// plane.
func (x *check) reach(ctx context.Context, service endpoint.Service, region string, end *endpoint.Endpoint) {
	d := x.d
	f := provider.Finding{Check: provider.CheckEndpoint, Subject: service.String(), Location: region, State: provider.StateOK, Detail: where(end)}
	if end.From != "" {
		f.Address, f.Setting = end.String(), end.From
	}
	limited, cancel := context.WithTimeout(ctx, x.Timeout)
	defer cancel()
	sent := d.now()
	start := time.Now()
	resp, err := d.client.Do(limited, &upstream.Request{Method: http.MethodGet, URL: end.URL("", ""), Header: http.Header{}})
	f.Took = time.Since(start)
	if err != nil {
		f.State, f.Err = provider.StateFail, diagnose.Transport(err, llm.Destination{API: "converse", Region: end.Region, Note: d.params.Note})
		f.Err.Message = f.Detail + ": " + f.Err.Message
		if service == endpoint.Control {
			f.State = provider.StateWarn
		}
		x.found(ctx, f)
		return
	}
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection can be used again
	_ = resp.Body.Close()
	x.found(ctx, f)
	x.clock(ctx, sent.Add(f.Took/2), resp.Header.Get("Date"), end.Host)
}

// where describes an endpoint.
func where(end *endpoint.Endpoint) string {
	if end.From == "" {
		return end.String() + ", AWS's default"
	}
	return end.String() + ", set by " + end.From
}

// Bounds of a clock. AWS refuses a signature that is more than five minutes old or
// ahead (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html).
const (
	clockNear = time.Minute
	clockFar  = 5 * time.Minute
)

// clock compares this machine's time with that of a response, once.
func (x *check) clock(ctx context.Context, ours time.Time, date, host string) {
	x.mu.Lock()
	done := x.timed
	x.timed = true
	x.mu.Unlock()
	if done {
		return
	}
	f := provider.Finding{Check: provider.CheckClock, Subject: host}
	theirs, err := http.ParseTime(date)
	if err != nil {
		f.State, f.Detail = provider.StateSkipped, host+" sent no Date header"
		x.found(ctx, f)
		return
	}
	off := ours.Sub(theirs).Round(time.Second)
	f.Ours, f.Theirs, f.State = ours.UTC().Truncate(time.Second), theirs.UTC(), provider.StateOK
	both := fmt.Sprintf("it is %s here and %s at AWS", f.Ours.Format(time.RFC3339), f.Theirs.Format(time.RFC3339))
	const fix = "Correct this machine's clock, preferably with NTP."
	switch {
	case off.Abs() <= clockNear:
		f.Detail = "within " + max(off.Abs(), time.Second).String() + " of the time of " + host
	case off.Abs() <= clockFar:
		f.State, f.Detail, f.Fix = provider.StateWarn, "off by "+off.Abs().String()+": "+both+"; AWS refuses signatures that are off by five minutes or more", fix
	default:
		f.State = provider.StateFail
		f.Err = &llm.Error{Code: llm.CodeClockSkew, Status: 403, Message: "this machine's clock is off by " + off.Abs().String() + ": " + both + ".", Fix: fix}
	}
	x.found(ctx, f)
}

// proxyVariables are those that net/http reads, in the process's own environment.
// It is never written to.
var proxyVariables = [...]string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"}

// network reports a proxy or VPC endpoint between this machine and a host.
func (x *check) network(ctx context.Context, region string, u *url.URL) {
	f := provider.Finding{Check: provider.CheckNetwork, Subject: "proxy", Location: region, State: provider.StateOK}
	set := ""
	for _, name := range proxyVariables {
		if set == "" && os.Getenv(name) != "" {
			set = name
		}
	}
	proxy, err := x.d.client.Proxy(u)
	switch {
	case err != nil:
		f.State, f.Err = provider.StateFail, &llm.Error{
			Code: llm.CodeUnreachable, Status: 503, Message: set + " is not the URL of a proxy.", // the error would show it
			Fix: "Set it to a URL such as http://proxy.example:3128, or unset it.", Err: err,
		}
	case proxy != nil:
		f.Detail = "calls to " + u.Host + " go through " + proxy.Scheme + "://" + proxy.Host
	case set != "":
		f.Detail = "none for " + u.Host + ", although " + set + " is set: NO_PROXY, the scheme or a local address excludes it"
	default:
		f.Detail = "none"
		for _, name := range proxyVariables {
			if x.d.params.Environ(name) != "" {
				f.State, f.Detail = provider.StateWarn, name+" in environment_variables has no effect; no proxy is used"
				f.Fix = "Set it in the environment of the Outcrop process."
				break
			}
		}
	}
	if f.State != provider.StateOK || f.Detail != "none" || !x.Brief {
		x.found(ctx, f)
	}
	if proxy != nil || err != nil || x.Brief {
		return
	}
	x.address(ctx, region, u.Hostname())
}

// address reports whether a host is a VPC endpoint, by its name or by the addresses that it
// resolves to.
func (x *check) address(ctx context.Context, region, host string) {
	f := provider.Finding{Check: provider.CheckNetwork, Subject: "address", Location: region, State: provider.StateOK}
	named := strings.HasPrefix(host, "vpce-") && strings.Contains(host, ".vpce.")
	limited, cancel := context.WithTimeout(ctx, x.Timeout)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupNetIP(limited, "ip", host)
	private := 0
	for _, a := range addresses {
		if isPrivate(a) {
			private++
		}
	}
	const policy = "the endpoint's policy applies to every call"
	switch {
	case err != nil: // the endpoint's own check has failed
		return
	case len(addresses) > 0 && addresses[0].Unmap().IsLoopback():
		f.Detail = host + " is this machine"
	case private > 0 && private == len(addresses):
		f.Detail = host + " resolves to the private address " + addresses[0].Unmap().String() + ", a VPC endpoint; " + policy
		if endpoint.RegionOf(host) == "" {
			f.Detail = host + " resolves to the private address " + addresses[0].Unmap().String()
		}
	case named:
		f.Detail = host + " is a VPC endpoint; " + policy
	default:
		f.Detail = host + " resolves to public addresses, not to a VPC endpoint"
	}
	x.found(ctx, f)
}

// carriers are the addresses of RFC 6598, which networks in AWS use as private
// ones. It is never written to.
var carriers = netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, 0, 0}), 10)

func isPrivate(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsPrivate() || carriers.Contains(a)
}
