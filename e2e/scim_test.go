package e2e

import (
	"strings"
	"testing"
)

// TestSCIMIsAsATesterExpects runs scim2-tester, which holds a server to RFC 7643 and 7644 by what the server says of
// itself.
func TestSCIMIsAsATesterExpects(t *testing.T) {
	t.Parallel()
	c := venv(t, "scim", "scim")
	c.dir = "sdks/scim"
	g := startApp(t, "general_settings: {master_key: "+masterKey+"}\nmodel_list: []\n", t.TempDir(), nil)
	passed := 0
	for _, s := range c.report(t, "check.py", "SCIM_URL=http://"+g.Addr()+"/scim/v2", "SCIM_KEY="+masterKey) {
		switch {
		case s.OK:
			passed++
		case strings.Contains(s.Seen, "did not remove attribute 'active'"):
			// A user is active or not; without a value the user is active, which identity providers want to be told.
		default:
			t.Errorf("%s: %s", s.Name, s.Seen)
		}
	}
	if passed < 120 {
		t.Errorf("only %d checks were passed", passed)
	}
}
