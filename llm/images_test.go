package llm_test

import (
	"errors"
	"fmt"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

func TestTheNearestRatioIsTaken(t *testing.T) {
	ratios := []string{"1:1", "2:3", "16:9"}
	for size, want := range map[string]string{"1024x1024": "1:1 true", "1024x1536": "2:3 true", "1792x1024": "16:9 true", "1376x768": "16:9 true", "2000x1500": "1:1 false", "65535x1": "16:9 false"} {
		nearest, same := (&llm.ImageRequest{Size: size}).Ratio(ratios)
		if got := fmt.Sprint(nearest, " ", same); got != want {
			t.Errorf("%s is %s, want %s", size, got, want)
		}
	}
}

func TestASizeIsTwoNumbers(t *testing.T) {
	for _, size := range []string{"", "x", "1024", "1024x", "x1024", "0x1", "1x0", "-1x1", "1.5x1", "65536x1", "1x1x1", "1X1"} {
		if w, h, ok := llm.ImageSize(size); ok {
			t.Errorf("%q is %d by %d", size, w, h)
		}
	}
}

func TestWhatAModelHasNoSettingForIsTold(t *testing.T) {
	field := func(name, value string) jsonx.Member { return jsonx.Member{Name: name, Value: jsonx.Raw(value)} }
	r := &llm.ImageRequest{
		Call:     llm.Call{User: "u", Metadata: []llm.Label{{Name: "team", Value: "a"}}, DropParams: true},
		Unmapped: []jsonx.Member{field("background", `"transparent"`), field("moderation", `"auto"`), field("style", `"vivid"`)},
	}
	warnings, err := r.Unmap("m")
	var words []string
	for _, w := range warnings {
		words = append(words, w.Code+" "+w.Field)
	}
	if err != nil || fmt.Sprint(words) != "[dropped background dropped style dropped user dropped metadata.team]" {
		t.Errorf("%v, %v", words, err)
	}
	r.DropParams = false
	_, err = r.Unmap("m")
	if e, ok := errors.AsType[*llm.Error](err); !ok || e.Param != "background" || e.Code != llm.CodeUnsupported {
		t.Errorf("a transparent background: %v", err)
	}
	if w := (&llm.ImageRequest{Count: llm.Some[int64](3)}).Shortfall(2); len(w) != 1 || w[0].Field != "n" {
		t.Errorf("two of three: %v", w)
	}
	if w := (&llm.ImageRequest{}).Shortfall(1); w != nil {
		t.Errorf("one of one: %v", w)
	}
}
