package bedrock

import (
	"context"
	"testing"
	"time"

	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/bedrock/inventory"
	"outcrop/upstream"
)

// within fails if something is not done within a time that is long enough on every
// machine.
func within(t *testing.T, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatalf("%s waits", what)
	}
}

func async(do func()) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	return done
}

func TestAnAccountThatIsSlowToCloseStopsNobody(t *testing.T) {
	known := &identities{}
	params := func(key string) provider.Params {
		return provider.Params{Values: map[string]string{"api_key": key}, Environ: func(string) string { return "" }}
	}
	slow, err := known.account(params("a"), overridden{})
	if err != nil {
		t.Fatal(err)
	}
	begun, release := make(chan struct{}, 1), make(chan struct{})
	var get inventory.Get = func(context.Context, string, string, ...string) ([]byte, error) {
		select {
		case begun <- struct{}{}:
		default:
		}
		<-release
		return nil, &llm.Error{Code: llm.CodeUnreachable, Status: 503}
	}
	reading := async(func() { _ = slow.Refresh(t.Context(), "us-east-1", time.Now(), get) })
	<-begun
	end := known.releaseAccount(slow)
	closed := async(end)
	var second *account
	within(t, "another account", async(func() { second, err = known.account(params("b"), overridden{}) }))
	if err != nil {
		t.Error(err)
	}
	select {
	case <-closed:
		t.Error("the first is closed under its reading")
	default:
	}
	close(release)
	<-closed
	<-reading
	known.releaseAccount(second)()
	if known.accounts.Len() != 0 {
		t.Errorf("%d accounts are left", known.accounts.Len())
	}
}

func TestAGuestIsOpenedWithoutHoldingUpOthers(t *testing.T) {
	client := upstream.New()
	defer client.CloseIdle()
	var block chan struct{}
	begun := make(chan struct{}, 1)
	asked := map[string]int{}
	d, err := Provider().Open(t.Context(), provider.Params{
		Model: "us.amazon.nova-lite-v1:0", Upstream: client, ClientPolicy: provider.ClientPolicy{All: true},
		Values: map[string]string{"aws_region_name": "us-east-1", "api_key": "k"},
		Environ: func(name string) string {
			asked[name]++
			if block != nil && name == "SSL_VERIFY" {
				begun <- struct{}{}
				<-block
			}
			return ""
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	host := d.(*deployment)
	guest := func(key string) {
		_, leave, err := host.WithOverrides(llm.NewClientSettings(map[string]string{"api_key": key}))
		if err != nil {
			t.Error(err)
			return
		}
		leave()
	}
	guest("known")
	if asked["AWS_DEFAULT_REGION"] != 0 {
		t.Error("the region is looked for in the environment though it is set")
	}
	block = make(chan struct{})
	opening := async(func() { guest("new") })
	<-begun
	within(t, "a guest that is there already", async(func() { guest("known") }))
	closed := async(func() { _ = host.Close() })
	within(t, "closing", closed)
	close(block)
	<-opening
	if host.identities.accounts.Len() != 0 || host.identities.open.Len() != 0 {
		t.Errorf("%d accounts and %d sources are left", host.identities.accounts.Len(), host.identities.open.Len())
	}
}
