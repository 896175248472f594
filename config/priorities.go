package config

import "outcrop/tenant"

// Sections of the shares of models by priority.
const (
	sectionShare      = "litellm_settings.priority_reservation.PRIORITY"
	sectionPriorities = "litellm_settings.priority_reservation_settings"
)

// priorities are the shares of models by priority, until the file is known as a whole.
type priorities struct{ tenant.Priorities }

// read reads priority_reservation and priority_reservation_settings, and reports whether a setting is one of them. The defaults
// are LiteLLM's (litellm/types/utils.py, PriorityReservationSettings, 1.110.2).
func (p *priorities) read(l *loader, to *Accounting, k Key, n *node, path string) bool {
	if p.Usual == 0 && p.Threshold == 0 && p.Shares == nil {
		p.Usual, p.Threshold = 0.25, 0.5
	}
	switch k.Name {
	case "priority_reservation":
		p.Shares = map[string]tenant.Share{}
		for i := range n.members {
			m := &n.members[i]
			if share, ok := l.reservation(m.value, path+"."+m.key); ok {
				p.Shares[m.key] = share
			}
		}
		to.Priorities = &p.Priorities
	case "priority_reservation_settings":
		l.fields(n, sectionPriorities, path, nil, func(k Key, n *node, path string) {
			f, ok := l.number(k, n, path)
			switch {
			case !ok:
			case k.Name == "default_priority":
				p.Usual = f
			case k.Name == "saturation_threshold":
				p.Threshold = f
			}
		})
	default:
		return false
	}
	return true
}

// reservation reads a share of priority_reservation: a number, or a mapping with type and value.
func (l *loader) reservation(n *node, path string) (s tenant.Share, ok bool) {
	s.Kind = tenant.SharePart
	value := Key{Name: "value", Type: NumberType, Max: 1}
	if n.kind != mapping {
		s.Value, ok = l.number(value, n, path)
		return s, ok
	}
	var amount *node
	l.fields(n, sectionShare, path, nil, func(k Key, n *node, path string) {
		if k.Name == "value" {
			amount = n
			return
		}
		s.Kind = tenant.ShareKind(l.either(k, n, path, string(tenant.SharePart), string(tenant.ShareRequests), string(tenant.ShareTokens)))
	})
	if amount == nil {
		l.errorAt(n.file, n.line, n.column, path, "must have value", "a part of 1, such as 0.75, or with type rpm or tpm a number of requests or tokens a minute", "")
		return s, false
	}
	if s.Kind != tenant.SharePart {
		value.Max = 1e15
	}
	s.Value, ok = l.number(value, amount, path+".value")
	return s, ok
}
