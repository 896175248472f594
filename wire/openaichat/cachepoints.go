package openaichat

import (
	"bytes"
	"slices"

	"outcrop/internal/jsonx"
)

// cachePointMember is the member that marks what may be cached.
const cachePointMember = `"cache_control"`

// withoutCachePoints returns a valid list without the members cache_control of the objects at some depths,
// if the endpoint does not take them. The objects in the list are at depth 2. Deeper ones, such as
// properties of a schema, are the client's own.
func (r *editor) withoutCachePoints(list jsonx.Raw, depths ...int) jsonx.Raw {
	if !r.NoCachePoints || !bytes.Contains(list, []byte(cachePointMember)) {
		return list
	}
	var out []byte
	from, depth := 0, 0 // list[:from] has been written
	for at := 0; at < len(list); at++ {
		switch list[at] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			end := at + 1 + stringEnd(list[at+1:])
			colon := skipColon(list, end)
			if colon < 0 || string(list[at:end]) != cachePointMember || !slices.Contains(depths, depth) {
				at = end - 1
				continue
			}
			begin, end := around(list, at, colon)
			out = append(out, list[from:max(from, begin)]...)
			from, at = end, end-1
		}
	}
	if from > 0 {
		r.dropped("cache_control", "the provider decides itself what it caches")
	}
	return append(out, list[from:]...)
}

// around returns where a member begins and ends, with one of the commas beside it. key is where its name
// begins, and colon where what follows its colon does.
func around(list jsonx.Raw, key, colon int) (begin, end int) {
	end = skipSpace(list, colon)
	end += len(value(list[end:]))
	end = skipSpace(list, end)
	begin = len(bytes.TrimRight(list[:key], " \t\r\n"))
	switch {
	case list[end] == ',':
		return begin, skipSpace(list, end+1)
	case list[begin-1] == ',':
		return begin - 1, end
	default:
		return begin, end
	}
}
