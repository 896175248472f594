package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"outcrop/telemetry/litellmmetrics"
)

// metricsConfig reads prometheus_metrics_config.
func (l *loader) metricsConfig(n *node, path string) map[string][]string {
	only := map[string][]string{}
	known := litellmmetrics.Names()
	for i, item := range n.items {
		at := fmt.Sprintf("%s[%d]", path, i)
		if item.kind != mapping {
			l.errorAt(item.file, item.line, item.column, at, "must be a mapping, not "+item.kind.String(), "", "")
			continue
		}
		var names, labels []string
		for j := range item.members {
			m := &item.members[j]
			to := &names
			switch m.key {
			case "metrics":
			case "include_labels":
				to = &labels
			case "group":
				continue
			default:
				l.errorAt(m.file, m.line, m.column, at+"."+m.key, fmt.Sprintf("unknown key %q", m.key), "group, metrics and include_labels", "")
				continue
			}
			for x, word := range m.value.items {
				where := fmt.Sprintf("%s.%s[%d]", at, m.key, x)
				text, ok := l.text(Key{Type: StringType}, word, where)
				if ok && m.key == "metrics" && !slices.Contains(known, text) {
					l.warnAt(word.file, word.line, word.column, where, strconv.Quote(text)+" is no metric that Outcrop has", "these are: "+strings.Join(known, ", "))
					continue
				}
				*to = append(*to, text)
			}
		}
		for _, name := range names {
			only[name] = append(only[name], labels...)
			for _, label := range labels {
				if !slices.Contains(litellmmetrics.Labels(name), label) {
					l.errorAt(item.file, item.line, item.column, at+".include_labels", strconv.Quote(label)+" is no label of "+name, strings.Join(litellmmetrics.Labels(name), ", "), "")
				}
			}
		}
	}
	return only
}

// buckets reads prometheus_latency_buckets.
func (l *loader) buckets(n *node, path string) (all []float64) {
	for i, item := range n.items {
		at := fmt.Sprintf("%s[%d]", path, i)
		k := Key{Type: NumberType, Max: 1e6}
		f, ok := l.number(k, item, at)
		if !ok {
			continue
		}
		if len(all) > 0 && f <= all[len(all)-1] {
			l.errorAt(item.file, item.line, item.column, at, "the buckets must become larger one after the other", "[0.1, 1, 10], for example", "")
			continue
		}
		all = append(all, f)
	}
	return all
}
