package export

import (
	"context"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"outcrop/internal/jsonx"
)

// Kept is what a call has asked and was answered, as the spend log keeps it. Both are JSON, and nil if nothing is known.
type Kept struct {
	ID      string
	Started time.Time
	// Request is the body of the request, and Response the answer.
	Request, Response []byte
}

// mostKept is how long a request or a response is at most, in bytes.
const mostKept = 256 << 10

// Keeper is LiteLLM's store_prompts_in_spend_logs: what calls have asked and were answered goes to a database.
type Keeper struct {
	// Keep writes it.
	Keep func(ctx context.Context, all []Kept) error
	// Longest is how many characters of a text are kept.
	Longest int
}

type keeper struct{ opt Keeper }

// NewKeeper makes the sender.
func NewKeeper(opt Keeper) Sender { return &keeper{opt} }

func (k *keeper) Send(ctx context.Context, batch []*Record) ([]*Record, error) {
	all := make([]Kept, 0, len(batch))
	for _, r := range batch {
		if r.Content == nil { // nobody may keep it
			continue
		}
		c := Kept{ID: r.ID, Started: r.Started, Request: k.bounded(requestOf(r))}
		if len(r.Content.Response) > 0 {
			var w jsonx.Writer
			appendResponse(&w, r)
			c.Response = k.bounded(w.Buf)
		}
		all = append(all, c)
	}
	if len(all) == 0 {
		return nil, nil
	}
	if err := k.opt.Keep(ctx, all); err != nil {
		return batch, err
	}
	return nil, nil
}

func (k *keeper) Close() {}

// requestOf is the body of a request, as JSON: a text if it is none, or was cut.
func requestOf(r *Record) jsonx.Raw {
	c := r.Content
	switch {
	case len(c.Request) == 0:
		return nil
	case !c.RequestCut && jsonx.Valid(c.Request):
		return c.Request
	default:
		return jsonx.AppendString(nil, strings.ToValidUTF8(string(c.Request), "\uFFFD"))
	}
}

// bounded is a value whose texts, and which as a whole, are not too long, and without credentials.
func (k *keeper) bounded(v jsonx.Raw) []byte {
	if len(v) == 0 {
		return nil
	}
	short := k.shortened(v, true)
	if len(short) > mostKept {
		return jsonx.AppendString(nil, cut(strings.ToValidUTF8(string(short), ""), mostKept/2))
	}
	return short
}

// shortened is a value with its texts cut. Credentials are left out, unless it is content, where a name means nothing.
func (k *keeper) shortened(v jsonx.Raw, settings bool) jsonx.Raw {
	switch v.Kind() {
	case '"':
		text := ""
		if jsonx.Unmarshal(v, &text) != nil || len(text) <= k.opt.Longest {
			return v
		}
		return jsonx.AppendString(nil, cut(text, k.opt.Longest))
	case '[':
		var items []jsonx.Raw
		if jsonx.Unmarshal(v, &items) != nil {
			return v
		}
		for i := range items {
			items[i] = k.shortened(items[i], settings)
		}
		return jsonx.Array(items)
	case '{':
		members, err := jsonx.Members(v)
		if err != nil {
			return v
		}
		var w jsonx.Writer
		w.Object()
		for i := range members {
			m := &members[i]
			w.AnyKey(m.Name)
			if settings && m.Value.Kind() == '"' && credential(m.Name) {
				w.String(Redacted)
				continue
			}
			w.Raw(k.shortened(m.Value, settings && !conversational(m.Name) && m.Name != "tools"))
		}
		w.EndObject()
		return w.Buf
	default:
		return v
	}
}

// credential reports whether a member is named as settings are that give access to something.
func credential(name string) bool {
	name = strings.ReplaceAll(strings.ToLower(name), "-", "_")
	for _, part := range [...]string{"api_key", "apikey", "secret", "password", "authorization", "access_key", "session_token", "credential", "private_key", "bearer", "cookie"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return name == "token" || strings.HasSuffix(name, "_token")
}

// cut is the beginning and the end of a text, as LiteLLM cuts it: a third at the beginning, the rest at the end
// (litellm/proxy/spend_tracking/spend_tracking_utils.py, 1.110.2).
func cut(text string, longest int) string {
	if utf8.RuneCountInString(text) <= longest {
		return text
	}
	runes := []rune(text)
	head := longest * 35 / 100
	left := len(runes) - longest
	return string(runes[:head]) + "… (" + strconv.Itoa(left) + " characters are not kept) …" + string(runes[len(runes)-(longest-head):])
}
