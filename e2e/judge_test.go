package e2e

import (
	"fmt"
	"os"
	"testing"

	"outcrop/e2e/botomodel"
	"outcrop/e2e/roughbedrock"
	emulator "outcrop/emulator/bedrock"
)

// judge validates the gateways' requests to Bedrock in these tests against AWS's
// service model, after all tests.
var judge botomodel.Judge

func TestMain(m *testing.M) { os.Exit(judge.Over(m, os.Stderr).Run()) }

// TestTheJudgeSeesEveryUpstream checks that a request that no other test makes is kept,
// whichever upstream it is sent to.
func TestTheJudgeSeesEveryUpstream(t *testing.T) {
	for _, upstream := range []struct {
		name string
		open func(t *testing.T) *gateway
	}{
		{"the emulator", func(t *testing.T) *gateway { return startRough(t, once, startEmulator(t).URL()) }},
		{"the rough Bedrock", func(t *testing.T) *gateway {
			s, err := roughbedrock.Listen(complete, judge.Keep)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Close)
			return startRough(t, once, s.URL())
		}},
		{"the front", func(t *testing.T) *gateway { return startRough(t, once, startFront(t).url) }},
		{"an account", func(t *testing.T) *gateway {
			return openAccount(t, emulator.Options{}, "", "model_list: [{model_name: granite, litellm_params: {model: bedrock/"+claude+"}}]").gateway
		}},
	} {
		t.Run(upstream.name, func(t *testing.T) {
			g := upstream.open(t)
			before := judge.Len()
			question := fmt.Sprintf(`{"model":"granite","messages":[{"role":"user","content":"Who judges %s behind %d others?"}]}`, upstream.name, before)
			if s := g.ask(t, question); s.status != 200 {
				t.Errorf("status %d", s.status)
			}
			if n := judge.Len(); n != before+1 {
				t.Errorf("%d requests were kept, %d before", n, before)
			}
		})
	}
}
