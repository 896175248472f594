package route

import (
	"strings"
	"testing"

	"outcrop/llm"
)

func TestAConfiguredNameBehindAPrefixIsNamed(t *testing.T) {
	wild := &group{name: "*"}
	r := &Router{names: newNames([]*group{wild, {name: "gpt-5"}})}
	e := llm.Unsupported("model", "the route openai/ is not served")
	c := call{r: r, g: wild, name: "openai/gpt-5"}
	if got := c.meant(e); !strings.Contains(got.Fix, `"gpt-5"`) || got == e {
		t.Errorf("the next step is %q", got.Fix)
	}
	for _, c := range []call{{r: r, g: wild, name: "openai/gpt-6"}, {r: r, g: wild, name: "gpt"}} {
		if got := c.meant(e); got != e {
			t.Errorf("%s: the next step is %q", c.name, got.Fix)
		}
	}
}
