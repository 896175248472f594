package iam

import (
	"slices"
	"strconv"
)

// Merge makes one policy of several, as short as it can be said without allowing
// more: statements that differ in their resources, or in their actions, become
// one; so do those that allow models through profiles, as a profile leads to no
// model but its own. Statements that remain get Sids that differ.
func Merge(all ...Document) Document {
	var merged Document
	for _, d := range all {
		for _, s := range d {
			if !merged.take(&s) {
				merged = append(merged, s)
			}
		}
	}
	used := map[string]int{}
	for i := range merged {
		s := &merged[i]
		used[s.Sid]++
		if n := used[s.Sid]; n > 1 && s.Sid != "" {
			s.Sid += strconv.Itoa(n)
		}
	}
	return merged
}

// take puts a statement into one that is there, if it can be.
func (d Document) take(s *Statement) bool {
	for i := range d {
		t := &d[i]
		if t.Effect != s.Effect || t.Principal != s.Principal {
			continue
		}
		sameActions, sameResources, sameConditions := slices.Equal(t.Actions, s.Actions), slices.Equal(t.Resources, s.Resources), slices.EqualFunc(t.Conditions, s.Conditions, equalConditions)
		switch {
		case sameActions && sameConditions:
			t.Resources = union(t.Resources, s.Resources)
		case sameResources && sameConditions:
			t.Actions = union(t.Actions, s.Actions)
		case sameActions && throughProfiles(t) && throughProfiles(s) && t.Sid == s.Sid && equalBut(t.Conditions, s.Conditions):
			t.Resources = union(t.Resources, s.Resources)
			t.Conditions = slices.Clone(t.Conditions)
			for j := range t.Conditions {
				if t.Conditions[j].Key == profileKey {
					t.Conditions[j].Values = union(t.Conditions[j].Values, s.Conditions[j].Values)
				}
			}
		default:
			continue
		}
		return true
	}
	return false
}

func equalConditions(a, b Condition) bool {
	return a.Operator == b.Operator && a.Key == b.Key && slices.Equal(a.Values, b.Values)
}

// equalBut reports whether conditions are the same but for the profiles' ARNs.
func equalBut(a, b []Condition) bool {
	return slices.EqualFunc(a, b, func(a, b Condition) bool {
		return a.Operator == b.Operator && a.Key == b.Key && (a.Key == profileKey || slices.Equal(a.Values, b.Values))
	})
}

// throughProfiles reports whether a statement is about the models behind profiles.
func throughProfiles(s *Statement) bool {
	return s.Sid == sidModels || s.Sid == sidGlobalHere || s.Sid == sidGlobal
}

// union adds to a list what it does not have, and takes out what a pattern in it
// covers.
func union(a, b []string) []string {
	all := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool {
		return slices.ContainsFunc(all, func(p string) bool { return p != s && match(p, s) })
	})
}
