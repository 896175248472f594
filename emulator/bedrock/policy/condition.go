package policy

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"outcrop/internal/jsonx"
)

// context maps condition keys, in lower case since they are case-insensitive, to the
// values of a request.
type context map[string][]string

// operator compares one value of a policy with one of a request.
type operator struct {
	wildcards bool
	negated   bool // inverts the comparison
	null      bool // tests whether the key is present
	matches   func(p pattern, value string) bool
	// check rejects a value of a policy that can never be compared; nil if any can.
	check func(value string) bool
}

// operators are those of the IAM User Guide, "IAM JSON policy elements:
// Condition operators".
func operators() map[string]operator {
	all := map[string]operator{
		"StringEquals":           {matches: equal},
		"StringEqualsIgnoreCase": {matches: func(p pattern, v string) bool { return strings.EqualFold(p.literal(), v) }},
		"StringLike":             {matches: pattern.match, wildcards: true},
		"ArnEquals":              {matches: pattern.matchARN, wildcards: true},
		"ArnLike":                {matches: pattern.matchARN, wildcards: true},
		"BinaryEquals":           {matches: equal},
		"Bool":                   {matches: func(p pattern, v string) bool { return strings.EqualFold(p.literal(), v) }, check: isBool},
		"Null":                   {null: true, check: isBool},
		"NumericEquals":          {matches: numeric(func(sign int) bool { return sign == 0 }), check: isNumber},
		"DateEquals":             {matches: date(func(sign int) bool { return sign == 0 }), check: isDate},
		"IpAddress":              {matches: within, check: isAddress},
	}
	for name, holds := range map[string]func(sign int) bool{
		"LessThan":          func(sign int) bool { return sign < 0 },
		"LessThanEquals":    func(sign int) bool { return sign <= 0 },
		"GreaterThan":       func(sign int) bool { return sign > 0 },
		"GreaterThanEquals": func(sign int) bool { return sign >= 0 },
	} {
		all["Numeric"+name] = operator{matches: numeric(holds), check: isNumber}
		all["Date"+name] = operator{matches: date(holds), check: isDate}
	}
	for name, of := range map[string]string{
		"StringNotEquals": "StringEquals", "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase", "StringNotLike": "StringLike",
		"ArnNotEquals": "ArnEquals", "ArnNotLike": "ArnLike", "NumericNotEquals": "NumericEquals", "DateNotEquals": "DateEquals",
		"NotIpAddress": "IpAddress",
	} {
		o := all[of]
		o.negated = true
		all[name] = o
	}
	return all
}

func equal(p pattern, v string) bool { return p.literal() == v }

func isBool(s string) bool { return strings.EqualFold(s, "true") || strings.EqualFold(s, "false") }

func isNumber(s string) bool {
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}

// numeric makes a comparison from a predicate on the sign of the request's value minus
// the policy's.
func numeric(holds func(sign int) bool) func(pattern, string) bool {
	return func(p pattern, v string) bool {
		policy, err1 := strconv.ParseFloat(p.literal(), 64)
		value, err2 := strconv.ParseFloat(v, 64)
		if err1 != nil || err2 != nil {
			return false
		}
		sign := 0
		if value < policy {
			sign = -1
		} else if value > policy {
			sign = 1
		}
		return holds(sign)
	}
}

// parseDate parses a date of ISO 8601 (its W3C profile) or seconds of the Unix epoch.
func parseDate(s string) (time.Time, bool) {
	if seconds, err := strconv.ParseInt(s, 10, 64); err == nil && len(s) > len("2026") {
		return time.Unix(seconds, 0), true
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02", "2006-01", "2006"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func isDate(s string) bool {
	_, ok := parseDate(s)
	return ok
}

// date is numeric for points in time.
func date(holds func(sign int) bool) func(pattern, string) bool {
	return func(p pattern, v string) bool {
		policy, ok1 := parseDate(p.literal())
		value, ok2 := parseDate(v)
		return ok1 && ok2 && holds(value.Compare(policy))
	}
}

func parsePrefix(s string) (netip.Prefix, bool) {
	if addr, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(addr, addr.BitLen()), true
	}
	prefix, err := netip.ParsePrefix(s)
	return prefix, err == nil
}

func isAddress(s string) bool {
	_, ok := parsePrefix(s)
	return ok
}

func within(p pattern, v string) bool {
	prefix, ok := parsePrefix(p.literal())
	addr, err := netip.ParseAddr(v)
	return ok && err == nil && prefix.Contains(addr.Unmap())
}

// set is how an operator treats the values of a request.
type set int

const (
	plain set = iota
	anyOf     // ForAnyValue
	allOf     // ForAllValues
)

// condition is one key of a condition block under one operator.
type condition struct {
	operator
	over     set
	ifExists bool
	key      string // in lower case
	values   []pattern
}

// parseConditions parses a condition block; all its conditions must hold.
func parseConditions(path string, v jsonx.Raw, variables bool) ([]condition, error) {
	blocks, err := members(path, v)
	if err != nil {
		return nil, err
	}
	known := operators()
	var all []condition
	for _, block := range blocks {
		at := path + "." + block.Name
		c := condition{}
		name := block.Name
		if rest, ok := strings.CutPrefix(name, "ForAnyValue:"); ok {
			c.over, name = anyOf, rest
		} else if rest, ok := strings.CutPrefix(name, "ForAllValues:"); ok {
			c.over, name = allOf, rest
		}
		name, c.ifExists = strings.CutSuffix(name, "IfExists")
		o, ok := known[name]
		if !ok {
			return nil, fault(at, "there is no such condition operator; there are %s", strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		}
		if o.null && c.ifExists {
			return nil, fault(at, "Null takes no IfExists")
		}
		c.operator = o
		keys, err := members(at, block.Value)
		if err != nil {
			return nil, err
		}
		for _, m := range keys {
			c.key = strings.ToLower(m.Name)
			if c.values, err = parseValues(at+"."+m.Name, m, o, variables); err != nil {
				return nil, err
			}
			all = append(all, c)
		}
	}
	return all, nil
}

func parseValues(path string, m jsonx.Member, o operator, variables bool) ([]pattern, error) {
	if vendor, name, ok := strings.Cut(m.Name, ":"); !ok || vendor == "" || name == "" {
		return nil, fault(path, "%q is not a condition key such as aws:RequestedRegion", m.Name)
	}
	values, err := words(path, m.Value, true)
	if err != nil {
		return nil, err
	}
	var all []pattern
	for _, v := range values {
		p := compile(v, o.wildcards, variables)
		if s, ok := p.fixed(); ok && o.check != nil && !o.check(s) {
			return nil, fault(path, "%q is not a value that the operator can compare", v)
		}
		all = append(all, p)
	}
	return all, nil
}

// holds reports whether a request fulfils the condition. Without a set operator, one of
// several values of a request is enough, and for a negated operator all must differ.
// ForAnyValue of a missing key does not hold even with IfExists, and ForAllValues
// holds.
func (c *condition) holds(ctx context) bool {
	values := ctx[c.key]
	if c.null {
		return slices.ContainsFunc(c.values, func(p pattern) bool {
			return strings.EqualFold(p.literal(), "true") == (len(values) == 0)
		})
	}
	if len(values) == 0 {
		switch c.over {
		case anyOf:
			return false
		case allOf:
			return true
		default:
			return c.ifExists || c.negated
		}
	}
	fits := func(v string) bool {
		return slices.ContainsFunc(c.values, func(p pattern) bool {
			full, ok := p.expand(ctx)
			return ok && c.matches(full, v)
		}) != c.negated
	}
	fitsNot := func(v string) bool { return !fits(v) }
	if c.over == allOf || c.over == plain && c.negated {
		return !slices.ContainsFunc(values, fitsNot)
	}
	return slices.ContainsFunc(values, fits)
}
