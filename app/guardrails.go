package app

import (
	"context"
	"errors"
	"slices"
	"time"

	"outcrop/config"
	"outcrop/export"
	"outcrop/guard"
	"outcrop/httpd"
	"outcrop/telemetry"
)

// maskLogged masks what callbacks get by the guardrails of the mode logging_only; nil if there are none. They are in force for every
// call, as in LiteLLM, whether it names them or not.
func maskLogged(rules []*guard.Rule, recorder *telemetry.Recorder) export.Mask {
	var logging []*guard.Rule
	for _, r := range rules {
		if r.Modes()&guard.Logging != 0 {
			logging = append(logging, r)
		}
	}
	if len(logging) == 0 {
		return nil
	}
	return func(ctx context.Context, c *telemetry.Call, response bool, texts []string) ([]string, error) {
		side := guard.Request
		if response {
			side = guard.Response
		}
		for _, r := range logging {
			if r = r.For(c.Who.Tags); r.Mode&guard.Logging == 0 {
				continue
			}
			var err error
			if texts, err = maskLoggedBy(ctx, r, recorder, &guard.Input{Side: side, Texts: texts, Model: c.Model, CallID: c.ID}); err != nil {
				return nil, err
			}
		}
		return texts, nil
	}
}

// maskLoggedBy masks texts by one guardrail. What it would refuse is not logged at all.
func maskLoggedBy(ctx context.Context, r *guard.Rule, recorder *telemetry.Recorder, in *guard.Input) ([]string, error) {
	start := time.Now()
	asking, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	v, err := r.Check(asking, in)
	result, texts := "passed", in.Texts
	switch {
	case err == nil && v.Texts != nil && len(v.Texts) != len(in.Texts):
		err = errors.New("its verdict has another number of texts")
		fallthrough
	case err != nil:
		result = "failed"
	case v.Block != nil:
		result, err = "blocked", errors.New(v.Block.Reason)
	case v.Texts != nil:
		result, texts = "masked", slices.Clone(v.Texts)
	}
	recorder.Guarded(r.Name, guard.Logging.Names()[0], result, time.Since(start))
	if err != nil {
		return nil, errors.New("the guardrail " + r.Name + ": " + err.Error())
	}
	return texts, nil
}

// listed are guardrails as LiteLLM's lists have them.
func listed(all []config.Guardrail) (out []httpd.Guardrail) {
	for i := range all {
		g := &all[i]
		out = append(out, httpd.Guardrail{ID: g.ID, Name: g.Name, Params: g.Params, Info: g.Info})
	}
	return out
}
