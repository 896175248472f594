package config

import (
	"outcrop/llm"
)

// sectionMargin is a margin that has more than a share.
const sectionMargin = "litellm_settings.cost_margin_config.PROVIDER"

// adjustment reads discounts or margins.
func (l *loader) adjustment(to *llm.Adjustments, k Key, n *node, path string) {
	for i := range n.members {
		m := &n.members[i]
		path := path + "." + m.key
		if k.Name == "cost_margin_config" {
			if to.Margins == nil {
				to.Margins = map[string]llm.Margin{}
			}
			to.Margins[m.key] = l.margin(k, m.value, path)
			continue
		}
		if to.Discounts == nil {
			to.Discounts = map[string]float64{}
		}
		if !llm.ValidDiscount(m.key) {
			l.errorAt(m.value.file, m.value.line, m.value.column, path, "is not a provider, or a provider, a slash and a model or a pattern of models", "such as bedrock, or bedrock/*claude*", "")
			continue
		}
		to.Discounts[m.key] = l.share(k, m.value, path, 1)
	}
}

// margin reads a share, or a mapping of a share and an amount.
func (l *loader) margin(k Key, n *node, path string) (m llm.Margin) {
	if n.kind != mapping {
		m.Share = l.share(k, n, path, mostMargin)
		return m
	}
	l.fields(n, sectionMargin, path, nil, func(k Key, n *node, path string) {
		switch k.Name {
		case "percentage":
			m.Share = l.share(k, n, path, mostMargin)
		case "fixed_amount":
			m.Fixed = l.money(k, n, path).Value
		}
	})
	return m
}

// mostMargin is the largest share of a margin: more is probably meant in per cent.
const mostMargin = 10

// share reads a share from 0 to most.
func (l *loader) share(k Key, n *node, path string, most float64) float64 {
	f, ok := l.number(k, n, path)
	if ok && (f < 0 || f > most) {
		l.errorAt(n.file, n.line, n.column, path, shown(k, n)+" is out of range", "a share such as 0.05 for 5 %", "")
		return 0
	}
	return f
}
