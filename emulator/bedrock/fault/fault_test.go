package fault

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	t.Parallel()
	throttle := Fault{Kind: Exception, Type: "ThrottlingException", Status: 429, Message: "Too many requests, please wait before trying again."}
	inStream := throttle
	inStream.InStream, inStream.After = true, 3
	tests := []struct {
		name, text string
		want       Fault
	}{
		{"an exception by its word", "throttle", throttle},
		{"an exception by AWS's name", "ThrottlingException", throttle},
		{"an exception in a stream", "throttle after=3", inStream},
		{"other words", `message="slow down" throttle`, Fault{Kind: Exception, Type: "ThrottlingException", Status: 429, Message: "slow down"}},
		{"an error frame", "error-frame type=Odd message=\"x y\"", Fault{Kind: ErrorFrame, Type: "Odd", Message: "x y", InStream: true}},
		{"a cut inside a frame", "cut=reset, after=2; inside", Fault{Kind: Reset, InStream: true, After: 2, Inside: true}},
		{"slowness alone", "latency=2s rate=50", Fault{Latency: 2 * time.Second, Rate: 50}},
		{"a broken prelude", "corrupt=prelude", Fault{Kind: Prelude}},
		{"twice", "stall times=2", Fault{Kind: Stall, Times: 2}},
		{"without end", "stall always", Fault{Kind: Stall, Times: Always}},
		{"for one operation, in any case", "op=listinferenceprofiles deny", Fault{Kind: Deny, Operation: "ListInferenceProfiles"}},
		{"slowness for one operation", "op=ListFoundationModels latency=2s", Fault{Latency: 2 * time.Second, Operation: "ListFoundationModels"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := Parse(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseRefusesWhatNamesNoFault(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "names no fault", "nonsense": `"nonsense"`, "cut=up": `"up"`, "after=x": "not a count", "latency=-1s": "negative", "rate=0": "above 0", "throttle=1": `"throttle"`, "op=ListAgents deny": `unknown operation "ListAgents"`, "op=Converse": "names no fault", "times=2": "names no fault", "deny first": "before it begins", "=": "cannot read",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q): got %v, want an error with %q", text, err, want)
		}
	}
}

func TestEveryWordIsAnException(t *testing.T) {
	t.Parallel()
	for _, w := range Words() {
		f, err := Parse(w)
		if err != nil || f.Kind != Exception || f.Status < 400 || f.Message == "" || !strings.HasSuffix(f.FrameType(), "Exception") {
			t.Errorf("Parse(%q) = %+v, %v", w, f, err)
		}
	}
}

func TestScriptGoesThroughItsFaultsInOrder(t *testing.T) {
	t.Parallel()
	s := NewScript([]Fault{{Kind: Stall, Operation: "ConverseStream"}, {Kind: Empty, Times: 2}, {Kind: Garbage}}, 1)
	var got []Kind
	for _, operation := range []string{"Converse", "ConverseStream", "Converse", "Converse", "Converse"} {
		f, _ := s.Next(operation, "m")
		got = append(got, f.Kind)
	}
	if diff := cmp.Diff([]Kind{Empty, Stall, Empty, Garbage, None}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAFaultIsUsedUpOnlyByCallsThatItIsMeantFor(t *testing.T) {
	t.Parallel()
	s := NewScript([]Fault{
		{Kind: Deny, Operation: "ListInferenceProfiles", Times: 2},
		{Kind: Empty, Operation: "GetFoundationModel", Times: Always},
		{Kind: Stall},
	}, 1)
	var got []Kind
	for _, operation := range []string{
		"ListFoundationModels", "ListInferenceProfiles", "Converse", "Converse", "ListInferenceProfiles", "ListInferenceProfiles",
		"GetFoundationModel", "GetFoundationModel", "GetFoundationModel",
	} {
		f, _ := s.Next(operation, "")
		got = append(got, f.Kind)
	}
	if diff := cmp.Diff([]Kind{None, Deny, Stall, None, Deny, None, Empty, Empty, Empty}, got); diff != "" {
		t.Error(diff)
	}

	var due []bool
	for _, operation := range []string{"Converse", "ListFoundationModels", "Converse", "ListFoundationModels"} {
		_, ok, err := s.Marked(operation, "", "op=ListFoundationModels throttle times=1")
		if err != nil {
			t.Fatal(err)
		}
		due = append(due, ok)
	}
	if diff := cmp.Diff([]bool{false, true, false, false}, due); diff != "" {
		t.Error(diff)
	}
}

func TestScriptFailsTheShareOfItsProbability(t *testing.T) {
	t.Parallel()
	draw := func(seed uint64) (n int) {
		s := NewScript([]Fault{{Kind: Empty, Probability: 0.25}}, seed)
		for range 4000 {
			if _, ok := s.Next("Converse", "m"); ok {
				n++
			}
		}
		return n
	}
	if n := draw(7); n < 800 || n > 1200 || n != draw(7) {
		t.Errorf("of 4000 requests %d and %d failed, want the same about 1000", n, draw(7))
	}
}

func TestMarkedFailsAsOftenAsTheTextSays(t *testing.T) {
	t.Parallel()
	s := NewScript(nil, 1)
	var got []bool
	for range 3 {
		_, ok, err := s.Marked("Converse", "m", "throttle times=2")
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, ok)
	}
	_, always, _ := s.Marked("ListFoundationModels", "", "throttle")
	if diff := cmp.Diff([]bool{true, true, false, true}, append(got, always)); diff != "" {
		t.Error(diff)
	}
	if _, _, err := s.Marked("Converse", "m", "nonsense"); err == nil {
		t.Error("nonsense is accepted")
	}
}
