package tenant

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Routing is how calls of a key or a team are routed, where they do not say it themselves: its router_settings, as LiteLLM 1.110.2
// has them (litellm/proxy/route_llm_request.py). Those of a key replace those of its team.
type Routing struct {
	// Retries is how many retries may follow a failed attempt, and Timeout bounds the time with one deployment; 0 for the
	// configuration's.
	Retries llm.Opt[int64]
	Timeout time.Duration
	// Fallbacks are the names that are tried when a name could not serve a call, by that name, which may be * for any; WindowFallbacks
	// those when the prompt is too long, and ContentFallbacks those when the content was filtered. Nil for the configuration's.
	Fallbacks, WindowFallbacks, ContentFallbacks map[string][]string
	// Strategy is how a deployment is chosen; empty for the configuration's. ByTags is whether the tags of calls select deployments.
	Strategy string
	ByTags   llm.Opt[bool]

	aliases map[string]string // names for the names of models
}

// routingStrategies are those that a key may have, which are LiteLLM's.
func routingStrategies() []string {
	return []string{"simple-shuffle", "least-busy", "usage-based-routing", "usage-based-routing-v2", "latency-based-routing", "cost-based-routing"}
}

// Bounds of router_settings.
const (
	mostRetries  = 100
	mostSeconds  = 1e6
	mostInLists  = 100
	mostSettings = 1000
)

// CheckRouting says what is wrong with router_settings of a key or a team; empty for nothing. Members without an effect on calls are
// not looked at.
func CheckRouting(settings jsonx.Raw) (fault string) {
	_, faults := readRouting(settings)
	if len(faults) == 0 {
		return ""
	}
	return faults[0]
}

// UnmarshalJSONFrom receives jsonx's decoder. Settings that cannot be read have no effect: they may come from LiteLLM, which keeps
// anything.
func (r *Routing) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	v, err := d.ReadValue()
	if err != nil {
		return err
	}
	*r, _ = readRouting(v)
	return nil
}

// some reports whether there are any settings.
func (r *Routing) some() bool {
	return r != nil && (r.Retries.Set || r.Timeout > 0 || r.Fallbacks != nil || r.WindowFallbacks != nil || r.ContentFallbacks != nil || r.Strategy != "" || r.ByTags.Set || r.aliases != nil)
}

// readRouting reads router_settings, and says what is wrong with them. LiteLLM has them as a text in places.
func readRouting(v jsonx.Raw) (r Routing, faults []string) {
	if v.Kind() == '"' {
		v = jsonx.Raw(jsonx.Word(v))
	}
	members, err := jsonx.Members(v)
	if err != nil || len(members) > mostSettings {
		if v.Kind() != 'n' {
			faults = append(faults, "must be an object with LiteLLM's router settings, such as {\"num_retries\": 1}")
		}
		return r, faults
	}
	for _, m := range members {
		if m.Value.Kind() == 'n' {
			continue
		}
		if fault := r.read(m); fault != "" {
			faults = append(faults, "has "+m.Name+", which "+fault)
		}
	}
	return r, faults
}

// read reads a setting, and says what is wrong with it.
func (r *Routing) read(m jsonx.Member) (fault string) {
	switch m.Name {
	case "num_retries":
		n, err := strconv.ParseInt(string(m.Value), 10, 64)
		if err != nil || n < 0 || n > mostRetries {
			return "must be an integer from 0 to " + strconv.Itoa(mostRetries)
		}
		r.Retries = llm.Some(n)
	case "timeout":
		n, err := strconv.ParseFloat(string(m.Value), 64)
		if err != nil || n <= 0 || n > mostSeconds {
			return "must be a number of seconds above 0"
		}
		r.Timeout = time.Duration(n * float64(time.Second))
	case "fallbacks":
		r.Fallbacks, fault = fallbackLists(m.Value)
	case "context_window_fallbacks":
		r.WindowFallbacks, fault = fallbackLists(m.Value)
	case "content_policy_fallbacks":
		r.ContentFallbacks, fault = fallbackLists(m.Value)
	case "routing_strategy":
		s := jsonx.Word(m.Value)
		if !slices.Contains(routingStrategies(), s) {
			return "must be one of " + strings.Join(routingStrategies(), ", ")
		}
		r.Strategy = s
	case "enable_tag_filtering":
		var on bool
		if jsonx.Unmarshal(m.Value, &on) != nil {
			return "must be true or false"
		}
		r.ByTags = llm.Some(on)
	case "model_group_alias":
		r.aliases, fault = aliasesOf(m.Value)
	}
	return fault
}

// fallbackLists reads lists of names by the name that they replace, and says what is wrong with them.
func fallbackLists(v jsonx.Raw) (map[string][]string, string) {
	var lists []map[string][]string
	if jsonx.Unmarshal(v, &lists) != nil || len(lists) > mostSettings {
		return nil, `must be a list of objects from a model name to a list of model names, such as [{"a": ["b", "c"]}]`
	}
	all := map[string][]string{}
	for _, list := range lists {
		for name, to := range list {
			if all[name] = append(all[name], to...); len(all[name]) > mostInLists {
				return nil, "must have at most " + strconv.Itoa(mostInLists) + " names for each model"
			}
		}
	}
	return all, ""
}

// aliasesOf reads names for names, and says what is wrong with them.
func aliasesOf(v jsonx.Raw) (map[string]string, string) {
	const fault = `must be an object from a name to the name of a model, such as {"a": "b"} or {"a": {"model": "b"}}`
	members, err := jsonx.Members(v)
	if err != nil {
		return nil, fault
	}
	var all map[string]string
	for _, m := range members {
		to := jsonx.Word(m.Value)
		if m.Value.Kind() == '{' {
			var long struct {
				Model string `json:"model"`
			}
			if jsonx.Unmarshal(m.Value, &long) != nil {
				return nil, fault
			}
			to = long.Model
		}
		if to == "" {
			return nil, fault
		}
		if all == nil {
			all = map[string]string{}
		}
		all[m.Name] = to
	}
	return all, ""
}

// Routing is how the caller's calls are routed; nil if that is not said.
func (c *Caller) Routing() *Routing { return c.routing }

// Lists are the fallbacks of a model by its name and its configured name; nil for those of the configuration, and empty for none.
func (r *Routing) Lists(model, group string) (general, window, content []string) {
	of := func(lists map[string][]string) []string {
		if lists == nil {
			return nil
		}
		for _, name := range [...]string{model, group, "*"} {
			if names, ok := lists[name]; ok {
				return names
			}
		}
		return []string{}
	}
	return of(r.Fallbacks), of(r.WindowFallbacks), of(r.ContentFallbacks)
}
