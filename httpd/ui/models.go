package ui

import (
	"cmp"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"outcrop/llm"
	"outcrop/provider"
)

// modelsData is what the page of models shows.
type modelsData struct {
	Search, Owner, Kind, Region string
	Owners, Kinds, Regions      []string
	Models                      []modelRow
	Total                       int
	More                        bool
	// Bedrock is whether any model is Bedrock's, for which the way can be shown.
	Bedrock bool
	Way     *wayData // nil unless it was asked for without script
}

// modelRow is a model in the table.
type modelRow struct {
	Name, Title, Owner, Kind string
	Aliases                  []string
	Target, Region           string
	Serves                   string
	Context, Input, Output   string
	Access, Life, LifeClass  string
	Doubt                    string
	Map                      []spot
}

// spot is a region on the map.
type spot struct {
	X, Y int
	Name string
}

// mostModels is how many models the table shows.
const mostModels = 300

// usable are the names that the person's key may call.
func (x *exchange) usable() (map[string]bool, error) {
	var list struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := x.call(http.MethodGet, "/v1/models", nil, nil, &list); err != nil {
		return nil, err
	}
	names := make(map[string]bool, len(list.Data))
	for _, m := range list.Data {
		names[m.ID] = true
	}
	return names, nil
}

// kindOf is what a model is for.
func kindOf(v llm.Verb) string {
	switch v {
	case llm.VerbChat:
		return "chat"
	case llm.VerbEmbed:
		return "embeddings"
	case llm.VerbRerank:
		return "rerank"
	default:
		return "other"
	}
}

func (x *exchange) modelsData() (*modelsData, error) {
	q := x.r.URL.Query()
	d := &modelsData{Search: llm.Clip(strings.TrimSpace(q.Get("search")), 200), Owner: q.Get("owner"), Kind: q.Get("kind"), Region: q.Get("region"), Kinds: []string{"chat", "embeddings", "rerank", "other"}}
	names, err := x.usable()
	if err != nil {
		return nil, err
	}
	words := strings.Fields(strings.ToLower(d.Search))
	for _, m := range x.h.opt.Models() {
		if !names[m.Name] && !slices.ContainsFunc(m.Aliases, func(a string) bool { return names[a] }) {
			continue
		}
		d.Total++
		d.Bedrock = d.Bedrock || m.Target.Provider == ""
		owner := cmp.Or(m.Owner, "unknown")
		d.Owners = append(d.Owners, owner)
		d.Regions = append(d.Regions, m.Target.Region)
		if d.Owner != "" && owner != d.Owner || d.Kind != "" && kindOf(m.Verb) != d.Kind || d.Region != "" && m.Target.Region != d.Region && !slices.Contains(m.Serves, d.Region) {
			continue
		}
		text := strings.ToLower(strings.Join(append([]string{m.Name, m.Title, m.ID, owner, m.Target.ID}, m.Aliases...), " "))
		if slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) }) {
			continue
		}
		if len(d.Models) == mostModels {
			d.More = true
			continue
		}
		d.Models = append(d.Models, x.h.modelRow(&m))
	}
	d.Owners, d.Regions = distinct(d.Owners), distinct(d.Regions)
	return d, nil
}

// distinct are the texts in order, each once, without empty ones.
func distinct(all []string) []string {
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(s string) bool { return s == "" })
}

// perMillion is a price of a million tokens.
func perMillion(c llm.Opt[llm.Cost]) string {
	if !c.Set {
		return "–"
	}
	return "$" + strconv.FormatFloat(math.Round(c.Value.USD()*1e10)/1e4, 'f', -1, 64)
}

func (h *Handler) modelRow(m *Model) modelRow {
	r := modelRow{
		Name: m.Name, Title: m.Title, Owner: cmp.Or(m.Owner, "unknown"), Kind: kindOf(m.Verb), Aliases: m.Aliases, Target: cmp.Or(m.Target.ID, m.ID), Region: m.Target.Region,
		Input: perMillion(m.Input), Output: perMillion(m.Output), Doubt: m.Doubt, Context: "–", Life: "–",
	}
	if m.Context > 0 {
		r.Context = num(m.Context)
	}
	switch m.Entitlement {
	case provider.EntitlementGranted:
		r.Access = "granted"
	case provider.EntitlementRefused:
		r.Access = "refused"
	default:
		r.Access = "unknown"
	}
	switch {
	case !m.Known:
	case m.Ended:
		r.Life, r.LifeClass = "retired", "bad"
	case m.Legacy:
		r.Life, r.LifeClass = "legacy", "warn"
		if !m.EndOfLife.IsZero() {
			r.Life = "until " + m.EndOfLife.Format(time.DateOnly)
		}
	case m.Active:
		r.Life, r.LifeClass = "active", "good"
	}
	if m.Ended || m.Legacy {
		if m.Successor != "" {
			r.Doubt = strings.TrimSpace(r.Doubt + " Move to " + m.Successor + ".")
		}
	}
	switch {
	case m.Anywhere:
		r.Serves = "any region"
	case len(m.Serves) > 1:
		r.Serves = strconv.Itoa(len(m.Serves)) + " regions"
	}
	places := m.Serves
	if len(places) == 0 && m.Target.Region != "" {
		places = []string{m.Target.Region}
	}
	for _, region := range places {
		if at, ok := where(region); ok {
			r.Map = append(r.Map, spot{at[0], at[1], region})
		}
	}
	return r
}

// where is the place of an AWS region on a map of 72 by 32, by longitude and latitude of its city.
func where(region string) ([2]int, bool) {
	at, ok := map[string][2]int{
		"us-east-1": {20, 9}, "us-east-2": {19, 9}, "us-west-1": {12, 10}, "us-west-2": {12, 8}, "ca-central-1": {21, 8}, "ca-west-1": {13, 7}, "mx-central-1": {16, 13}, "us-gov-east-1": {19, 10}, "us-gov-west-1": {11, 9},
		"sa-east-1": {26, 22}, "eu-west-1": {35, 7}, "eu-west-2": {36, 7}, "eu-west-3": {37, 8}, "eu-central-1": {38, 7}, "eu-central-2": {38, 8}, "eu-north-1": {40, 5}, "eu-south-1": {38, 9}, "eu-south-2": {35, 9},
		"af-south-1": {40, 24}, "il-central-1": {43, 11}, "me-south-1": {46, 12}, "me-central-1": {47, 12}, "ap-south-1": {51, 14}, "ap-south-2": {52, 14}, "ap-southeast-1": {57, 17}, "ap-southeast-3": {57, 19},
		"ap-southeast-5": {56, 17}, "ap-southeast-7": {56, 15}, "ap-east-1": {59, 13}, "ap-east-2": {60, 13}, "ap-northeast-1": {64, 10}, "ap-northeast-2": {61, 10}, "ap-northeast-3": {63, 10}, "ap-southeast-2": {66, 24}, "ap-southeast-4": {65, 25}, "ap-southeast-6": {71, 25},
	}[region]
	return at, ok
}

// models shows what can be called.
func (x *exchange) models() error {
	d, err := x.modelsData()
	if err != nil {
		return err
	}
	return x.show(http.StatusOK, "models", "Models", d)
}

// modelRows shows the table alone.
func (x *exchange) modelRows() error {
	d, err := x.modelsData()
	if err != nil {
		return err
	}
	return x.part("models", "table", d)
}

// wayData is what the page says of the way of a call.
type wayData struct {
	Way
	ID, Region, Policy, Problem string
}

// way shows which way a call would take.
func (x *exchange) way() error {
	q := x.r.URL.Query()
	d := wayData{ID: llm.Clip(strings.TrimSpace(q.Get("id")), 300), Region: llm.Clip(strings.TrimSpace(q.Get("region")), 60), Policy: llm.Clip(strings.TrimSpace(q.Get("policy")), 500)}
	if d.ID == "" {
		d.Problem = "Enter a model id, an inference profile, an ARN or a friendly name."
	} else {
		var err error
		if d.Way, err = x.h.opt.Resolve(d.ID, d.Region, d.Policy); err != nil {
			d.Problem = err.Error()
		}
	}
	if x.r.Header.Get("Hx-Request") != "" {
		return x.part("models", "way", &d)
	}
	all, err := x.modelsData()
	if err != nil {
		return err
	}
	all.Way = &d
	return x.show(http.StatusOK, "models", "Models", all)
}
