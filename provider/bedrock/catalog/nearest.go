package catalog

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"outcrop/internal/levenshtein"
)

// longest bounds the names that are compared, in bytes; none of AWS's comes near.
const longest = 128

// Nearest returns at most n names of models that an unknown name probably means, most likely first:
// of those known to be callable in a region, or of all if region is empty. It matches the words of
// names, so that claude, sonnet, llama-3.3-70b and misspelt words find their models, and returns
// friendly names. It considers only chat models that are not retired, and ranks legacy ones last.
// It returns nothing rather than names that are merely similar. It compares with every model, which
// takes a fraction of a millisecond: it is for error messages.
func (c *Catalogue) Nearest(asked, region string, n int) []string {
	var names []string
	for _, m := range c.nearest(asked, n, func(m *Model) bool { return m.chats() && c.callable(m.ID, region) }) {
		names = append(names, c.name(m))
	}
	return names
}

// Suggest says in a sentence or two what an unknown name may mean, and where to look.
func (c *Catalogue) Suggest(asked, region string) string {
	near := c.Nearest(asked, region, 3)
	if maker, foreign := c.Elsewhere(asked); foreign {
		text := asked[strings.LastIndexByte(asked, '/')+1:] + " is " + maker + "'s and is not on Bedrock."
		near = slices.DeleteFunc(near, func(name string) bool {
			base, _ := c.Friendly(name)
			m, ok := c.Model(base)
			return !ok || !strings.EqualFold(m.Vendor, maker)
		})
		if len(near) > 0 {
			text += " Of " + maker + "'s models Bedrock has " + either(near, "and") + "."
		}
		return text
	}
	if len(near) > 0 {
		return "Did you mean " + either(near, "or") + "?"
	}
	if others := c.nearest(asked, 3, func(m *Model) bool { return m.Kind.purpose() != "" && !m.Lifecycle.HasEnded(time.Now()) }); len(others) > 0 {
		return c.suggestOthers(others)
	}
	return "Run outcrop models to list what can be called, or outcrop models WORD to find models by name."
}

// suggestOthers says what models are that are not for chat: the first one, and those of the same kind.
func (c *Catalogue) suggestOthers(models []*Model) string {
	kind, path := models[0].Kind, models[0].Path()
	if path == "" {
		return "Bedrock's models of that name are for " + kind.purpose() + ", not for chat."
	}
	var names []string
	for _, m := range models {
		if m.Kind == kind {
			names = append(names, c.name(m))
		}
	}
	return "Did you mean " + either(names, "or") + "? Models for " + kind.purpose() + " are called at " + path + "."
}

// name returns the friendly name of a model, or its id if it has none.
func (c *Catalogue) name(m *Model) string {
	if names := c.NamesOf(m.ID); len(names) > 0 {
		return names[0]
	}
	return m.ID
}

// either joins names for a sentence.
func either(names []string, word string) string {
	last := len(names) - 1
	if last == 0 {
		return names[0]
	}
	return strings.Join(names[:last], ", ") + " " + word + " " + names[last]
}

// purpose names the purpose of a kind of model; empty for chat models.
func (k Kind) purpose() string {
	switch k {
	case KindEmbedding:
		return "embeddings"
	case KindRerank:
		return "reranking"
	case KindImage:
		return "images"
	case KindVideo:
		return "video"
	case KindSpeech:
		return "speech"
	default:
		return ""
	}
}

// Purpose names what a model is for if not for chat, such as embeddings; empty for chat models, and
// if unknown.
func (m *Model) Purpose() string { return m.Kind.purpose() }

// Path is the path of the gateway's API that serves a model which is not for chat; empty if there is
// none.
func (m *Model) Path() string {
	switch m.Kind {
	case KindEmbedding:
		return "/v1/embeddings"
	case KindRerank:
		return "/v2/rerank"
	default:
		return ""
	}
}

// NotForChat says what a model is for, if not for chat, and where it is called.
func (m *Model) NotForChat() string {
	text := m.ID + " is a model for " + m.Purpose() + ", not for chat"
	if path := m.Path(); path != "" {
		text += "; it is called at " + path
	}
	return text
}

// Reached reports whether one of the APIs by which Outcrop calls chat models may serve a model: Converse,
// the APIs of bedrock-mantle, or the Responses API of bedrock-runtime.
func (m *Model) Reached() bool {
	return m.Converse != No || m.OpenAIResponses == Yes || m.Mantle.ID != "" && (m.Mantle.Chat != No || m.Mantle.Responses != No)
}

// NotReached says that none of them serves a chat model.
func (m *Model) NotReached() string {
	return m.ID + " is served by none of the APIs by which Outcrop calls chat models: Converse, and OpenAI's on bedrock-runtime and bedrock-mantle"
}

// chats reports whether a model can be called for chat and is not retired.
func (m *Model) chats() bool {
	return (m.Kind == KindChat || m.Kind == KindUnknown) && (m.Output == 0 || m.Output.Has(Text)) && m.Reached() && !m.Lifecycle.HasEnded(time.Now())
}

// elsewhere maps the names of well-known models that Bedrock does not have to their makers.
func elsewhere(asked string) (maker string, ok bool) {
	name := strings.ToLower(asked[strings.LastIndexByte(asked, '/')+1:])
	for _, of := range []struct{ maker, names string }{
		{"OpenAI", "gpt-4 gpt-3 gpt3 gpt4 gpt-image gpt-realtime gpt-audio chatgpt o1 o3 o4 text-embedding-3 text-embedding-ada dall-e whisper tts-1 davinci omni-moderation"},
		{"Google", "gemini text-bison chat-bison imagen veo"},
		{"Perplexity", "sonar"},
	} {
		for prefix := range strings.FieldsSeq(of.names) {
			rest, found := strings.CutPrefix(name, prefix)
			if found && (rest == "" || !isDigits(prefix[len(prefix)-1:]) || rest[0] < '0' || rest[0] > '9') {
				return of.maker, true
			}
		}
	}
	return "", false
}

// Elsewhere returns the maker of a well-known model that Bedrock does not have, such as OpenAI for
// gpt-4o.
func (c *Catalogue) Elsewhere(asked string) (maker string, ok bool) {
	if _, known := c.Friendly(asked); known {
		return "", false
	}
	return elsewhere(asked)
}

// nearest returns the best matches among the wanted models.
func (c *Catalogue) nearest(asked string, n int, wanted func(*Model) bool) []*Model {
	if len(asked) > longest {
		asked = asked[:longest]
	}
	words := c.wordsOf(asked)
	type candidate struct {
		m     *Model
		score float64
		more  int
		words nameWords
	}
	var all []candidate
	now := time.Now()
	for _, m := range c.all {
		if !wanted(m) || c.Shortened(m.ID) || c.twin(m) {
			continue
		}
		own := c.wordsOf(m.ID)
		score, more := words.score(own)
		if score <= 0 {
			continue
		}
		if m.Lifecycle.IsLegacy(now) == Yes {
			score *= 0.8
		}
		if m.Converse != Yes && !m.OnlyOnMantle() {
			score *= 0.9
		}
		all = append(all, candidate{m, score, more, own})
	}
	slices.SortStableFunc(all, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.score, a.score), compareVersions(b.words.numbers, a.words.numbers), cmp.Compare(a.more, b.more), cmp.Compare(b.m.Lifecycle.Launched, a.m.Lifecycle.Launched), cmp.Compare(a.m.ID, b.m.ID))
	})
	var models []*Model
	for _, found := range all[:min(n, len(all))] {
		if found.score >= 0.75*all[0].score {
			models = append(models, found.m)
		}
	}
	return models
}

// nameWords are the words of a model's name: those that name and those that count.
type nameWords struct {
	letters, numbers []string
	whole            bool // it has a maker or a version, as ids have
}

// wordsOf splits a name into words, without a provider, route, region or geography before it.
func (c *Catalogue) wordsOf(name string) nameWords {
	name = strings.ToLower(name)
	if !strings.HasPrefix(name, "arn:") {
		name = name[strings.LastIndexByte(name, '/')+1:]
	}
	if prefix, rest, ok := strings.Cut(name, "."); ok {
		if _, known := c.Geography(prefix); known {
			name = rest
		}
	}
	s := takeApart(name)
	w := nameWords{whole: s.vendor != "" || s.version != [2]int{}}
	text := s.name
	if s.vendor != "" {
		w.letters = append(w.letters, s.vendor)
	}
	if s.vendor == "" || isDigits(strings.TrimPrefix(s.vendor, "v")) { // what stands before the dot was no vendor's name
		w.letters = nil
		text = strings.TrimPrefix(s.vendor+"."+s.name, ".")
	}
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune("-._ :/[]", r) }) {
		if len(part) == len("20250929") && isDigits(part) {
			continue
		}
		at := strings.IndexAny(part, "0123456789")
		switch {
		case part == "instruct" || part == "it" || part == "chat" || part == "latest":
		case at < 0:
			w.letters = append(w.letters, part)
		case at == 0 || isSize(part):
			w.numbers = append(w.numbers, part)
		default:
			w.letters, w.numbers = append(w.letters, part[:at]), append(w.numbers, part[at:])
		}
	}
	return w
}

// score is how well a requested name matches a model, from 0 to 1. Most of its letters must match,
// among them a longer word. more counts the words that only the model's name has.
func (w nameWords) score(of nameWords) (score float64, more int) {
	var found, total float64
	named := false
	matched := map[string]bool{}
	for i, word := range w.letters {
		weight := float64(len(word))
		if maker := i == 0 && len(w.letters) > 1 && len(w.letters[1]) > 2 && len(of.letters) > 0 && word == of.letters[0]; maker {
			weight = 1 // the same maker alone means little
		}
		best, which := 0.0, ""
		for j, other := range of.letters {
			how := alike(word, other)
			if j == 0 && len(of.letters) > 1 {
				how *= 0.9 // the maker's name counts less than the model's
			}
			if how > best {
				best, which = how, other
			}
		}
		if best == 0 {
			total += weight / 2
			continue
		}
		matched[which] = true
		named = named || weight >= 3
		found, total = found+weight*best, total+weight
	}
	if found < 0.6*total || !named {
		return 0, 0
	}
	score = found / total
	for _, other := range of.letters[min(1, len(of.letters)):] {
		if !matched[other] {
			more++
		}
	}
	if w.whole && len(w.numbers) == 0 && len(of.numbers) > 0 && !isSize(of.numbers[0]) {
		score *= 0.95 // an id without a number is not one of a later generation
	}
	if len(w.numbers) == 0 {
		return score, more
	}
	same := inOrder(w.numbers, of.numbers)
	return score * (0.5 + 0.5*same/float64(len(w.numbers)+len(of.numbers))), more
}

// alike is 1 for the same word, less for one that is cut short or misspelt, and 0
// for another.
func alike(a, b string) float64 {
	short := min(len(a), len(b))
	switch far := levenshtein.Distance(a, b); {
	case a == b:
		return 1
	case short >= 3 && 2*short > max(len(a), len(b)) && (strings.HasPrefix(a, b) || strings.HasPrefix(b, a)):
		return 0.8
	case short >= 4 && far == 1, short >= 6 && far == 2, short >= 3 && levenshtein.Swapped(a, b):
		return 0.85
	default:
		return 0
	}
}

// closeNumbers reports whether two numbers of names differ in a digit too many, or in the unit of a size: 55 and 5, 32
// and 32b.
func closeNumbers(x, y string) bool {
	const longest = 3 // above are days and months
	a, b := strings.TrimSuffix(x, "b"), strings.TrimSuffix(y, "b")
	return a == b || isDigits(x) && isDigits(y) && max(len(x), len(y)) <= longest && len(x) != len(y) && levenshtein.Distance(x, y) == 1
}

// inOrder counts how many of the numbers of a and of b, together, are in the other in the same order. One that is close
// to another counts half.
func inOrder(a, b []string) float64 {
	counts := make([]float64, len(b)+1) // of the longest common subsequence, row by row
	for _, x := range a {
		diagonal := 0.0
		for j, y := range b {
			above := counts[j+1]
			counts[j+1] = max(above, counts[j])
			switch {
			case x == y:
				counts[j+1] = max(counts[j+1], diagonal+2)
			case closeNumbers(x, y):
				counts[j+1] = max(counts[j+1], diagonal+1)
			}
			diagonal = above
		}
	}
	return counts[len(b)]
}

// compareVersions compares the numbers of names but for sizes: 5.5 comes after 5,
// and 10 after 9.
func compareVersions(a, b []string) int {
	versions := func(numbers []string) []string {
		return slices.DeleteFunc(slices.Clone(numbers), func(word string) bool { return !isDigits(word) })
	}
	return slices.CompareFunc(versions(a), versions(b), func(x, y string) int { return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y)) })
}

// twin reports whether a model is one that bedrock-runtime has by another id.
func (c *Catalogue) twin(m *Model) bool {
	return m.OnlyOnMantle() && slices.ContainsFunc(c.all, func(other *Model) bool { return other != m && other.Mantle.ID == m.ID })
}

// Shortened reports whether an id is another one that has lost its end, such as
// amazon.nova-pro-v1 of amazon.nova-pro-v1:0: price tables have a few, and AWS knows
// none of them.
func (c *Catalogue) Shortened(base string) bool {
	_, whole := find(&c.ids, base+":0")
	return whole
}

// callable reports whether a model can be called in a region by its own id, by a
// profile or at bedrock-mantle, as far as is known.
func (c *Catalogue) callable(base, region string) bool {
	m, ok := c.Model(base)
	return region == "" || c.OnDemand(base, region) == Yes || ok && m.OnlyOnMantle() && m.OnMantle(region) != No ||
		slices.ContainsFunc(c.ProfilesOf(base), func(p *Profile) bool { return p.From(region) != No })
}
