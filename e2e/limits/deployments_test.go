package limits

import "testing"

// limitedDeployments are names whose deployments have limits.
const limitedDeployments = `  - model_name: rated
    litellm_params: {<<: *params, rpm: 10}
  - model_name: rated-twice
    litellm_params: {<<: *params, rpm: 7}
  - model_name: rated-twice
    litellm_params: {<<: *params, rpm: 7, timeout: 100}
  - model_name: parallel
    litellm_params: {<<: *params, max_parallel_requests: 5}
  - model_name: budgeted
    litellm_params: {<<: *params, max_budget: 0.00108, budget_duration: 1d}
  - model_name: tokens
    litellm_params: {<<: *params, otpm: 48}
`

// TestLimitsOfDeploymentsHoldForAllReplicas checks that the calls of many clients with the master key, which has no limits,
// are as many as the deployments may have, whichever gateway they come to.
func TestLimitsOfDeploymentsHoldForAllReplicas(t *testing.T) {
	eachKind(t, func(t *testing.T, c *cluster) {
		for name, test := range map[string]struct {
			model    string
			passes   int
			parallel bool
		}{
			"requests a minute":       {"rated", 10, false},
			"of two deployments":      {"rated-twice", 14, false},
			"calls at a time":         {"parallel", 5, true},
			"the deployment's budget": {"budgeted", 9, false},
			"tokens of responses":     {"tokens", 6, false},
		} {
			t.Run(name, func(t *testing.T) {
				c := c.on(t)
				s := c.up.add(&script{hold: true, most: test.passes})
				ask := func(i int) answer {
					return c.ask(question{key: masterKey, model: test.model, script: s, at: next, stream: i%2 == 1})
				}
				c.exactly(t, test.passes, 50, 429, s, ask)
				if test.parallel { // each place is free again
					s = c.up.add(&script{hold: true, most: test.passes})
					c.exactly(t, test.passes, 50, 429, s, ask)
				}
			})
		}
	}, limitedDeployments, "outcrop_settings: {routing: {queue_size: 0}}\n") // a call without room is refused at once
}

// TestLimitsOfDeploymentsHoldWithoutAMasterKey checks that a gateway without keys does not forget its limits.
func TestLimitsOfDeploymentsHoldWithoutAMasterKey(t *testing.T) {
	c := startCluster(t, 1, "", limitedDeployments, withoutMasterKey)
	s := c.up.add(&script{hold: true, most: 10})
	c.exactly(t, 10, 20, 429, s, func(int) answer { return c.ask(question{model: "rated", script: s}) })
}
