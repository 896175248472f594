package config

import (
	"strings"
	"testing"
	"time"

	"outcrop/alert"
	"outcrop/llm"
)

// alerting reads general_settings.
func alerting(settings string) (*Alerting, string) {
	cfg, problems := Load(source("c.yaml", "model_list: [{model_name: m, litellm_params: {model: bedrock/amazon.nova-micro-v1:0}}]\ngeneral_settings:\n  master_key: sk-0123456789abcdefghijklmnopqrstuv\n"+settings))
	var all []string
	for i := range problems {
		all = append(all, problems[i].String())
	}
	if cfg == nil {
		return nil, strings.Join(all, "\n")
	}
	return &cfg.Alerting, strings.Join(all, "\n")
}

func TestWhenItIsToldThatAUserSpendsMuch(t *testing.T) {
	a, said := alerting("")
	if a == nil || a.UserSpend != (UserSpend{Multiplier: 3, Days: 7, Least: 10e12, Every: time.Hour}) || a.ReportDays != 7 || a.RegionWindow != time.Minute || a.Log {
		t.Errorf("without settings: %+v, %s", a, said)
	}
	a, said = alerting(`  spend_report_frequency: 30d
  alerting_args: {daily_spend_per_user_threshold: 5.5, monthly_spend_per_user_threshold: 100, spend_anomaly_multiplier: 2.5, spend_anomaly_baseline_days: 14, spend_anomaly_min_spend: 1, user_spend_check_interval: 120, region_outage_alert_ttl: 30, log_to_console: true}
`)
	want := UserSpend{Daily: llm.Some(llm.Cost(5.5e12)), Monthly: llm.Some(llm.Cost(100e12)), Multiplier: 2.5, Days: 14, Least: 1e12, Every: 2 * time.Minute}
	if a == nil || a.UserSpend != want || a.ReportDays != 30 || a.RegionWindow != 30*time.Second || !a.Log || said != "" {
		t.Errorf("%+v, %s", a, said)
	}
	for settings, names := range map[string]string{
		"  spend_report_frequency: weekly\n":                             "spend_report_frequency",
		"  spend_report_frequency: 0d\n":                                 "spend_report_frequency",
		"  alerting_args: {daily_spend_per_user_threshold: 0}\n":         "daily_spend_per_user_threshold",
		"  alerting_args: {user_spend_check_interval: 10}\n":             "user_spend_check_interval",
		"  alerting_args: {spend_anomaly_baseline_days: 0}\n":            "spend_anomaly_baseline_days",
		"  alerting_args: {spend_anomaly_multiplier: 0}\n":               "spend_anomaly_multiplier",
		"  alert_types: [user_spend_anomalies, spend_repots]\n":          "spend_repots",
		"  alert_types: [cooldown_deployment, user_spend_anomalies]\n":   "cooldown_deployment",
		"  alert_type_config: {llm_too_slo: {digest: true}}\n":           "llm_too_slo",
		"  alert_type_config: {llm_too_slow: {digest_interval: soon}}\n": "digest_interval",
		"  alert_type_config: {llm_too_slow: {gather: true}}\n":          "gather",
		"  alerting_args: {daily_report_frequency: 1}\n":                 "daily_report_frequency",
		"  alert_to_webhook_url: {user_spend_thresholds: not-an-url}\n":  "alert_to_webhook_url",
	} {
		if _, said := alerting(settings); !strings.Contains(said, names) {
			t.Errorf("%s: %q", settings, said)
		}
	}
}

func TestWhichAlertsAreGathered(t *testing.T) {
	a, said := alerting("")
	if a == nil || len(a.Digests) != 0 || a.ReportEvery != 12*time.Hour {
		t.Errorf("without settings: %+v, %s", a, said)
	}
	a, said = alerting(`  alert_type_config: {llm_exceptions: {digest: true}, llm_too_slow: {digest: true, digest_interval: 60}, budget_alerts: {digest: false}, db_exceptions: {digest_interval: 60}}
  alerting_args: {daily_report_frequency: 3600}
`)
	if a == nil || said != "" || len(a.Digests) != 2 || a.Digests[alert.LLMExceptions] != 24*time.Hour || a.Digests[alert.LLMTooSlow] != time.Minute || a.ReportEvery != time.Hour {
		t.Errorf("%+v, %s", a, said)
	}
}
