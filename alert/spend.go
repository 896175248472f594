package alert

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"outcrop/llm"
	"outcrop/store"
)

// Sums has what was spent by day, and what was told; *store.Store is one.
type Sums interface {
	Daily(ctx context.Context, f store.DailyFilter) ([]store.DailySum, error)
	Entity(ctx context.Context, kind store.Kind, id string) (*store.Entity, error)
	// Claim reports whether this process is the first to claim something since the last claim of it has expired.
	Claim(ctx context.Context, what string, now, expires time.Time) (bool, error)
}

// SpendOptions are the settings of Spend: LiteLLM's alerting_args.
type SpendOptions struct {
	Sums Sums
	Sink Sink
	// Wants reports whether alerts of a type are sent.
	Wants func(Type) bool
	// Daily and Monthly are what a user may spend in a day and in a calendar month before it is told; not set for never.
	Daily, Monthly llm.Opt[llm.Cost]
	// A user's day is unusual from Least on, if it is more than Multiplier times the average of the Days before it.
	Multiplier float64
	Days       int
	Least      llm.Cost
	// Every is how often this is looked at.
	Every time.Duration
	// ReportDays is how many days a report of what was spent is about, beside that of a month.
	ReportDays int
	Now        func() time.Time // time.Now if nil
	Logger     *slog.Logger
}

const (
	day         = 24 * time.Hour
	checkWithin = time.Minute
	mostLines   = 50 // of each list in a message
)

// Spend tells which users spend more than an amount or more than usual, and reports what teams and tags have spent. It reads the sums of
// days now and then, so that calls know nothing of it. Days are those of UTC. Of several replicas, one tells.
type Spend struct {
	opt  SpendOptions
	stop context.CancelFunc
	over sync.WaitGroup

	told map[string]time.Time // until when something need not be claimed; of the goroutine
}

// WatchSpend starts to watch, until Close.
func WatchSpend(ctx context.Context, opt SpendOptions) *Spend {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	s := &Spend{opt: opt, stop: stop, told: map[string]time.Time{}}
	s.over.Go(func() { s.run(background) })
	return s
}

// Close ends the goroutine.
func (s *Spend) Close() {
	s.stop()
	s.over.Wait()
}

func (s *Spend) run(ctx context.Context) {
	tick := time.NewTicker(s.opt.Every)
	defer tick.Stop()
	for {
		within, done := context.WithTimeout(ctx, checkWithin)
		err := s.check(within)
		done()
		if err != nil && ctx.Err() == nil {
			s.opt.Logger.Warn("what was spent cannot be read for alerts", slog.String("error", err.Error()))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// check tells what is due.
func (s *Spend) check(ctx context.Context) error {
	now := s.opt.Now().UTC()
	for what, until := range s.told {
		if !now.Before(until) {
			delete(s.told, what)
		}
	}
	var errs []error
	if s.opt.Wants(UserThresholds) && (s.opt.Daily.Set || s.opt.Monthly.Set) || s.opt.Wants(UserAnomalies) {
		errs = append(errs, s.users(ctx, now))
	}
	if s.opt.Wants(SpendReports) {
		errs = append(errs, s.reports(ctx, now))
	}
	return errors.Join(errs...)
}

// users tells of users who have spent much.
func (s *Spend) users(ctx context.Context, now time.Time) error {
	today := now.Truncate(day)
	spent, err := s.spent(ctx, store.KindUser, today, today)
	if err != nil {
		return err
	}
	var thresholds, anomalies []string
	var errs []error // what was claimed before is told
	if s.opt.Wants(UserThresholds) {
		thresholds, err = s.thresholds(ctx, now, spent)
		errs = append(errs, err)
	}
	if s.opt.Wants(UserAnomalies) {
		anomalies, err = s.anomalies(ctx, now, spent)
		errs = append(errs, err)
	}
	for t, list := range map[Type][]string{UserThresholds: thresholds, UserAnomalies: anomalies} {
		if len(list) > 0 {
			s.opt.Sink.Send(Alert{Type: t, Level: High, Text: strings.Join(shortened(list), "\n\n")})
		}
	}
	return errors.Join(errs...)
}

// thresholds are messages on users who have spent more than an amount. today is what each has spent today.
func (s *Spend) thresholds(ctx context.Context, now time.Time, today []spender) (messages []string, err error) {
	date := now.Truncate(day)
	if s.opt.Daily.Set {
		messages, err = s.tell(ctx, now, date.Add(2*day), "day/"+date.Format(time.DateOnly), today, func(u *spender) string {
			if u.cost < s.opt.Daily.Value {
				return ""
			}
			return fmt.Sprintf("User Daily Spend Threshold Crossed:\nUser: `%s`\nSpend Today: `$%s`\nDaily Threshold: `$%s`", Plain(u.id), cents(u.cost), cents(s.opt.Daily.Value))
		})
	}
	if err != nil || !s.opt.Monthly.Set {
		return messages, err
	}
	month := date.AddDate(0, 0, 1-date.Day())
	all, err := s.spent(ctx, store.KindUser, month, date)
	if err != nil {
		return messages, err
	}
	more, err := s.tell(ctx, now, month.AddDate(0, 1, 1), "month/"+month.Format("2006-01"), all, func(u *spender) string {
		if u.cost < s.opt.Monthly.Value {
			return ""
		}
		return fmt.Sprintf("User Monthly Spend Threshold Crossed:\nUser: `%s`\nSpend This Month: `$%s`\nMonthly Threshold: `$%s`", Plain(u.id), cents(u.cost), cents(s.opt.Monthly.Value))
	})
	return append(messages, more...), err
}

// anomalies are messages on users who have spent more today than they usually do in a day.
func (s *Spend) anomalies(ctx context.Context, now time.Time, today []spender) ([]string, error) {
	if !slices.ContainsFunc(today, func(u spender) bool { return u.cost >= s.opt.Least }) {
		return nil, nil
	}
	date := now.Truncate(day)
	before, err := s.spent(ctx, store.KindUser, date.Add(-time.Duration(s.opt.Days)*day), date.Add(-day))
	if err != nil {
		return nil, err
	}
	usual := make(map[string]float64, len(before)) // dollars a day
	for _, u := range before {
		usual[u.id] = u.cost.USD() / float64(s.opt.Days)
	}
	return s.tell(ctx, now, date.Add(2*day), "anomaly/"+date.Format(time.DateOnly), today, func(u *spender) string {
		average := usual[u.id]
		if u.cost < s.opt.Least || average > 0 && u.cost.USD() <= s.opt.Multiplier*average {
			return ""
		}
		return fmt.Sprintf("User Spend Anomaly Detected:\nUser: `%s`\nSpend Today: `$%s`\nDaily Average (last %d days): `$%.2f`\nTrigger: spend above `%sx` the daily average (minimum `$%s`)",
			Plain(u.id), cents(u.cost), s.opt.Days, average, strconv.FormatFloat(s.opt.Multiplier, 'f', -1, 64), cents(s.opt.Least))
	})
}

// tell are the messages on users of whom there is something to tell, and of whom nobody has told it since the last claim has expired.
func (s *Spend) tell(ctx context.Context, now, until time.Time, what string, users []spender, message func(u *spender) string) (messages []string, err error) {
	for i := range users {
		text := message(&users[i])
		if text == "" {
			continue
		}
		first, err := s.claim(ctx, "alert/user_spend/"+what+"/"+users[i].id, now, until)
		if err != nil {
			return messages, err
		}
		if first {
			messages = append(messages, text)
		}
	}
	return messages, nil
}

// reports tells what was spent in the last days that are over, and in the month before this one.
func (s *Spend) reports(ctx context.Context, now time.Time) error {
	today := now.Truncate(day)
	ends := time.Unix(0, 0).UTC().Add(time.Duration(int64(today.Sub(time.Unix(0, 0))/day)/int64(s.opt.ReportDays)*int64(s.opt.ReportDays)) * day)
	begins := ends.Add(-time.Duration(s.opt.ReportDays) * day)
	months := today.AddDate(0, 0, 1-today.Day())
	return errors.Join(
		s.report(ctx, now, begins, ends, "Spend Report", fmt.Sprintf(" (%d days)", s.opt.ReportDays), ends.Add(time.Duration(s.opt.ReportDays)*day)),
		s.report(ctx, now, months.AddDate(0, -1, 0), months, "Monthly Spend Report", " ", months.AddDate(0, 1, 0)),
	)
}

// report tells what was spent between the beginnings of two days, unless nothing was. next is when the next one is due.
func (s *Spend) report(ctx context.Context, now, begins, ends time.Time, name, suffix string, next time.Time) error {
	what := "alert/" + strings.ReplaceAll(strings.ToLower(name), " ", "_") + "/" + begins.Format(time.DateOnly) + "/" + ends.Format(time.DateOnly)
	if _, told := s.told[what]; told {
		return nil
	}
	last := ends.Add(-day)
	teams, err := s.spent(ctx, store.KindTeam, begins, last)
	if err != nil {
		return err
	}
	tags, err := s.spent(ctx, store.KindTag, begins, last)
	if err != nil {
		return err
	}
	first, err := s.claim(ctx, what, now, next.Add(day))
	if err != nil || !first || len(teams)+len(tags) == 0 {
		return err
	}
	text := fmt.Sprintf("*💸 %s for `%s - %s`%s*\n", name, begins.Format("01-02-2006"), last.Format("01-02-2006"), suffix)
	if len(teams) > 0 {
		text += "\n*Team Spend Report:*\n" + strings.Join(s.lines(ctx, "Team", teams), "\n") + "\n"
	}
	if len(tags) > 0 {
		text += "\n*Tag Spend Report:*\n" + strings.Join(s.lines(ctx, "Tag", tags), "\n") + "\n"
	}
	s.opt.Sink.Send(Alert{Type: SpendReports, Level: Low, Text: text})
	return nil
}

// lines are what each has spent, the most first. Teams are called by their names for people.
func (s *Spend) lines(ctx context.Context, kind string, all []spender) (lines []string) {
	slices.SortStableFunc(all, func(a, b spender) int { return cmp.Compare(b.cost, a.cost) })
	for i, one := range all {
		name := one.id
		if kind == "Team" && i < mostLines {
			if e, err := s.opt.Sums.Entity(ctx, store.KindTeam, one.id); err == nil { // else it is gone, or its id has to do
				name = cmp.Or(e.Alias, name)
			}
		}
		lines = append(lines, fmt.Sprintf("%s: `%s` | Spend: `$%.4f`", kind, Plain(name), one.cost.USD()))
	}
	return shortened(lines)
}

// shortened are the first of many lines, and how many there are besides.
func shortened(lines []string) []string {
	if more := len(lines) - mostLines; more > 0 {
		return append(lines[:mostLines:mostLines], fmt.Sprintf("and %d more", more))
	}
	return lines
}

// spender is somebody who has spent something.
type spender struct {
	id   string
	cost llm.Cost
}

// spent is what all of a kind have spent in days, both included.
func (s *Spend) spent(ctx context.Context, kind store.Kind, begins, ends time.Time) (all []spender, err error) {
	sums, err := s.opt.Sums.Daily(ctx, store.DailyFilter{Kind: kind, Start: begins, End: ends, By: []store.Column{store.ByID}})
	for i := range sums {
		if sums[i].ID != "" && sums[i].Cost > 0 {
			all = append(all, spender{sums[i].ID, llm.Cost(sums[i].Cost)})
		}
	}
	return all, err
}

// claim reports whether nobody has told something yet.
func (s *Spend) claim(ctx context.Context, what string, now, until time.Time) (bool, error) {
	if _, told := s.told[what]; told {
		return false, nil
	}
	first, err := s.opt.Sums.Claim(ctx, what, now, until)
	if err == nil {
		s.told[what] = until
	}
	return first, err
}

// cents is an amount in dollars and cents.
func cents(c llm.Cost) string { return strconv.FormatFloat(c.USD(), 'f', 2, 64) }
