package inventory_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/inventory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const account = "111122223333"

// aws plays the control plane. Lists are by region.
type aws struct {
	mu       sync.Mutex
	models   map[string]string // base id to inference type
	profiles []string          // ids that AWS defines
	own      []string          // ids of the account's profiles of acme.rocket-v9:0
	mantle   []string          // ids of bedrock-mantle
	fail     map[string]error  // by the first segment of the path
	page     int               // profiles on a page; 0 for all
	calls    []string          // path and query
	gate     chan struct{}     // if not nil, calls wait for it
}

func (a *aws) get(ctx context.Context, region, query string, path ...string) ([]byte, error) {
	a.mu.Lock()
	a.calls = append(a.calls, strings.Join(path, "/")+"?"+query)
	gate := a.gate
	a.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.fail[path[0]]; err != nil {
		return nil, err
	}
	switch path[0] {
	case "foundation-models":
		var rows []string
		for id, kind := range a.models {
			rows = append(rows, fmt.Sprintf(`{"modelId":%q,"modelName":%q,"providerName":"Acme","outputModalities":["TEXT"],"inferenceTypesSupported":[%q],"modelLifecycle":{"status":"ACTIVE"}}`, id, id, kind))
		}
		return []byte(`{"modelSummaries":[` + strings.Join(rows, ",") + `]}`), nil
	case "inference-profiles":
		if len(path) == 2 {
			return []byte(profile("abcdefghijkl", "APPLICATION", path[1], "acme.pebble-v1:0")), nil
		}
		return []byte(a.list(region, query)), nil
	case "foundation-model-availability":
		return []byte(`{"agreementAvailability":{"status":"AVAILABLE"},"authorizationStatus":"AUTHORIZED","entitlementAvailability":"AVAILABLE","regionAvailability":"AVAILABLE"}`), nil
	case "v1":
		return []byte(`{"object":"list","data":[{"id":"` + strings.Join(a.mantle, `","object":"model"},{"id":"`) + `","object":"model"}]}`), nil
	case "provisioned-model-throughput":
		return []byte(`{"foundationModelArn":"arn:aws:bedrock:us-east-1::foundation-model/acme.pebble-v1:0"}`), nil
	case "model-customization":
		return []byte(`{"modelArn":"arn:aws:bedrock:us-east-1:111122223333:custom-model/amazon.nova-lite-v1:0/abcdefghijkl"}`), nil
	}
	return nil, fmt.Errorf("no such path: %s", path[0])
}

func profile(id, kind, arn, base string) string {
	return fmt.Sprintf(`{"inferenceProfileId":%q,"inferenceProfileName":%q,"inferenceProfileArn":%q,"type":%q,"status":"ACTIVE","models":[{"modelArn":"arn:aws:bedrock:us-east-1::foundation-model/%s"},{"modelArn":"arn:aws:bedrock:us-west-2::foundation-model/%s"}]}`, id, id, arn, kind, base, base)
}

// list is a page of ListInferenceProfiles.
func (a *aws) list(region, query string) string {
	var rows []string
	if strings.Contains(query, "type=APPLICATION") {
		for _, id := range a.own {
			rows = append(rows, profile(id, "APPLICATION", "arn:aws:bedrock:"+region+":"+account+":application-inference-profile/"+id, "acme.rocket-v9:0"))
		}
	} else {
		for _, id := range a.profiles {
			_, base, _ := strings.Cut(id, ".")
			rows = append(rows, profile(id, "SYSTEM_DEFINED", "arn:aws:bedrock:"+region+":"+account+":inference-profile/"+id, base))
		}
	}
	from, next := 0, ""
	if a.page > 0 {
		if _, token, ok := strings.Cut(query, "nextToken="); ok {
			_, _ = fmt.Sscanf(token, "p%d", &from)
		}
		to := min(from+a.page, len(rows))
		if to < len(rows) {
			next = fmt.Sprintf(`,"nextToken":"p%d"`, to)
		}
		rows = rows[from:to]
	}
	return `{"inferenceProfileSummaries":[` + strings.Join(rows, ",") + `]` + next + `}`
}

func (a *aws) count(prefix string) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range a.calls {
		if strings.HasPrefix(c, prefix) {
			n++
		}
	}
	return n
}

func (a *aws) set(change func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change()
}

func morning() *aws {
	return &aws{
		models:   map[string]string{"acme.rocket-v9:0": "INFERENCE_PROFILE", "acme.pebble-v1:0": "ON_DEMAND"},
		profiles: []string{"us.acme.rocket-v9:0", "global.acme.rocket-v9:0"},
		own:      []string{"abcdefghijkl"}, fail: map[string]error{},
	}
}

func denied(action string) *llm.Error {
	return &llm.Error{Code: llm.CodeDenied, Status: 403, Message: "User: x is not authorized to perform: " + action}
}

// clock is a time that stands still until it is told otherwise.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// made is an inventory with its log and clock.
type made struct {
	*inventory.Inventory
	clock *clock
	log   *bytes.Buffer
}

func open(t *testing.T, dir string) made {
	t.Helper()
	base := catalog.Embedded()
	m := made{clock: &clock{now: time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)}, log: &bytes.Buffer{}}
	m.Inventory = inventory.New(inventory.Options{
		Base: base, Dir: dir, Name: "test", Now: m.clock.time,
		Logger: slog.New(slog.NewTextHandler(m.log, nil)),
	})
	t.Cleanup(m.Close)
	return m
}

// pause is longer than anybody has to wait until the lists can be read again.
const pause = 10 * time.Second

// Refresh is the inventory's, with the age that is good enough; none is not at once
// after another.
func (m made) Refresh(ctx context.Context, name string, age time.Duration, get inventory.Get) error {
	if age == 0 {
		m.clock.advance(pause)
	}
	return m.Inventory.Refresh(ctx, name, m.clock.time().Add(-age), get)
}

const region = "us-east-1"

func TestListsAreLaidOverWhatTheReleaseKnows(t *testing.T) {
	for _, page := range []int{0, 1} {
		v, a := open(t, ""), morning()
		a.page = page
		before := v.Snapshot()
		if err := v.Refresh(t.Context(), region, 0, a.get); err != nil {
			t.Fatal(err)
		}
		c := v.Snapshot().Catalogue
		if v.Snapshot() == before || c.OnDemand("acme.rocket-v9:0", region) != catalog.No || c.OnDemand("acme.pebble-v1:0", region) != catalog.Yes || len(c.ProfilesOf("acme.rocket-v9:0")) != 2 {
			t.Errorf("with %d on a page: the new models are not there", page)
		}
		if base, ok := c.BaseModel("arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abcdefghijkl"); !ok || base != "acme.rocket-v9:0" {
			t.Errorf("beneath the account's own profile: %q", base)
		}
		m, _ := c.Model("acme.pebble-v1:0")
		if access := m.Availability(region); !access.Set || access.Value.Granted() != catalog.Yes {
			t.Errorf("access %+v", access)
		}
		s := v.Status()
		if len(s) != 1 || s[0].Account != account || s[0].Models != 2 || s[0].Profiles != 3 || s[0].Err != nil || !s[0].At.Equal(v.clock.time()) {
			t.Errorf("status %+v", s)
		}
	}
}

// Whoever asks for a region at the same time waits for one reading; whoever only
// wants to know waits for none.
func TestOneReadingForAllAndNobodyElseWaits(t *testing.T) {
	v, a := open(t, ""), morning()
	a.gate = make(chan struct{})
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if err := v.RefreshAfterRefusal(t.Context(), region, a.get); err != nil {
				t.Error(err)
			}
		})
	}
	for a.count("") == 0 {
		time.Sleep(time.Millisecond) // the reading has begun when AWS is asked
	}
	state := v.Snapshot()
	for range 1000 {
		if v.Snapshot() != state {
			t.Fatal("what is known has changed")
		}
	}
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	if err := v.RefreshAfterRefusal(impatient, region, a.get); err == nil {
		t.Error("a caller that is gone waits")
	}
	close(a.gate)
	all.Wait()
	if n := a.count("foundation-models"); n != 1 {
		t.Errorf("the list was read %d times", n)
	}
	if err := v.Refresh(t.Context(), region, time.Minute, a.get); err != nil || a.count("foundation-models") != 1 {
		t.Error("lists that are young enough are read again")
	}
	if err := v.RefreshAfterRefusal(t.Context(), region, a.get); err != nil || a.count("foundation-models") != 1 {
		t.Error("refused calls have lists read all the time")
	}
	v.clock.advance(10 * time.Second)
	if err := v.RefreshAfterRefusal(t.Context(), region, a.get); err != nil || a.count("foundation-models") != 2 {
		t.Error("a refused call does not have the lists read, because they are young")
	}
	if err := v.Refresh(t.Context(), region, time.Hour, a.get); err != nil { // the whole reading is over then, not only the lists
		t.Error(err)
	}
	v.clock.advance(time.Minute)
	if err := v.Refresh(t.Context(), region, time.Minute, a.get); err != nil || a.count("foundation-models") != 3 {
		t.Error("lists that are old are not read again")
	}
}

func TestListsThatAreNotPermitted(t *testing.T) {
	v, a := open(t, ""), morning()
	a.fail = map[string]error{"foundation-models": denied("bedrock:ListFoundationModels"), "inference-profiles": denied("bedrock:ListInferenceProfiles")}
	for range 3 {
		if err := v.Refresh(t.Context(), region, 0, a.get); err == nil {
			t.Fatal("no error")
		}
	}
	log := v.log.String()
	if strings.Count(log, "level=WARN") != 1 || !strings.Contains(log, "bedrock:ListFoundationModels") || !strings.Contains(log, `\"Effect\":\"Allow\"`) {
		t.Errorf("the log is %s", log)
	}
	if v.Snapshot().Catalogue.OnDemand("amazon.nova-lite-v1:0", region) != catalog.Yes {
		t.Error("what the release knows does not count any more")
	}
	// Half of it is permitted later.
	a.set(func() { delete(a.fail, "inference-profiles") })
	if err := v.Refresh(t.Context(), region, 0, a.get); err == nil {
		t.Error("the half that is not permitted is no error")
	}
	c := v.Snapshot().Catalogue
	if len(c.ProfilesOf("acme.rocket-v9:0")) != 2 || c.OnDemand("amazon.nova-lite-v1:0", region) != catalog.Yes {
		t.Error("the half that is permitted does not count")
	}
}

// What was read stays when it cannot be read again.
func TestListsThatFailLeaveTheOlderOnes(t *testing.T) {
	v, a := open(t, ""), morning()
	if err := v.Refresh(t.Context(), region, 0, a.get); err != nil {
		t.Fatal(err)
	}
	read := v.clock.time()
	v.clock.advance(time.Hour)
	down := &llm.Error{Code: llm.CodeUnavailable, Status: 503, Message: "down"}
	a.set(func() { a.fail = map[string]error{"foundation-models": down, "inference-profiles": down} })
	if err := v.Refresh(t.Context(), region, 0, a.get); err == nil {
		t.Fatal("no error")
	}
	if s := v.Status()[0]; s.Err == nil || !s.At.Equal(read) || s.Models != 2 {
		t.Errorf("status %+v", s)
	}
	if len(v.Snapshot().Catalogue.ProfilesOf("acme.rocket-v9:0")) != 2 {
		t.Error("the older lists are gone")
	}
}

func TestAccessIsAskedAboutOnceAnHourAndGivenUpWhereItIsNotPermitted(t *testing.T) {
	v, a := open(t, ""), morning()
	for range 3 {
		if err := v.Refresh(t.Context(), region, 0, a.get); err != nil {
			t.Fatal(err)
		}
	}
	if n := a.count("foundation-model-availability"); n != 2 {
		t.Errorf("two models were asked about %d times", n)
	}
	v.clock.advance(time.Hour)
	a.set(func() {
		a.fail["foundation-model-availability"] = denied("bedrock:GetFoundationModelAvailability")
		for i := range 20 {
			a.models[fmt.Sprintf("acme.stone-%d", i)] = "ON_DEMAND"
		}
	})
	if err := v.Refresh(t.Context(), region, 0, a.get); err != nil {
		t.Errorf("the lists are good, and the error is %v", err)
	}
	if n := a.count("foundation-model-availability"); n != 5 {
		t.Errorf("it was asked %d times in all", n)
	}
	m, _ := v.Snapshot().Catalogue.Model("acme.pebble-v1:0")
	if !m.Availability(region).Set {
		t.Error("what was known is forgotten")
	}
}

// Lists that could not be read are tried again soon, whatever age is good enough;
// those that are not permitted are not.
func TestFailedReadingsAreRepeatedSoon(t *testing.T) {
	for err, want := range map[error]int{&llm.Error{Code: llm.CodeUnavailable, Status: 503}: 2, denied("bedrock:ListFoundationModels"): 1} {
		v, a := open(t, ""), morning()
		a.fail = map[string]error{"foundation-models": err, "inference-profiles": err}
		_ = v.Refresh(t.Context(), region, time.Hour, a.get)
		_ = v.Refresh(t.Context(), region, time.Hour, a.get)
		v.clock.advance(time.Minute)
		_ = v.Refresh(t.Context(), region, time.Hour, a.get)
		if n := a.count("foundation-models"); n != want {
			t.Errorf("%v: the lists were tried %d times, want %d", err, n, want)
		}
	}
}

// The account's own profiles stand in a list of their own, which may fail alone.
func TestTheAccountsOwnProfilesStayWhenTheyCannotBeListed(t *testing.T) {
	const arn = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abcdefghijkl"
	for _, code := range []llm.Code{llm.CodeLimitRequests, llm.CodeDenied} {
		v, a := open(t, ""), morning()
		if err := v.Refresh(t.Context(), region, 0, a.get); err != nil {
			t.Fatal(err)
		}
		get := func(ctx context.Context, region, query string, path ...string) ([]byte, error) {
			if strings.Contains(query, "APPLICATION") {
				return nil, &llm.Error{Code: code, Status: 429, Message: "slow down"}
			}
			return a.get(ctx, region, query, path...)
		}
		err := v.Refresh(t.Context(), region, 0, get)
		if (err == nil) != (code == llm.CodeDenied) {
			t.Errorf("%s: the error is %v", code, err)
		}
		if base, ok := v.Snapshot().Catalogue.BaseModel(arn); !ok || base != "acme.rocket-v9:0" {
			t.Errorf("%s: the profile is gone", code)
		}
	}
}

func TestCloseEndsAReading(t *testing.T) {
	v, a := open(t, ""), morning()
	a.gate = make(chan struct{})
	failed := make(chan error)
	go func() { failed <- v.Refresh(t.Context(), region, 0, a.get) }()
	for a.count("") == 0 {
		time.Sleep(time.Millisecond) // the reading has begun when AWS is asked
	}
	v.Close()
	if err := <-failed; err == nil {
		t.Error("no error")
	}
	if err := v.Refresh(t.Context(), region, 0, a.get); err == nil {
		t.Error("a closed inventory reads")
	}
	if strings.Contains(v.log.String(), "WARN") {
		t.Errorf("the end is told as a failure: %s", v.log)
	}
}

func TestTheListOfMantleIsReadBesideTheOthers(t *testing.T) {
	dir := t.TempDir()
	v, a := open(t, dir), morning()
	a.mantle = []string{"openai.gpt-5.4"}
	if err := v.Refresh(t.Context(), region, 0, a.get); err != nil {
		t.Fatal(err)
	}
	on := func(v made, base string) catalog.Known {
		t.Helper()
		m, ok := v.Snapshot().Catalogue.Model(base)
		if !ok {
			t.Fatalf("there is no %s", base)
		}
		return m.OnMantle(region)
	}
	if on(v, "openai.gpt-5.4") != catalog.Yes || on(v, "openai.gpt-5.5") != catalog.No {
		t.Error("the list does not count")
	}
	v.clock.advance(pause)
	a.set(func() { a.fail["v1"] = denied("bedrock-mantle:ListModels") })
	if err := v.Refresh(t.Context(), region, 0, a.get); err != nil || on(v, "openai.gpt-5.4") != catalog.Yes {
		t.Errorf("a list that can no longer be read takes what it said with it: %v", err)
	}
	again := open(t, dir)
	again.AddRegion(region)
	if on(again, "openai.gpt-5.4") != catalog.Yes || on(again, "openai.gpt-5.5") != catalog.No {
		t.Error("the list did not outlast a restart")
	}
	without := open(t, "")
	if err := without.Refresh(t.Context(), region, 0, a.get); err != nil || on(without, "openai.gpt-5.5") != catalog.Yes || without.log.Len() != 0 {
		t.Errorf("without the list, what is built in does not count: %v; logged %s", err, without.log)
	}
}
