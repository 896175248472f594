package cli

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
)

// unlimited is the value of a flag that takes a limit away.
const unlimited = "none"

// limitFlags are the limits that keys, teams, users and budgets have alike.
type limitFlags struct {
	MaxBudget      string `name:"max-budget" placeholder:"USD" help:"The most that may be spent, in US dollars; none for no limit."`
	BudgetDuration string `name:"budget-duration" placeholder:"TIME" help:"After what time the budget begins anew: 1d, 7d, 1mo and so on; none for never."`
	RPM            string `name:"rpm" placeholder:"N" help:"Requests a minute; none for no limit."`
	TPM            string `name:"tpm" placeholder:"N" help:"Tokens a minute; none for no limit."`
	Parallel       string `name:"parallel" placeholder:"N" help:"Requests at the same time; none for no limit."`
}

// setFlags set fields that have no flag.
type setFlags struct {
	Set map[string]string `mapsep:"none" placeholder:"FIELD=VALUE" help:"Set another field of the API, such as --set 'metadata={\"cost_centre\": 7}'; VALUE is JSON, or else text."`
}

// modelFlags select models.
type modelFlags struct {
	Models []string `placeholder:"NAME" help:"The models that may be called, separated by commas; all for every model."`
}

// fill writes the limits that are set into a request.
func (f *limitFlags) fill(body *object) error {
	for _, v := range [...]struct{ flag, field, value string }{
		{"max-budget", "max_budget", f.MaxBudget},
		{"rpm", "rpm_limit", f.RPM},
		{"tpm", "tpm_limit", f.TPM},
		{"parallel", "max_parallel_requests", f.Parallel},
	} {
		if v.value == "" {
			continue
		}
		if v.value == unlimited {
			body.raw(v.field, jsonx.Raw("null"))
			continue
		}
		if _, err := strconv.ParseFloat(v.value, 64); err != nil || !jsonx.Valid([]byte(v.value)) {
			return &usageError{fmt.Sprintf("--%s must be a number or none, not %q", v.flag, v.value), "An example is --" + v.flag + " 20."}
		}
		body.raw(v.field, jsonx.Raw(v.value))
	}
	timed(body, "budget_duration", f.BudgetDuration)
	return nil
}

// timed sets a member to a period; none takes it away.
func timed(body *object, field, value string) {
	switch value {
	case "":
	case unlimited:
		body.raw(field, jsonx.Raw("null"))
	default:
		body.put(field, value)
	}
}

// fill writes the fields that are set into a request, last, so that they prevail.
func (f *setFlags) fill(body *object) {
	for _, name := range slices.Sorted(maps.Keys(f.Set)) {
		if value := f.Set[name]; jsonx.Valid([]byte(value)) {
			body.raw(name, jsonx.Raw(value))
		} else {
			body.put(name, value)
		}
	}
}

// fill writes the models into a request.
func (f *modelFlags) fill(body *object) {
	switch {
	case len(f.Models) == 1 && f.Models[0] == "all":
		body.list("models", nil)
	case len(f.Models) > 0:
		body.list("models", f.Models)
	}
}

// given sets a member to a text unless that is empty.
func given(body *object, field, value string) {
	if value != "" {
		body.put(field, value)
	}
}

// changed refuses an update of nothing.
func changed(body *object, command string) error {
	if len(*body) > 0 {
		return nil
	}
	return &usageError{"nothing is to be changed", "Run outcrop " + command + " --help for the flags that change something."}
}

// flagOf is the flag that sets a field of the API; empty if none does.
func flagOf(field string) string {
	switch field {
	case "max_budget", "budget_duration", "models", "duration", "grace_period":
		return "--" + strings.ReplaceAll(field, "_", "-")
	case "rpm_limit", "tpm_limit":
		return "--" + strings.TrimSuffix(field, "_limit")
	case "max_parallel_requests":
		return "--parallel"
	case "max_budget_in_team":
		return "--max-budget"
	case "user_id":
		return "--user"
	case "team_id":
		return "--team"
	case "user_email":
		return "--email"
	case "user_role":
		return "--role"
	case "budget_id":
		return "--budget"
	default:
		return ""
	}
}

// explained gives a refusal of the API the flag that it is about.
func explained(err error) error {
	e, ok := errors.AsType[*apiError](err)
	if !ok {
		return err
	}
	hint := ""
	if flag := flagOf(e.param); flag != "" {
		hint = "The flag is " + flag + "."
	}
	return &hinted{capitalless(strings.TrimSuffix(e.message, ".")), hint}
}
