package config

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"outcrop/export"
	"outcrop/export/bucket"
	"outcrop/export/otlp"
	"outcrop/internal/httpfield"
)

// Callbacks are the services that are told of calls.
type Callbacks struct {
	// All are the services, in the order of the file, and each once.
	All []Callback
	// Prometheus are LiteLLM's metrics; nil if they are not served.
	Prometheus *Prometheus
	// OpenMetrics is whether /metrics needs no key.
	OpenMetrics bool
	// Trace is whether calls to providers carry the trace that they belong to.
	Trace bool
	// AllContent is whether callbacks get what is asked and answered unless their own settings say otherwise.
	AllContent bool
	// Stored is whether the spend log has what is asked and answered; NoContent is whether it may not, and no callback either.
	Stored, NoContent bool
	// HideKeys is whether nobody is told whose calls they are.
	HideKeys bool
}

// Content is whether a callback gets what is asked and answered.
func (c *Callbacks) Content() bool {
	return slices.ContainsFunc(c.All, func(one Callback) bool { return one.Content })
}

// Prometheus is how LiteLLM's metrics are served.
type Prometheus struct {
	// Only maps the metrics that are served to their labels; nil for all.
	Only map[string][]string
	// Buckets are those of times; nil for LiteLLM's.
	Buckets  []float64
	Series   int
	EndUsers bool
}

// Callback is a service that is told of calls. One of the settings is set.
type Callback struct {
	Name             string
	Success, Failure bool
	// Content is whether it gets what is asked and answered.
	Content bool

	Webhook  *export.Webhook
	Datadog  *export.Datadog
	Langfuse *export.Langfuse
	OTLP     *otlp.Settings
	S3       *bucket.S3
	SQS      *bucket.SQS
	GCS      *bucket.GCS
}

// callbacks is what the file says of callbacks, until it is known as a whole.
type callbacks struct {
	named        []namedCallback
	settings     *node // callback_settings
	settingsPath string
	s3           bucket.S3
	sqs          bucket.SQS
	off          *bool // turn_off_message_logging
	metrics      Prometheus
}

// namedCallback is an element of a list of callbacks.
type namedCallback struct {
	name             string
	n                *node
	path             string
	success, failure bool
}

// read reads a setting of litellm_settings, and reports whether it is one of the callbacks.
func (c *callbacks) read(l *loader, to *Callbacks, k Key, n *node, path string) bool {
	switch k.Name {
	case "callbacks":
		c.list(l, n, path, true, true)
	case "success_callback":
		c.list(l, n, path, true, false)
	case "failure_callback":
		c.list(l, n, path, false, true)
	case "require_auth_for_metrics_endpoint":
		if required, ok := l.boolean(k, n, path); ok {
			to.OpenMetrics = !required
		}
	case "turn_off_message_logging":
		if off, ok := l.boolean(k, n, path); ok {
			c.off = &off
		}
	case "redact_user_api_key_info":
		to.HideKeys, _ = l.boolean(k, n, path)
	case "forward_traceparent_to_llm_provider":
		to.Trace, _ = l.boolean(k, n, path)
	case "s3_callback_params":
		c.s3 = l.s3Params(n, path)
	case "aws_sqs_callback_params":
		c.sqs = l.sqsParams(n, path)
	case "prometheus_metrics_config":
		c.metrics.Only = l.metricsConfig(n, path)
	case "prometheus_latency_buckets":
		c.metrics.Buckets = l.buckets(n, path)
	case "prometheus_metrics_max_series_per_metric":
		f, _ := l.number(k, n, path)
		c.metrics.Series = int(f)
	case "enable_end_user_cost_tracking_prometheus_only":
		c.metrics.EndUsers, _ = l.boolean(k, n, path)
	default:
		return false
	}
	return true
}

// list reads a list of callbacks, or the name of one.
func (c *callbacks) list(l *loader, n *node, path string, success, failure bool) {
	items := n.items
	switch n.kind {
	case scalar:
		items = []*node{n}
	case mapping:
		l.errorAt(n.file, n.line, n.column, path, "must not be a mapping", "a list of callbacks", "")
	case null, sequence:
	}
	for i, item := range items {
		at := path
		if n.kind == sequence {
			at = fmt.Sprintf("%s[%d]", path, i)
		}
		name, ok := l.text(Key{Type: StringType}, item, at)
		if !ok {
			continue
		}
		if before := slices.IndexFunc(c.named, func(b namedCallback) bool { return b.name == name }); before >= 0 {
			c.named[before].success = c.named[before].success || success
			c.named[before].failure = c.named[before].failure || failure
			continue
		}
		c.named = append(c.named, namedCallback{name, item, at, success, failure})
	}
}

// callbackSettings are those of callback_settings for one callback.
type callbackSettings struct {
	content          *bool
	webhook          bool // callback_type is generic_api
	endpoint, format string
	headers          map[string]export.Secret
	success, failure bool
	events           bool // success and failure are set
}

// settle makes callbacks of the names, with what the environment says of them, as LiteLLM reads it.
func (c *callbacks) settle(l *loader, to *Callbacks) {
	settings := c.readSettings(l)
	to.AllContent = c.off != nil && !*c.off
	to.NoContent = c.off != nil && *c.off
	silent := "" // a callback that would have got content in LiteLLM
	for i := range c.named {
		one := &c.named[i]
		if one.name == "prometheus" {
			own := c.metrics
			to.Prometheus = &own
			continue
		}
		made := Callback{Name: one.name, Success: one.success, Failure: one.failure}
		own := settings[one.name]
		if !c.make(l, to, one, &made, own) {
			continue
		}
		switch {
		case c.off != nil && *c.off:
		case own != nil && own.content != nil:
			made.Content = *own.content
		case c.off != nil:
			made.Content = true
		case made.OTLP != nil && captures(l):
			made.Content = true
		default:
			silent = cmp.Or(silent, one.name)
			if silent == one.name {
				l.warnAt(one.n.file, one.n.line, one.n.column, one.path, "is told of calls without what is asked and answered, which LiteLLM sends unless it is told not to", "set litellm_settings.turn_off_message_logging to false to send it, or to true to say that it is meant so")
			}
		}
		if own != nil && own.events {
			made.Success, made.Failure = made.Success && own.success, made.Failure && own.failure
		}
		to.All = append(to.All, made)
	}
}

// captures reports whether OpenTelemetry's own variable asks for content.
func captures(l *loader) bool {
	s, _ := l.env("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT")
	switch strings.ToLower(s) {
	case "true", "1", "span_only", "span_and_event", "event_only":
		return true
	default:
		return false
	}
}

// readSettings reads callback_settings.
func (c *callbacks) readSettings(l *loader) map[string]*callbackSettings {
	all := map[string]*callbackSettings{}
	if c.settings == nil {
		return all
	}
	for i := range c.settings.members {
		m := &c.settings.members[i]
		s := &callbackSettings{}
		all[m.key] = s
		l.fields(m.value, "callback_settings.CALLBACK", c.settingsPath+"."+m.key, nil, func(k Key, n *node, path string) {
			switch k.Name {
			case "message_logging":
				if on, ok := l.boolean(k, n, path); ok {
					s.content = &on
				}
			case "turn_off_message_logging":
				if off, ok := l.boolean(k, n, path); ok {
					on := !off
					s.content = &on
				}
			case "callback_type":
				kind, ok := l.text(k, n, path)
				if s.webhook = kind == "generic_api"; ok && !s.webhook {
					l.errorAt(n.file, n.line, n.column, path, shown(k, n)+" is no type of callbacks", "generic_api", "")
				}
			case "endpoint":
				s.endpoint, _ = l.text(k, n, path)
				l.serviceURL(s.endpoint, n, path)
			case "headers":
				s.headers = l.callbackHeaders(n, path)
			case "log_format":
				format, ok := l.text(k, n, path)
				if ok && !slices.Contains([]string{"json_array", "ndjson", "single"}, format) {
					l.errorAt(n.file, n.line, n.column, path, shown(k, n)+" is no format", "json_array, ndjson or single", "")
				}
				s.format = format
			case "event_types":
				s.events = true
				for i, item := range n.items {
					switch event, _ := l.text(Key{Type: StringType}, item, fmt.Sprintf("%s[%d]", path, i)); event {
					case "llm_api_success":
						s.success = true
					case "llm_api_failure":
						s.failure = true
					default:
						l.errorAt(item.file, item.line, item.column, fmt.Sprintf("%s[%d]", path, i), shown(Key{}, item)+" is no type of events", "llm_api_success or llm_api_failure", "")
					}
				}
			}
		})
	}
	return all
}

// callbackHeaders reads a mapping of headers.
func (l *loader) callbackHeaders(n *node, path string) map[string]export.Secret {
	all := map[string]export.Secret{}
	for i := range n.members {
		m := &n.members[i]
		value, ok := l.text(Key{Type: SecretType}, m.value, path+"."+m.key)
		if ok && l.callbackHeader(m.key, value, m.value, path+"."+m.key) {
			all[m.key] = export.Secret(value)
		}
	}
	return all
}

// callbackHeader reports a header that cannot be sent, without showing its value. n is nil for a variable.
func (l *loader) callbackHeader(name, value string, n *node, path string) bool {
	if n == nil {
		n = &node{file: -1}
	}
	if !httpfield.IsToken(name) || !httpfield.IsValue(value) {
		l.errorAt(n.file, n.line, n.column, path, strconv.Quote(name)+" is not the name of a header, or its value cannot be sent", "letters, digits and -, and a value of one line", "")
		return false
	}
	return true
}

// serviceURL reports an address that is none, without showing it. n is nil for a variable of the environment.
func (l *loader) serviceURL(text string, n *node, path string) bool {
	u, err := url.Parse(text)
	if err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
		return true
	}
	if n == nil {
		n = &node{file: -1}
	}
	l.errorAt(n.file, n.line, n.column, path, "it is not an address of http or https", "https://logs.example.com/v1, for example", "")
	return false
}

// make reads the settings of a callback; false if there is no such callback, or it cannot work.
func (c *callbacks) make(l *loader, to *Callbacks, one *namedCallback, made *Callback, own *callbackSettings) bool {
	env := func(names ...string) string {
		for _, name := range names {
			if s, ok := l.env(name); ok && s != "" {
				return s
			}
		}
		return ""
	}
	missing := func(names string) bool {
		hint := "set " + names + " in the environment or under environment_variables"
		if strings.HasPrefix(names, "litellm_settings") {
			hint = ""
		}
		l.warnAt(one.n.file, one.n.line, one.n.column, one.path, names+" is not set, so "+one.name+" is told of no calls", hint)
		return false
	}
	form := export.Form{HideKeys: to.HideKeys}
	switch name := one.name; {
	case name == "generic_api" || own != nil && own.webhook:
		return c.webhook(l, made, own, form, env, missing)
	case name == "datadog":
		return c.datadog(l, made, form, env, missing)
	case name == "langfuse" || name == "langfuse_otel":
		return c.langfuse(l, made, form, env, missing)
	case name == "otel" || name == "opentelemetry":
		made.OTLP = l.otlp(form, env)
		if made.OTLP == nil {
			return false
		}
		if made.OTLP.Traces == "" {
			return missing("OTEL_EXPORTER_OTLP_ENDPOINT")
		}
	case name == "s3" || name == "s3_v2":
		own := c.s3
		if own.Form = form; own.Bucket == "" {
			return missing("litellm_settings.s3_callback_params.s3_bucket_name")
		}
		made.S3 = &own
	case name == "sqs":
		own := c.sqs
		if own.Form = form; own.Queue == "" {
			return missing("litellm_settings.aws_sqs_callback_params.sqs_queue_url")
		}
		made.SQS = &own
	case name == "gcs_bucket":
		g := &bucket.GCS{Bucket: env("GCS_BUCKET_NAME"), ServiceAccount: env("GCS_PATH_SERVICE_ACCOUNT"), Batched: !strings.EqualFold(env("GCS_USE_BATCHED_LOGGING"), "false"), Form: form}
		if g.Bucket == "" {
			return missing("GCS_BUCKET_NAME")
		}
		made.GCS = g
	case name == "dynamic_rate_limiter" || name == "dynamic_rate_limiter_v3": // litellm_settings.priority_reservation is what it does
		return false
	case l.table.observer[name]:
		l.warnAt(one.n.file, one.n.line, one.n.column, one.path, strconv.Quote(name)+" is not supported yet, and is told of no call", "these are: "+supportedCallbacks)
		return false
	default:
		severity, hint := Error, "remove it, or start with --allow-unsupported to run without it; these callbacks are supported: "+supportedCallbacks
		if l.src.AllowUnsupported {
			severity, hint = Warning, ""
		}
		l.report(severity, one.n.file, one.n.line, one.n.column, one.path, shown(Key{}, one.n)+" is no callback that Outcrop knows; it may be code that rejects or changes calls, which would not run", "", hint)
		return false
	}
	return true
}

// supportedCallbacks are the names that work.
const supportedCallbacks = "prometheus, otel, langfuse, langfuse_otel, datadog, generic_api, s3_v2, gcs_bucket and sqs"

// webhook reads where a callback is posted to.
func (c *callbacks) webhook(l *loader, made *Callback, own *callbackSettings, form export.Form, env func(...string) string, missing func(string) bool) bool {
	w := &export.Webhook{Headers: map[string]export.Secret{}, Form: form}
	for item := range strings.SplitSeq(env("GENERIC_LOGGER_HEADERS"), ",") {
		if name, value, ok := strings.Cut(item, "="); ok && l.callbackHeader(strings.TrimSpace(name), strings.TrimSpace(value), nil, "GENERIC_LOGGER_HEADERS") {
			w.Headers[strings.TrimSpace(name)] = export.Secret(strings.TrimSpace(value))
		}
	}
	if own != nil {
		maps.Copy(w.Headers, own.headers)
		w.Lines, w.Single, w.Endpoint = own.format == "ndjson", own.format == "single", export.Secret(own.endpoint)
	}
	if w.Endpoint == "" {
		s := env("GENERIC_LOGGER_ENDPOINT")
		if s == "" {
			return missing("GENERIC_LOGGER_ENDPOINT")
		}
		if !l.serviceURL(s, nil, "GENERIC_LOGGER_ENDPOINT") {
			return false
		}
		w.Endpoint = export.Secret(s)
	}
	made.Webhook = w
	return true
}

func (c *callbacks) datadog(l *loader, made *Callback, form export.Form, env func(...string) string, missing func(string) bool) bool {
	d := &export.Datadog{Key: export.Secret(env("DD_API_KEY")), Source: cmp.Or(env("DD_SOURCE"), "litellm"), Service: cmp.Or(env("DD_SERVICE"), "litellm-server"), Host: env("HOSTNAME"), Form: form}
	d.Tags = "env:" + cmp.Or(env("DD_ENV"), "unknown") + ",service:" + d.Service + ",version:" + cmp.Or(env("DD_VERSION"), "unknown") + ",HOSTNAME:" + d.Host + ",POD_NAME:" + cmp.Or(env("POD_NAME"), "unknown")
	base, agent, site := env("DD_BASE_URL"), env("LITELLM_DD_AGENT_HOST"), env("DD_SITE")
	switch {
	case agent != "":
		d.Endpoint = "http://" + agent + ":" + cmp.Or(env("LITELLM_DD_AGENT_PORT"), "10518") + "/api/v2/logs"
		if !l.serviceURL(d.Endpoint, nil, "LITELLM_DD_AGENT_HOST") {
			return false
		}
	case d.Key == "":
		return missing("DD_API_KEY")
	case site == "" && base == "":
		return missing("DD_SITE")
	default:
		d.Endpoint = "https://http-intake.logs." + site + "/api/v2/logs"
		if base == "" && (strings.ContainsAny(site, "/:@?#") || !l.serviceURL(d.Endpoint, nil, "DD_SITE")) {
			l.errorAt(-1, 0, 0, "DD_SITE", strconv.Quote(site)+" is no site of Datadog", "datadoghq.eu, for example", "")
			return false
		}
	}
	if base != "" {
		if !l.serviceURL(base, nil, "DD_BASE_URL") {
			return false
		}
		d.Endpoint = strings.TrimRight(base, "/") + "/api/v2/logs"
	}
	made.Datadog = d
	return true
}

func (c *callbacks) langfuse(l *loader, made *Callback, form export.Form, env func(...string) string, missing func(string) bool) bool {
	public, key := env("LANGFUSE_PUBLIC_KEY"), export.Secret(env("LANGFUSE_SECRET_KEY"))
	switch {
	case public == "":
		return missing("LANGFUSE_PUBLIC_KEY")
	case key == "":
		return missing("LANGFUSE_SECRET_KEY")
	}
	host := cmp.Or(env("LANGFUSE_HOST", "LANGFUSE_BASE_URL"), "https://cloud.langfuse.com")
	if made.Name == "langfuse_otel" {
		host = cmp.Or(env("LANGFUSE_OTEL_HOST", "LANGFUSE_HOST"), "https://us.cloud.langfuse.com")
	}
	if !strings.HasPrefix(host, "http") {
		host = "https://" + host
	}
	if !l.serviceURL(host, nil, "LANGFUSE_HOST") {
		return false
	}
	environment := env("LANGFUSE_TRACING_ENVIRONMENT")
	if made.Name == "langfuse_otel" {
		made.OTLP = &otlp.Settings{
			Traces: strings.TrimRight(host, "/") + "/api/public/otel/v1/traces", Langfuse: true, Service: cmp.Or(env("OTEL_SERVICE_NAME"), "litellm"), Environment: environment,
			Headers: map[string]export.Secret{"Authorization": export.Secret(export.BasicAuth(public, key)), "X-Langfuse-Ingestion-Version": "4"}, Form: form,
		}
		return true
	}
	made.Langfuse = &export.Langfuse{Host: host, Public: public, Key: key, Environment: environment, Note: env("LANGFUSE_RELEASE"), Form: form}
	return true
}
