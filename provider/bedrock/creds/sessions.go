package creds

import (
	"container/list"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
)

// maxSessions bounds the sessions of one role that are kept, least recently used first out. LiteLLM keeps as many
// credentials.
const maxSessions = 1000

// Tag is a session tag.
type Tag struct{ Key, Value string }

// sessions are those of one role with different tags.
type sessions struct {
	mu     sync.Mutex
	known  map[string]*list.Element
	recent list.List // of *session, most recently used first
}

type session struct {
	key    string
	source *Source
}

// As is Get for a session of the role with further tags, and returns the source of its credentials. Tags that the
// options have by the same name stay as they are. Credentials that are not those of a role that STS gives by AssumeRole
// have no tags, and are those of Get.
func (s *Source) As(ctx context.Context, tags []Tag) (Credentials, *Source, error) {
	if len(tags) == 0 || s.plan.role == "" || s.plan.token != nil || s.fetch == nil {
		c, err := s.Get(ctx)
		return c, s, err
	}
	for {
		own := s.session(tags)
		if own == nil {
			return Credentials{}, s, &Error{Kind: Closed, Message: "the credential source is closed"}
		}
		c, err := own.Get(ctx)
		if e, ok := errors.AsType[*Error](err); !ok || e.Kind != Closed {
			return c, own, err
		} // it has made room for others before it had credentials
	}
}

// session is the source for tags; nil if s is closed.
func (s *Source) session(tags []Tag) *Source {
	var b strings.Builder
	for _, t := range tags {
		b.WriteString(strconv.Quote(t.Key) + strconv.Quote(t.Value))
	}
	key, all := b.String(), &s.sessions
	all.mu.Lock()
	defer all.mu.Unlock()
	if e := all.known[key]; e != nil {
		all.recent.MoveToFront(e)
		return e.Value.(*session).source //nolint:forcetypeassert // the list holds nothing else
	}
	if s.ctx.Err() != nil {
		return nil
	}
	tagged := *s.plan
	tagged.tags = withTags(s.plan.tags, tags)
	own := newSource(&tagged)
	if all.known == nil {
		all.known = map[string]*list.Element{}
	}
	all.known[key] = all.recent.PushFront(&session{key, own})
	if all.recent.Len() > maxSessions {
		last := all.recent.Remove(all.recent.Back()).(*session) //nolint:forcetypeassert // the list holds nothing else
		delete(all.known, last.key)
		s.wait.Go(last.source.Close)
	}
	return own
}

// closeSessions closes all of them. The context of s has ended.
func (s *Source) closeSessions() {
	all := &s.sessions
	all.mu.Lock()
	defer all.mu.Unlock()
	for e := all.recent.Front(); e != nil; e = e.Next() {
		e.Value.(*session).source.Close() //nolint:forcetypeassert // the list holds nothing else
	}
	clear(all.known)
	all.recent.Init()
}

// withTags adds tags in the form that STS takes. Names differ in more than case
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html).
func withTags(own []types.Tag, more []Tag) []types.Tag {
	all := slices.Clip(own)
	for _, t := range more {
		key, value := fitted(t.Key, maxTagKey), fitted(t.Value, maxTagValue)
		if key == "" || len(all) == maxTags || slices.ContainsFunc(all, func(o types.Tag) bool { return strings.EqualFold(*o.Key, key) }) {
			continue
		}
		all = append(all, types.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	return all
}

// fitted is a text with at most limit characters, of which those that STS does not take in tags are hyphens: its service
// model has the pattern [\p{L}\p{Z}\p{N}_.:/=+\-@]* (sts, 2011-06-15, tagValueType).
func fitted(s string, limit int) string {
	var b strings.Builder
	n := 0
	for _, r := range strings.ToValidUTF8(s, "-") {
		if n++; n > limit {
			break
		}
		if !unicode.In(r, unicode.L, unicode.Z, unicode.N) && !strings.ContainsRune("_.:/=+-@", r) {
			r = '-'
		}
		b.WriteRune(r)
	}
	return b.String()
}
