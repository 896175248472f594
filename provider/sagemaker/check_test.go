package sagemaker_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"outcrop/llm"
	"outcrop/provider"
	"outcrop/upstream"
)

// check runs the checks of outcrop doctor.
func check(t *testing.T, d provider.Deployment) (found []provider.Finding) {
	t.Helper()
	c, ok := d.(provider.Checker)
	if !ok {
		t.Fatal("it has no checks")
	}
	_, places := c.Identity()
	c.Check(t.Context(), provider.CheckOptions{Locations: places}, func(f provider.Finding) { found = append(found, f) })
	return found
}

const caller = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/gateway</Arn><UserId>1</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`

func TestTheDoctorAsksForTheStatusOfEachEndpoint(t *testing.T) {
	a := startAWS(t, func(w http.ResponseWriter, what, body string) {
		switch {
		case what != "DescribeEndpoint":
			always(200, "text/xml", caller)(w, "", "")
		case strings.Contains(body, "rocks"):
			always(200, "application/x-amz-json-1.1", `{"EndpointName":"rocks","EndpointStatus":"InService"}`)(w, "", "")
		case strings.Contains(body, "slate"):
			always(200, "application/x-amz-json-1.1", `{"EndpointName":"slate","EndpointStatus":"Failed","FailureReason":"The image was not found."}`)(w, "", "")
		default:
			always(400, "application/x-amz-json-1.1", `{"__type":"ValidationException","message":"Could not find endpoint \"arn:aws:sagemaker:eu-west-1:123456789012:endpoint/basalt\"."}`)(w, "", "")
		}
	})
	sts := map[string]string{"aws_sts_endpoint": a.URL}
	// The deployments of one list of providers share their credentials, so the first one's check covers all.
	providers := info(t, "sagemaker_chat")
	client := upstream.New()
	t.Cleanup(client.CloseIdle)
	var first provider.Deployment
	for _, model := range []string{"rocks", "slate", "basalt"} {
		values := map[string]string{"aws_region_name": "eu-west-1", "aws_access_key_id": "AKIAROCK", "aws_secret_access_key": "granite-secret", "aws_sts_endpoint": sts["aws_sts_endpoint"]}
		d, err := providers.Open(t.Context(), provider.Params{Model: model, Upstream: client, Values: values, Environ: func(name string) string { return map[string]string{"AWS_ENDPOINT_URL": a.URL}[name] }})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		if first == nil {
			first = d
		}
	}
	found := check(t, first)
	if len(found) != 4 || found[0].Identity.Principal != "arn:aws:iam::123456789012:user/gateway" || found[0].State != provider.StateOK {
		t.Fatalf("the doctor finds %+v", found)
	}
	if f := found[1]; f.State != provider.StateOK || f.Subject != "DescribeEndpoint" || !strings.Contains(f.Detail, "rocks is InService") {
		t.Errorf("an endpoint in service: %+v", f)
	}
	if f := found[2]; f.State != provider.StateFail || f.Err.Code != llm.CodeModelNotReady || !strings.Contains(f.Err.Message, "The image was not found.") {
		t.Errorf("an endpoint that failed: %+v", f)
	}
	if f := found[3]; f.State != provider.StateFail || f.Err.Code != llm.CodeModelUnknown || !strings.Contains(f.Err.Cause, `"basalt" in eu-west-1`) {
		t.Errorf("an endpoint that does not exist: %+v", f)
	}
}

func TestTheDoctorSaysThatItMayNotAsk(t *testing.T) {
	a := startAWS(t, func(w http.ResponseWriter, what, _ string) {
		if what != "DescribeEndpoint" {
			always(200, "text/xml", caller)(w, "", "")
			return
		}
		always(400, "application/x-amz-json-1.1", `{"__type":"AccessDeniedException","Message":"User: arn:aws:iam::123456789012:user/gateway is not authorized to perform: sagemaker:DescribeEndpoint on resource: arn:aws:sagemaker:eu-west-1:123456789012:endpoint/rocks because no identity-based policy allows the sagemaker:DescribeEndpoint action"}`)(w, "", "")
	})
	found := check(t, opened(t, "sagemaker", "rocks", a.URL, map[string]string{"aws_sts_endpoint": a.URL}))
	if len(found) != 2 || found[1].State != provider.StateWarn || found[1].Err.Code != llm.CodeIdentityMissing || !strings.Contains(string(found[1].Err.Statement), "sagemaker:DescribeEndpoint") || !strings.Contains(found[1].Detail, "calls may work") {
		t.Errorf("the doctor finds %+v", found)
	}
}

func TestTheEndpointsOfTheAccountAreListed(t *testing.T) {
	a := startAWS(t, func(w http.ResponseWriter, what, body string) {
		switch {
		case what != "ListEndpoints":
			always(200, "text/xml", caller)(w, "", "")
		case strings.Contains(body, "NextToken"):
			always(200, "application/x-amz-json-1.1", `{"Endpoints":[{"EndpointName":"basalt-embed","EndpointStatus":"InService"}]}`)(w, "", "")
		default:
			always(200, "application/x-amz-json-1.1", `{"Endpoints":[{"EndpointName":"slate","EndpointStatus":"Creating"},{"EndpointName":"rocks","EndpointStatus":"InService"}],"NextToken":"more"}`)(w, "", "")
		}
	})
	d := opened(t, "sagemaker_chat", "*", a.URL, map[string]string{"aws_sts_endpoint": a.URL})
	l, ok := d.(provider.Lister)
	if !ok {
		t.Fatal("it has no list")
	}
	if status := l.Refresh(t.Context(), time.Time{}); len(status) != 1 || status[0].Err != nil || status[0].Models != 2 {
		t.Fatalf("the list is %+v", status)
	}
	var got []string
	for _, m := range l.Models() {
		got = append(got, m.ID+" "+m.Target.Provider+" "+m.Target.Region)
		if m.ID == "basalt-embed" && m.Verb != llm.VerbEmbed || m.ID == "rocks" && m.Verb != llm.VerbChat {
			t.Errorf("%s is for %d", m.ID, m.Verb)
		}
	}
	if want := "basalt-embed sagemaker_chat eu-west-1|rocks sagemaker_chat eu-west-1"; strings.Join(got, "|") != want {
		t.Errorf("the list is %q", got)
	}
	if r := a.seen[0]; r.Header.Get("X-Amz-Target") != "SageMaker.ListEndpoints" || r.Header.Get("Content-Type") != "application/x-amz-json-1.1" || !strings.Contains(r.Header.Get("Authorization"), "/sagemaker/aws4_request") {
		t.Errorf("the call is %v", r.Header)
	}
	found := check(t, d)
	if len(found) != 2 || found[1].Subject != "ListEndpoints" || found[1].Count != 2 || found[1].Detail != "endpoints that take calls: 2" || found[1].State != provider.StateOK {
		t.Errorf("the doctor finds %+v", found)
	}
}

func TestAnAddressOfTheUsersOwnIsNotLookedUpAtAWS(t *testing.T) {
	a := startAWS(t, always(200, "application/json", completion))
	d, err := open(t, "sagemaker_chat", "rocks", a.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	found := check(t, d)
	if len(found) != 2 || found[1].State != provider.StateSkipped || len(a.seen) != 0 {
		t.Errorf("the doctor finds %+v, with %d calls", found, len(a.seen))
	}
}

func TestARegionThatDoesNotExistIsDoubted(t *testing.T) {
	d, err := openWith(t, "sagemaker_chat", "rocks", map[string]string{"aws_region_name": "eu-wst-1", "aws_access_key_id": "A", "aws_secret_access_key": "B"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	r, ok := d.(provider.Reviewer)
	if !ok {
		t.Fatal("it is not reviewed")
	}
	doubts := r.Doubts()
	if len(doubts) != 1 || doubts[0].Option != "aws_region_name" || !strings.Contains(doubts[0].Message, "eu-west-1") {
		t.Errorf("the doubts are %+v", doubts)
	}
	if found := check(t, d); len(found) != 1 || found[0].Err == nil || found[0].Err.Code != llm.CodeUnknownRegion {
		t.Errorf("the doctor finds %+v", found)
	}
}
