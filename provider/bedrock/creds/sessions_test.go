package creds

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// tagging is an STS whose sessions are named after their tags.
type tagging struct {
	*place
	mu    sync.Mutex
	calls []url.Values
}

func newTagging(t *testing.T) *tagging {
	t.Helper()
	s := &tagging{}
	s.place = newPlace(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		s.mu.Lock()
		s.calls = append(s.calls, r.Form)
		n := len(s.calls)
		s.mu.Unlock()
		if strings.Contains(r.Form.Encode(), "denied") {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `<ErrorResponse><Error><Code>AccessDenied</Code><Message>is not authorized to perform: sts:TagSession</Message></Error></ErrorResponse>`)
			return
		}
		fmt.Fprintf(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>ASIA%d</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
			n, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	})
	return s
}

func (s *tagging) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.calls)
}

// tagsOf are the tags of the last call.
func (s *tagging) tagsOf() (tags []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	form := s.calls[len(s.calls)-1]
	for i := 1; form.Has("Tags.member." + strconv.Itoa(i) + ".Key"); i++ {
		at := "Tags.member." + strconv.Itoa(i)
		tags = append(tags, form.Get(at+".Key")+"="+form.Get(at+".Value"))
	}
	return tags
}

func TestEachTagsAreASessionThatIsKept(t *testing.T) {
	server := newTagging(t)
	environment(t, "AWS_STS_ENDPOINT", server.URL)
	s := open(t, Options{Role: roleARN, AccessKey: "AKIASET", SecretKey: "s", Region: "eu-west-1", SessionTags: map[string]string{"Stage": "test"}})
	seen := map[string]string{}
	for _, tt := range []struct {
		tags []Tag
		want string
	}{
		{nil, "[Stage=test]"},
		{[]Tag{{"team_id", "geology"}}, "[Stage=test team_id=geology]"},
		{[]Tag{{"team_id", "mining"}, {"key_alias", "a"}}, "[Stage=test team_id=mining key_alias=a]"},
		{[]Tag{{"team_id", `mining"key_alias"a`}}, "[Stage=test team_id=mining-key_alias-a]"},
		{[]Tag{{"team_id", "Gestein & Mörtel\n(West), 100% x@y.z=/+:_-"}}, "[Stage=test team_id=Gestein - Mörtel--West-- 100- x@y.z=/+:_-]"},
		{[]Tag{{"team_id", strings.Repeat("é", 300)}}, "[Stage=test team_id=" + strings.Repeat("é", 256) + "]"},
		{[]Tag{{"stage", "forged"}}, "[Stage=test]"},
	} {
		var key string
		for i := range 3 {
			before := server.count()
			c, from, err := s.As(t.Context(), tt.tags)
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 && (server.count() != before+1 || fmt.Sprint(server.tagsOf()) != tt.want) || i > 0 && (server.count() != before || c.AccessKey != key) {
				t.Errorf("%q, time %d: %d calls, tags %q, want %s", tt.tags, i, server.count()-before, server.tagsOf(), tt.want)
			}
			if (from == s) != (tt.tags == nil) {
				t.Errorf("%q: the source is the role's own: %v", tt.tags, from == s)
			}
			key = c.AccessKey
		}
		if other, twice := seen[key]; twice {
			t.Errorf("%q and %q share a session", tt.tags, other)
		}
		seen[key] = fmt.Sprint(tt.tags)
	}
	if c, err := s.Get(t.Context()); err != nil || c.AccessKey != "ASIA1" {
		t.Errorf("without tags: %v, %v", c, err)
	}
}

func TestARefusalToTagNamesTheAction(t *testing.T) {
	environment(t, "AWS_STS_ENDPOINT", newTagging(t).URL)
	s := open(t, Options{Role: roleARN, AccessKey: "AKIASET", SecretKey: "s", Region: "eu-west-1"})
	_, _, err := s.As(t.Context(), []Tag{{"team_id", "denied"}, {"user_id", "ann"}})
	e, ok := err.(*Error) //nolint:errorlint // Get returns it as it is
	if !ok || e.Kind != Denied || !strings.Contains(e.Fix, "sts:TagSession") || !strings.Contains(e.Fix, "team_id, user_id") {
		t.Errorf("%v", err)
	}
	if _, err := s.Get(t.Context()); err != nil {
		t.Errorf("the role itself is refused: %v", err)
	}
}

func TestSessionsAreBoundedAndEndWithTheirSource(t *testing.T) {
	server := newTagging(t)
	environment(t, "AWS_STS_ENDPOINT", server.URL)
	s := open(t, Options{Role: roleARN, AccessKey: "AKIASET", SecretKey: "s", Region: "eu-west-1"})
	first := s.session([]Tag{{"team_id", "0"}})
	for i := range maxSessions {
		_ = s.session([]Tag{{"team_id", strconv.Itoa(i + 1)}})
	}
	if n := len(s.sessions.known); n != maxSessions || s.sessions.recent.Len() != n {
		t.Errorf("%d sessions are kept", n)
	}
	if again := s.session([]Tag{{"team_id", "0"}}); again == first {
		t.Error("the session that was used least recently is still there")
	}
	if server.count() != 0 {
		t.Errorf("%d calls for sessions that nobody has used", server.count())
	}
	s.Close()
	if _, err := first.Get(t.Context()); err == nil {
		t.Error("a session that has made room gets credentials")
	}
	if _, _, err := s.As(t.Context(), []Tag{{"team_id", "late"}}); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("after the end: %v", err)
	}
}

func TestWhatIsNoRoleHasNoTags(t *testing.T) {
	server := newTagging(t)
	environment(t, "AWS_STS_ENDPOINT", server.URL)
	for name, o := range map[string]Options{"a key": {AccessKey: "AKIASET", SecretKey: "s"}, "an API key": {APIKey: "k"}} {
		s := open(t, o)
		c, from, err := s.As(t.Context(), []Tag{{"team_id", "geology"}})
		if err != nil || from != s || server.count() != 0 || c.AccessKey != o.AccessKey {
			t.Errorf("%s: %v %v", name, c, err)
		}
	}
}
