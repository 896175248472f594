package inventory

import (
	"maps"
	"slices"
	"time"

	"outcrop/provider/bedrock/catalog"
)

// fact is something that AWS's refusals teach.
type fact struct {
	kind   kind
	id     string
	region string
}

type kind uint8

const (
	needsProfile kind = iota // a base id has no on-demand throughput
	dead                     // an id is not valid in the region
)

// lesson is a fact that was learned, and what the lists said of it then: when
// they change their mind the lesson is forgotten.
type lesson struct {
	until  time.Time
	listed catalog.Known
}

// lessonLife is how long a lesson counts without the lists changing: AWS may
// change what no list shows. maxLessons bounds how many there are, as clients can
// make ids up.
const (
	lessonLife = time.Hour
	maxLessons = 1024
)

// NeedsProfile reports whether AWS has refused a base id in a region for want of
// on-demand throughput.
func (s *State) NeedsProfile(base, region string) bool {
	_, ok := s.lessons[fact{needsProfile, base, region}]
	return ok
}

// Dead reports whether AWS has said that an id is not valid in a region.
func (s *State) Dead(id, region string) bool {
	_, ok := s.lessons[fact{dead, id, region}]
	return ok
}

// NeedsProfile remembers that AWS has refused a base id in a region for want of
// on-demand throughput.
func (v *Inventory) NeedsProfile(base, region string) { v.learn(fact{needsProfile, base, region}) }

// Dead remembers that AWS has said that an id is not valid in a region.
func (v *Inventory) Dead(id, region string) { v.learn(fact{dead, id, region}) }

// Forget drops what was learned of an id in a region.
func (v *Inventory) Forget(id, region string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.lessons, fact{needsProfile, id, region})
	delete(v.lessons, fact{dead, id, region})
	v.publish(false)
}

func (v *Inventory) learn(f fact) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.lessons) >= maxLessons {
		oldest := slices.SortedFunc(maps.Keys(v.lessons), func(a, b fact) int { return v.lessons[a].until.Compare(v.lessons[b].until) })
		for _, old := range oldest[:maxLessons/4] {
			delete(v.lessons, old)
		}
	}
	v.lessons[f] = lesson{until: v.opt.Now().Add(lessonLife), listed: listed(v.state.Load().Catalogue, f)}
	v.publish(false)
}

// forget drops the lessons that are old, and those of which the lists say
// something else than they did; mu is held.
func (v *Inventory) forget(c *catalog.Catalogue) {
	now := v.opt.Now()
	maps.DeleteFunc(v.lessons, func(f fact, l lesson) bool { return !now.Before(l.until) || l.listed != listed(c, f) })
}

// listed is what the lists say of the id of a fact.
func listed(c *catalog.Catalogue, f fact) catalog.Known {
	if p, ok := c.Profile(f.id); ok {
		return p.From(f.region)
	}
	return c.OnDemand(f.id, f.region)
}
