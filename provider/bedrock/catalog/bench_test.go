package catalog

import "testing"

func TestLookupsAllocateNothing(t *testing.T) {
	c := Embedded().With(virginia())
	m, _ := c.Model("amazon.nova-pro-v1:0")
	p, _ := c.Profile("us.amazon.nova-pro-v1:0")
	for what, look := range map[string]func(){
		"Model":        func() { c.Model("amazon.nova-pro-v1:0") },
		"Profile":      func() { c.Profile("us.amazon.nova-pro-v1:0") },
		"ProfilesOf":   func() { c.ProfilesOf("amazon.nova-pro-v1:0") },
		"OnDemand":     func() { c.OnDemand("amazon.nova-pro-v1:0", "eu-west-3") },
		"Friendly":     func() { c.Friendly("Claude Sonnet 4.5") },
		"Geography":    func() { c.Geography("us") },
		"Price":        func() { m.Price("us", "us-east-1") },
		"From":         func() { p.From("us-west-2") },
		"Destinations": func() { p.Destinations("us-east-1") },
	} {
		if n := testing.AllocsPerRun(100, look); n != 0 {
			t.Errorf("%s allocates %g times", what, n)
		}
	}
}

func BenchmarkModel(b *testing.B) {
	c := Embedded()
	for b.Loop() {
		c.Model("anthropic.claude-sonnet-4-5-20250929-v1:0")
	}
}

func BenchmarkOnDemand(b *testing.B) {
	c := Embedded()
	for b.Loop() {
		c.OnDemand("openai.gpt-oss-120b-1:0", "eu-west-3")
	}
}

func BenchmarkOnDemandLive(b *testing.B) {
	c := Embedded().With(virginia())
	for b.Loop() {
		c.OnDemand("amazon.nova-pro-v1:0", "us-east-1")
	}
}

func BenchmarkProfileFrom(b *testing.B) {
	c := Embedded()
	for b.Loop() {
		p, _ := c.Profile("us.anthropic.claude-sonnet-4-6")
		p.From("us-west-2")
	}
}

func BenchmarkPrice(b *testing.B) {
	c := Embedded()
	m, _ := c.Model("amazon.nova-pro-v1:0")
	for b.Loop() {
		m.Price("", "eu-central-1")
	}
}

func BenchmarkFriendly(b *testing.B) {
	c := Embedded()
	for b.Loop() {
		c.Friendly("claude-sonnet-4-5")
	}
}

func BenchmarkNearest(b *testing.B) {
	c := Embedded()
	for b.Loop() {
		c.Nearest("us.anthropic.claude-sonet-4-5-20250929-v1:0", "", 3)
	}
}

func BenchmarkWith(b *testing.B) {
	c := Embedded()
	l := virginia()
	for b.Loop() {
		c.With(l)
	}
}
