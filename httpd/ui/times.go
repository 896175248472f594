package ui

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// speedRow has percentiles of a model's calls.
type speedRow struct {
	Model       string
	Calls       int64
	Took, First percentiles
}

// percentiles are of times; empty if there are none.
type percentiles struct{ Half, Most, Worst time.Duration }

type errorRow struct {
	Code  string
	Calls int64
}

// hitRow is how many calls of a day the response cache has answered.
type hitRow struct {
	Day          string
	Hits, Tokens int64
}

// timesData is how calls went.
type timesData struct {
	Speed  []speedRow
	Errors []errorRow
	Hits   []hitRow
	// AllHits is the sum of Hits.
	AllHits int64
	// Of says of which calls this is.
	Of string
}

// spread is how long calls took, as the API has it.
type spread struct {
	Count int64   `json:"count"`
	P50   float64 `json:"p50_ms"`
	P95   float64 `json:"p95_ms"`
	P99   float64 `json:"p99_ms"`
}

func (s *spread) percentiles() percentiles {
	ms := func(f float64) time.Duration { return time.Duration(f * float64(time.Millisecond)) }
	return percentiles{ms(s.P50), ms(s.P95), ms(s.P99)}
}

// readTimes reads how the calls of some days went: from the daily sums for those who see everything, and from the spend log for
// the others.
func (x *exchange) readTimes(from, to string) (*timesData, error) {
	if !x.person.sees() {
		return x.ownTimes(from, to)
	}
	var got struct {
		Models []struct {
			Model string `json:"model"`
			Group string `json:"model_group"`
			Took  spread `json:"duration"`
			First spread `json:"first_token"`
		} `json:"models"`
		Errors []struct {
			Code  string `json:"error_code"`
			Count int64  `json:"count"`
		} `json:"errors"`
		Hits []struct {
			Day    string `json:"date"`
			Count  int64  `json:"count"`
			Tokens int64  `json:"tokens"`
		} `json:"cache_hits"`
	}
	if err := x.call(http.MethodGet, "/global/activity/calls", url.Values{"start_date": {from}, "end_date": {to}}, nil, &got); err != nil {
		return nil, err
	}
	d := &timesData{Of: "All calls of these days. The times are in steps of a fifth, so that a percentile may be that much too high or too low."}
	for i := range got.Models {
		m := &got.Models[i]
		name := m.Group
		if name == "" || name == "*" || m.Model != "" && len(name) > 0 && name[len(name)-1] == '*' { // a pattern says little
			name = m.Model
		}
		if m.Took.Count > 0 {
			d.Speed = append(d.Speed, speedRow{name, m.Took.Count, m.Took.percentiles(), m.First.percentiles()})
		}
	}
	for _, e := range got.Errors {
		d.Errors = append(d.Errors, errorRow{e.Code, e.Count})
	}
	for _, h := range got.Hits {
		d.Hits = append(d.Hits, hitRow{h.Day, h.Count, h.Tokens})
		d.AllHits += h.Count
	}
	return d, nil
}

// mostOwn is how many calls of the spend log are looked at for the times of one user.
const mostOwn = 1000

// ownTimes reads how the newest calls of a user went.
func (x *exchange) ownTimes(from, to string) (*timesData, error) {
	var page struct {
		Data  []spendRow `json:"data"`
		Total int64      `json:"total"`
	}
	ask := url.Values{"start_date": {from}, "end_date": {to}, "user_id": {x.person.UserID}, "page_size": {strconv.Itoa(mostOwn)}}
	if err := x.call(http.MethodGet, "/spend/logs/v2", ask, nil, &page); err != nil {
		return nil, err
	}
	d := &timesData{Of: "Your " + num(int64(len(page.Data))) + " newest calls of these days."}
	took, first, codes, hits := map[string][]time.Duration{}, map[string][]time.Duration{}, map[string]int64{}, map[string]*hitRow{}
	for i := range page.Data {
		r := &page.Data[i]
		if r.Cached == "True" {
			day := r.Start.UTC().Format(time.DateOnly)
			if hits[day] == nil {
				hits[day] = &hitRow{Day: day}
			}
			hits[day].Hits++
			hits[day].Tokens += r.Input + r.Output
			d.AllHits++
		}
		if r.Status == "failure" {
			codes[cmp.Or(r.Code, "unknown")]++
			continue
		}
		name := cmp.Or(r.Group, r.Model)
		took[name] = append(took[name], r.End.Sub(r.Start))
		if f := r.First.Sub(r.Start); !r.First.IsZero() && f > 0 {
			first[name] = append(first[name], f)
		}
	}
	for name, times := range took {
		d.Speed = append(d.Speed, speedRow{name, int64(len(times)), percentilesOf(times), percentilesOf(first[name])})
	}
	slices.SortFunc(d.Speed, func(a, b speedRow) int { return cmp.Or(cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.Model, b.Model)) })
	for _, code := range slices.Sorted(maps.Keys(codes)) {
		d.Errors = append(d.Errors, errorRow{code, codes[code]})
	}
	slices.SortStableFunc(d.Errors, func(a, b errorRow) int { return cmp.Compare(b.Calls, a.Calls) })
	for _, day := range slices.Sorted(maps.Keys(hits)) {
		d.Hits = append(d.Hits, *hits[day])
	}
	return d, nil
}

// percentilesOf are the times below which 50, 95 and 99 per cent are.
func percentilesOf(times []time.Duration) percentiles {
	if len(times) == 0 {
		return percentiles{}
	}
	slices.Sort(times)
	at := func(percent int) time.Duration { return times[min(len(times)-1, len(times)*percent/100)] }
	return percentiles{at(50), at(95), at(99)}
}
