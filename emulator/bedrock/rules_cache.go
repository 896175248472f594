package bedrock

import (
	"fmt"
	"net/http"

	"outcrop/emulator/bedrock/catalogue"
	"outcrop/llm"
)

// maxCachePoints is how many cache points a request may have
// (https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html).
const maxCachePoints = 4

// mark is a cache point and what it stands behind, as Anthropic names that.
type mark struct {
	ttl, native string
}

// checkCachePoints holds cache points against how many there may be, where the
// family takes them, and how long each may live: never longer than those before
// it, in the order of tools, system and messages.
func checkCachePoints(q *question) error {
	marks, err := toolMarks(q)
	if err != nil {
		return err
	}
	at := -1
	for i := range q.request.System {
		if b := &q.request.System[i]; b.Kind == llm.BlockCachePoint {
			if i == 0 {
				return invalid(nothingToCache)
			}
			marks = append(marks, mark{b.Cache.TTL, fmt.Sprintf("system.%d", max(at, 0))})
		} else {
			at++
		}
	}
	turns, err := turnMarks(q)
	if err != nil {
		return err
	}
	return checkMarks(q, append(marks, turns...))
}

// checkMarks holds all cache points of a request against what the model takes.
func checkMarks(q *question, marks []mark) error {
	if len(marks) == 0 {
		return nil
	}
	native := q.native()
	switch {
	case q.info.CacheMinimum == 0:
		return &refusal{status: http.StatusForbidden, kind: "AccessDeniedException", message: "You invoked an unsupported model or your request did not allow prompt caching. See the documentation for more information."}
	case len(marks) > maxCachePoints && native:
		return returned("A maximum of %d blocks with cache_control may be provided. Found %d.", maxCachePoints, len(marks))
	case len(marks) > maxCachePoints:
		return invalid("You can't include more than %d cache points in a request. Reduce the number of cache points and retry your request.", maxCachePoints)
	}
	short := false
	for _, m := range marks {
		switch {
		case m.ttl != "1h":
			short = true
		case q.info.Has(catalogue.NoLongCache) && native:
			return returned("%s.cache_control.ephemeral.ttl: Extra inputs are not permitted", m.native)
		case q.info.Has(catalogue.NoLongCache):
			return invalid("Extended TTL prompt caching is only supported for Anthropic models")
		case short:
			return returned("%s.cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. Note that blocks are processed in the following order: `tools`, `system`, `messages`.", m.native)
		}
	}
	return nil
}

// nothingToCache is what Converse says of a cache point with which a list begins
// (public reports: [cachePoint, text] is refused, [text, cachePoint] taken).
const nothingToCache = "There is nothing available to cache. Please remove the invalid cache point and try again."

// toolMarks are the cache points among the tools.
func toolMarks(q *question) ([]mark, error) {
	var marks []mark
	at := 0 // in toolConfig.tools, where cache points count too
	for i := range q.request.Tools {
		at++
		c := q.request.Tools[i].Cache
		if c == nil {
			continue
		}
		if q.info.Has(catalogue.NoToolCache) {
			return nil, malformedInput("#/toolConfig/tools/%d: extraneous key [cachePoint] is not permitted", at)
		}
		marks = append(marks, mark{c.TTL, fmt.Sprintf("tools.%d", i)})
		at++
	}
	return marks, nil
}

// turnMarks are the cache points of the conversation.
func turnMarks(q *question) ([]mark, error) {
	var marks []mark
	for i, turn := range q.request.Turns {
		at, results := -1, false
		for j := range turn.Blocks {
			b := &turn.Blocks[j]
			results = results || b.Kind == llm.BlockToolResult
			if b.Kind != llm.BlockCachePoint {
				at++
				continue
			}
			switch {
			case j == 0:
				return nil, invalid(nothingToCache)
			case results && q.info.Has(catalogue.NoToolCache):
				return nil, malformedInput("#/messages/%d/content/0: extraneous key [cachePoint] is not permitted", i)
			case j > 0 && isReasoning(&turn.Blocks[j-1]):
				return nil, invalid("Cache point cannot be inserted after reasoning block. Please remove the invalid cache point and try again.")
			case j > 0 && turn.Blocks[j-1].Kind == llm.BlockDocument && turn.Blocks[j-1].Media.Format != "pdf" && q.native():
				return nil, returned("messages.%d.content.%d.type: Field required", i, j)
			}
			marks = append(marks, mark{b.Cache.TTL, fmt.Sprintf("messages.%d.content.%d", i, max(at, 0))})
		}
	}
	return marks, nil
}
