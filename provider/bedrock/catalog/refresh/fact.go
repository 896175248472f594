package refresh

import (
	"maps"

	"outcrop/provider/bedrock/catalog/schema"
)

// fact is a fact of a model that has a source of its own.
type fact struct {
	name string
	// has reports whether the model has the fact.
	has func(m *schema.Model) bool
	// move copies the fact.
	move func(to, from *schema.Model)
}

// field makes a fact from a pointer to a comparable field; the zero value means that it
// is absent.
func field[T comparable](name string, at func(m *schema.Model) *T) fact {
	return fact{
		name: name,
		has: func(m *schema.Model) bool {
			p := at(m)
			var zero T
			return p != nil && *p != zero
		},
		move: func(to, from *schema.Model) { *at(to) = *at(from) },
	}
}

// list makes a fact from a pointer to a slice; an empty one means that it is absent.
func list(name string, at func(m *schema.Model) *[]string) fact {
	return fact{
		name: name,
		has:  func(m *schema.Model) bool { return len(*at(m)) > 0 },
		move: func(to, from *schema.Model) { *at(to) = *at(from) },
	}
}

// Members with several facts are created when one of the facts is first looked up;
// settled models lose the empty ones when they are written.

func mantle(m *schema.Model) *schema.Mantle {
	if m.Mantle == nil {
		m.Mantle = &schema.Mantle{}
	}
	return m.Mantle
}

func reasoning(m *schema.Model) *schema.Reasoning {
	if m.Reasoning == nil {
		m.Reasoning = &schema.Reasoning{}
	}
	return m.Reasoning
}

func cache(m *schema.Model) *schema.Cache {
	if m.Cache == nil {
		m.Cache = &schema.Cache{}
	}
	return m.Cache
}

// facts lists the facts of a model.
func facts() []fact {
	return []fact{
		field("name", func(m *schema.Model) *string { return &m.Name }),
		field("family", func(m *schema.Model) *string { return &m.Family }),
		field("kind", func(m *schema.Model) *string { return &m.Kind }),
		field("converse", func(m *schema.Model) **bool { return &m.Converse }),
		field("invoke", func(m *schema.Model) **bool { return &m.Invoke }),
		field("openai", func(m *schema.Model) **bool { return &m.OpenAI }),
		field("openaiResponses", func(m *schema.Model) **bool { return &m.OpenAIResponses }),
		field("mantle.id", func(m *schema.Model) *string { return &mantle(m).ID }),
		field("mantle.chat", func(m *schema.Model) **bool { return &mantle(m).Chat }),
		field("mantle.responses", func(m *schema.Model) **bool { return &mantle(m).Responses }),
		field("mantle.messages", func(m *schema.Model) **bool { return &mantle(m).Messages }),
		field("mantle.responsesBase", func(m *schema.Model) *string { return &mantle(m).ResponsesBase }),
		list("mantle.in", func(m *schema.Model) *[]string { return &mantle(m).In }),
		field("context", func(m *schema.Model) *int64 { return &m.Context }),
		field("maxOutput", func(m *schema.Model) *int64 { return &m.MaxOutput }),
		list("input", func(m *schema.Model) *[]string { return &m.Input }),
		list("output", func(m *schema.Model) *[]string { return &m.Output }),
		field("system", func(m *schema.Model) **bool { return &m.System }),
		field("streaming", func(m *schema.Model) **bool { return &m.Streaming }),
		field("tools", func(m *schema.Model) **bool { return &m.Tools }),
		field("streamTools", func(m *schema.Model) **bool { return &m.StreamTools }),
		field("structuredOutput", func(m *schema.Model) **bool { return &m.StructuredOutput }),
		field("reasoning.supported", func(m *schema.Model) **bool { return &reasoning(m).Supported }),
		field("reasoning.style", func(m *schema.Model) *string { return &reasoning(m).Style }),
		list("reasoning.efforts", func(m *schema.Model) *[]string { return &reasoning(m).Efforts }),
		field("reasoning.minimumBudget", func(m *schema.Model) *int64 { return &reasoning(m).MinimumBudget }),
		field("reasoning.always", func(m *schema.Model) **bool { return &reasoning(m).Always }),
		field("cache.supported", func(m *schema.Model) **bool { return &cache(m).Supported }),
		field("cache.minimum", func(m *schema.Model) *int64 { return &cache(m).Minimum }),
		list("cache.ttls", func(m *schema.Model) *[]string { return &cache(m).TTLs }),
		{
			name: "onDemand",
			has:  func(m *schema.Model) bool { return len(m.OnDemand) > 0 },
			move: func(to, from *schema.Model) { to.OnDemand = maps.Clone(from.OnDemand) },
		},
		field("released", func(m *schema.Model) *string { return &m.Released }),
		field("legacy", func(m *schema.Model) *string { return &m.Legacy }),
		field("endOfLife", func(m *schema.Model) *string { return &m.EndOfLife }),
		field("ended", func(m *schema.Model) **bool { return &m.Ended }),
		field("successor", func(m *schema.Model) *string { return &m.Successor }),
	}
}

// take gives m the facts of from that it lacks, and records their source.
func take(m, from *schema.Model, key string, by map[string]string) {
	for _, f := range facts() {
		if by[f.name] == "" && f.has(from) {
			f.move(m, from)
			by[f.name] = key
		}
	}
}
