package bedrock_test

import (
	"testing"

	"outcrop/llm"
)

// On the way of every call that comes again, the ways are looked up and nothing is
// made.
func TestTargetsOfAKnownModelAllocateNothing(t *testing.T) {
	d := newAWS(t).open(t, "*", map[string]string{"aws_region_name": "us-east-1"}, nil)
	const model = "anthropic.claude-sonnet-4-5-20250929-v1:0"
	if targets, err := d.Targets(llm.VerbChat, model); err != nil || len(targets) != 2 {
		t.Fatalf("%d ways, %v", len(targets), err)
	}
	if n := testing.AllocsPerRun(100, func() {
		if _, err := d.Targets(llm.VerbChat, model); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkTargets(b *testing.B) {
	d := newAWS(b).open(b, "*", map[string]string{"aws_region_name": "us-east-1"}, nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Targets(llm.VerbChat, "anthropic.claude-sonnet-4-5-20250929-v1:0"); err != nil {
			b.Fatal(err)
		}
	}
}
