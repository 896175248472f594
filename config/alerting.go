package config

import (
	"fmt"
	"net/mail"
	"net/url"
	"strconv"
	"strings"
	"time"

	"outcrop/alert"
	"outcrop/llm"
)

// Alerting is where alerts are sent, and which.
type Alerting struct {
	// Types are the types that are sent.
	Types []alert.Type
	// Slack is whether Slack gets alerts: those of a type in SlackURLs there, others at SlackURL, which may be empty.
	Slack     bool
	SlackURL  Secret
	SlackURLs map[alert.Type][]Secret
	// Webhook gets the events of budgets; empty for none.
	Webhook Secret
	// Mail gets them too; nil for none.
	Mail *AlertMail
	// Gateway is the gateway's address for people, PROXY_BASE_URL; empty if it is not known.
	Gateway string
	// Slow is from which time a call is slow.
	Slow time.Duration
	// BudgetAgain is after which time the same is told of a budget again.
	BudgetAgain time.Duration
	// OutageWindow is the time in which Minor failures of a deployment are a minor outage, and Major a major one.
	OutageWindow time.Duration
	Minor, Major int
	// RegionWindow is OutageWindow for the deployments of a region.
	RegionWindow time.Duration
	// Log is whether alerts are written to the log too.
	Log bool
	// UserSpend is when it is told that a user spends much.
	UserSpend UserSpend
	// Digests are the types of alerts that are gathered into one for each model, and for how long.
	Digests map[alert.Type]time.Duration
	// ReportEvery is how often it is told how deployments have done.
	ReportEvery time.Duration
	// ReportDays is how many days a report of what was spent is about.
	ReportDays int
}

// UserSpend is when it is told that a user spends much.
type UserSpend struct {
	// Daily and Monthly are amounts of a day and of a calendar month; not set for never.
	Daily, Monthly llm.Opt[llm.Cost]
	// A day is unusual from Least on, if it is more than Multiplier times the average of the Days before it.
	Multiplier float64
	Days       int
	Least      llm.Cost
	// Every is how often this is looked at.
	Every time.Duration
}

// On reports whether alerts are sent anywhere.
func (a *Alerting) On() bool { return a.Slack || a.Webhook != "" || a.Mail != nil }

// AlertMail is the server that takes mail, from SMTP_HOST and the variables beside it.
type AlertMail struct {
	Host, User, From string
	Port             int
	Password         Secret
	// Plain is whether nothing is encrypted, and Implicit whether TLS begins with the connection.
	Plain, Implicit bool
	Timeout         time.Duration
}

// defaultAlerting has LiteLLM's defaults (1.110.2, litellm/types/integrations/slack_alerting.py).
func defaultAlerting() Alerting {
	return Alerting{
		Types: alert.Defaults(), Slow: 5 * time.Minute, BudgetAgain: 24 * time.Hour, OutageWindow: time.Minute, Minor: 5, Major: 10, RegionWindow: time.Minute,
		UserSpend: UserSpend{Multiplier: 3, Days: 7, Least: llm.Cost(10 * 1e12), Every: time.Hour}, ReportDays: 7, ReportEvery: 12 * time.Hour,
	}
}

// alertTargets is general_settings.alerting.
type alertTargets struct {
	list *node
	path string
}

// read reads a setting of alerts.
func (t *alertTargets) read(l *loader, to *Alerting, k Key, n *node, path string) {
	switch k.Name {
	case "alerting":
		t.list, t.path = n, path
	case "alerting_threshold":
		to.Slow = l.seconds(k, n, path)
	case "alert_types":
		to.Types = l.alertTypes(n, path)
	case "alert_to_webhook_url":
		to.SlackURLs = l.alertURLs(n, path)
	case "alert_type_config":
		to.Digests = l.digests(n, path)
	case "spend_report_frequency":
		to.ReportDays = l.reportDays(k, n, path)
	case "alerting_args":
		l.fields(n, sectionAlertArgs, path, nil, func(k Key, n *node, path string) {
			switch k.Name {
			case "budget_alert_ttl":
				to.BudgetAgain = l.seconds(k, n, path)
			case "outage_alert_ttl":
				to.OutageWindow = l.seconds(k, n, path)
			case "minor_outage_alert_threshold":
				f, _ := l.number(k, n, path)
				to.Minor = int(f)
			case "major_outage_alert_threshold":
				f, _ := l.number(k, n, path)
				to.Major = int(f)
			case "region_outage_alert_ttl":
				to.RegionWindow = l.seconds(k, n, path)
			case "daily_report_frequency":
				to.ReportEvery = l.seconds(k, n, path)
			case "log_to_console":
				to.Log, _ = l.boolean(k, n, path)
			default:
				to.UserSpend.read(l, k, n, path)
			}
		})
	}
}

// read reads a setting of when it is told that a user spends much.
func (to *UserSpend) read(l *loader, k Key, n *node, path string) {
	switch k.Name {
	case "daily_spend_per_user_threshold":
		to.Daily = l.money(k, n, path)
	case "monthly_spend_per_user_threshold":
		to.Monthly = l.money(k, n, path)
	case "spend_anomaly_multiplier":
		if f, ok := l.number(k, n, path); ok {
			to.Multiplier = f
		}
	case "spend_anomaly_baseline_days":
		if f, ok := l.number(k, n, path); ok {
			to.Days = int(f)
		}
	case "spend_anomaly_min_spend":
		if least := l.money(k, n, path); least.Set {
			to.Least = least.Value
		}
	case "user_spend_check_interval":
		if every := l.seconds(k, n, path); every > 0 {
			to.Every = every
		}
	}
}

// reportDays reads spend_report_frequency: a number of days, such as 7d.
func (l *loader) reportDays(k Key, n *node, path string) int {
	text, ok := l.text(k, n, path)
	if !ok {
		return defaultAlerting().ReportDays
	}
	number, isDays := strings.CutSuffix(strings.ToLower(text), "d")
	days, err := strconv.Atoi(number)
	if !isDays || err != nil || days < 1 || days > 366 {
		l.errorAt(n.file, n.line, n.column, path, strconv.Quote(text)+" is no number of days", "a number of days from 1d to 366d, such as 7d", "")
		return defaultAlerting().ReportDays
	}
	return days
}

// alertTypes reads alert_types.
func (l *loader) alertTypes(n *node, path string) (types []alert.Type) {
	for i, item := range n.items {
		at := fmt.Sprintf("%s[%d]", path, i)
		text, ok := l.text(Key{Type: StringType}, item, at)
		if !ok {
			continue
		}
		if t := l.alertType(alert.Type(text), item, at); t != "" {
			types = append(types, t)
		}
	}
	return types
}

// alertType reports what is wrong with a type of alerts; it is empty if none of it is ever sent.
func (l *loader) alertType(t alert.Type, n *node, path string) alert.Type {
	switch {
	case alert.IsKnown(t):
		return t
	case alert.Elsewhere()[t] != "":
		l.warnAt(n.file, n.line, n.column, path, "no alerts of the type "+string(t)+" are sent", alert.Elsewhere()[t])
	default:
		words := make([]string, 0, len(alert.Known()))
		for _, known := range alert.Known() {
			words = append(words, string(known))
		}
		l.errorAt(n.file, n.line, n.column, path, strconv.Quote(string(t))+" is no type of alerts", strings.Join(words, ", "), "")
	}
	return ""
}

// digests reads alert_type_config: which types of alerts are gathered, and for how long.
func (l *loader) digests(n *node, path string) map[alert.Type]time.Duration {
	all := map[alert.Type]time.Duration{}
	for i := range n.members {
		m := &n.members[i]
		at := path + "." + m.key
		t := l.alertType(alert.Type(m.key), &node{file: m.file, line: m.line, column: m.column}, at)
		on, every := false, 24*time.Hour // LiteLLM's default
		l.fields(m.value, sectionAlertType, at, nil, func(k Key, n *node, path string) {
			switch k.Name {
			case "digest":
				on, _ = l.boolean(k, n, path)
			case "digest_interval":
				every = l.seconds(k, n, path)
			}
		})
		if on && every > 0 && t != "" {
			all[t] = every
		}
	}
	return all
}

// alertURLs reads alert_to_webhook_url.
func (l *loader) alertURLs(n *node, path string) map[alert.Type][]Secret {
	all := map[alert.Type][]Secret{}
	for i := range n.members {
		m := &n.members[i]
		at := path + "." + m.key
		t := l.alertType(alert.Type(m.key), &node{file: m.file, line: m.line, column: m.column}, at)
		items := []*node{m.value}
		if m.value.kind == sequence {
			items = m.value.items
		}
		for _, item := range items {
			if text, ok := l.text(Key{Type: SecretType}, item, at); ok && l.alertURL(text, item, at) && t != "" {
				all[t] = append(all[t], Secret(text))
			}
		}
	}
	return all
}

// alertURL reports an address of alerts that is none, without showing it. n is nil for a variable of the environment.
func (l *loader) alertURL(text string, n *node, path string) bool {
	u, err := url.Parse(text)
	if err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
		return true
	}
	if n == nil {
		n = &node{file: -1}
	}
	l.errorAt(n.file, n.line, n.column, path, "it is not the address of a webhook", "https://hooks.slack.com/services/...", "")
	return false
}

// settle reads where the targets are from the environment, as LiteLLM does.
func (t *alertTargets) settle(l *loader, to *Alerting) {
	if t.list == nil {
		return
	}
	env := func(names ...string) string {
		for _, name := range names {
			if s, ok := l.env(name); ok && s != "" {
				return s
			}
		}
		return ""
	}
	to.Gateway = env("PROXY_BASE_URL")
	for i, item := range t.list.items {
		at := fmt.Sprintf("%s[%d]", t.path, i)
		text, ok := l.text(Key{Type: StringType}, item, at)
		if !ok {
			continue
		}
		missing := func(name string) {
			l.warnAt(item.file, item.line, item.column, at, name+" is not set, so no alerts are sent there", "set "+name+" in the environment or under environment_variables")
		}
		switch text {
		case "slack":
			if s := env("SLACK_WEBHOOK_URL", "ALERTING_WEBHOOK_URL"); s != "" && l.alertURL(s, nil, "SLACK_WEBHOOK_URL") {
				to.SlackURL = Secret(s)
			}
			if to.Slack = to.SlackURL != "" || len(to.SlackURLs) > 0; !to.Slack {
				missing("SLACK_WEBHOOK_URL")
			}
		case "webhook":
			if s := env("WEBHOOK_URL"); s == "" {
				missing("WEBHOOK_URL")
			} else if l.alertURL(s, nil, "WEBHOOK_URL") {
				to.Webhook = Secret(s)
			}
		case "email":
			switch host, from := env("SMTP_HOST"), env("SMTP_SENDER_EMAIL"); {
			case host == "":
				missing("SMTP_HOST")
			case from == "":
				missing("SMTP_SENDER_EMAIL")
			default:
				to.Mail = l.alertMail(host, from, env)
			}
		default:
			l.warnAt(item.file, item.line, item.column, at, shown(Key{}, item)+" is not supported yet, and gets no alerts", "slack, webhook and email are")
		}
	}
}

// alertMail reads the server that takes mail.
func (l *loader) alertMail(host, from string, env func(names ...string) string) *AlertMail {
	m := &AlertMail{Host: host, Port: 587, From: from, User: env("SMTP_USERNAME"), Password: Secret(env("SMTP_PASSWORD")), Plain: env("SMTP_TLS") == "False", Implicit: env("SMTP_USE_SSL") == "True"}
	if address, err := mail.ParseAddress(from); err != nil {
		l.errorAt(-1, 0, 0, "SMTP_SENDER_EMAIL", strconv.Quote(from)+" is no e-mail address", "alerts@example.com", "")
	} else {
		m.From = address.Address
	}
	if text := env("SMTP_PORT"); text != "" {
		port, err := strconv.Atoi(text)
		if err != nil || port < 1 || port > 65535 {
			l.errorAt(-1, 0, 0, "SMTP_PORT", strconv.Quote(text)+" is no port", "a number from 1 to 65535", "")
		}
		m.Port = port
	}
	m.Implicit = m.Implicit || m.Port == 465
	if text := env("SMTP_TIMEOUT"); text != "" {
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil || seconds <= 0 || seconds > 600 {
			l.errorAt(-1, 0, 0, "SMTP_TIMEOUT", strconv.Quote(text)+" is no time", "a number of seconds, at most 600", "")
		}
		m.Timeout = time.Duration(seconds * float64(time.Second))
	}
	return m
}
