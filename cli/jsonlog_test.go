package cli

import (
	"errors"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
)

// TestJSONLinesSayWhatSlogsDo compares with slog.JSONHandler, up to how a text is escaped.
func TestJSONLinesSayWhatSlogsDo(t *testing.T) {
	at := time.Date(2026, 11, 30, 10, 17, 53, 123456780, time.FixedZone("", 3600))
	for name, attrs := range map[string][]slog.Attr{
		"nothing":          nil,
		"texts":            {slog.String("a", "plain"), slog.String("b", "\"quoted\" \\ \n\t\x01 é 日本 \u2028 <&> \xff"), slog.String("c", "")},
		"numbers":          {slog.Int("a", -7), slog.Int64("b", math.MaxInt64), slog.Uint64("c", math.MaxUint64), slog.Float64("d", 0.00012), slog.Float64("e", 1e21), slog.Float64("f", 1e-9), slog.Float64("g", 3)},
		"no numbers":       {slog.Float64("a", math.NaN()), slog.Float64("b", math.Inf(1))},
		"the rest of them": {slog.Bool("a", true), slog.Duration("b", 1500*time.Millisecond), slog.Time("c", at), slog.Any("d", nil)},
		"left to slog":     {slog.Any("a", errors.New("an error")), slog.Group("b", slog.Int("c", 1)), slog.Any("d", []string{"e"}), {Key: "", Value: slog.IntValue(1)}},
		"a key to escape":  {slog.Int("a \"key\"\n", 1)},
	} {
		for with, change := range map[string]func(slog.Handler) slog.Handler{
			"":             func(h slog.Handler) slog.Handler { return h },
			" with others": func(h slog.Handler) slog.Handler { return h.WithAttrs([]slog.Attr{slog.Int("own", 1)}) },
			" in a group":  func(h slog.Handler) slog.Handler { return h.WithGroup("group") },
		} {
			t.Run(name+with, func(t *testing.T) {
				r := slog.NewRecord(at, slog.LevelWarn, "a \"message\"", 0)
				r.AddAttrs(attrs...)
				var own, line, slogs strings.Builder
				if err := change(newJSONHandler(&own, slog.LevelInfo)).Handle(t.Context(), r); err != nil {
					t.Fatal(err)
				}
				if err := change(newJSONHandler(&line, slog.LevelInfo)).(*jsonHandler).WriteLine(at, slog.LevelWarn, "a \"message\"", attrs); err != nil || line.String() != own.String() {
					t.Errorf("from its parts it is %q, not %q, %v", line.String(), own.String(), err)
				}
				if err := change(slog.NewJSONHandler(&slogs, nil)).Handle(t.Context(), r); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(membersOf(t, slogs.String()), membersOf(t, own.String())); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

// TestTimesOfLines compares with time.RFC3339Nano, for lines of the same second and of others, in several zones.
func TestTimesOfLines(t *testing.T) {
	var l jsonLines
	base := time.Date(2026, 11, 30, 23, 59, 59, 0, time.UTC)
	for _, zone := range []*time.Location{time.UTC, time.FixedZone("", 3600), time.FixedZone("", -5*3600-1800)} {
		for _, after := range []time.Duration{0, 1, 120 * time.Millisecond, 999_999_999, time.Second, time.Second + 100, 0} {
			at := base.Add(after).In(zone)
			if got, want := string(l.appendTime(nil, at)), `"`+at.Format(time.RFC3339Nano)+`"`; got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
	}
}

// membersOf reads a line of a log: the names in their order, and what their values mean.
func membersOf(t *testing.T, text string) (members []string) {
	t.Helper()
	if strings.Count(text, "\n") != 1 || !strings.HasSuffix(text, "\n") {
		t.Fatalf("%q is not one line", text)
	}
	all, err := jsonx.Members([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		if m.Value.Kind() == '"' {
			var value string
			if err := jsonx.Unmarshal(m.Value, &value); err != nil {
				t.Fatal(err)
			}
			m.Value = jsonx.Raw(value)
		}
		members = append(members, m.Name+": "+string(m.Value))
	}
	return members
}

func BenchmarkJSONLines(b *testing.B) {
	r := slog.NewRecord(time.Now(), slog.LevelInfo, "call", 0)
	r.AddAttrs(slog.String("id", "01a22c0f8c6f3803b13d6565e30ef0f3"), slog.String("door", "openai_chat"), slog.String("model", "granite"), slog.String("target", "api=converse; region=us-east-1; id=us.amazon.nova-lite-v1:0"),
		slog.Bool("stream", false), slog.Int("status", 200), slog.Float64("duration_ms", 11.468), slog.Int("prompt_tokens", 2), slog.Int("completion_tokens", 8), slog.Float64("cost_usd", 0.00012), slog.String("stop", "end_turn"))
	for name, h := range map[string]slog.Handler{"own": newJSONHandler(discard{}, slog.LevelInfo), "slog": slog.NewJSONHandler(discard{}, nil)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_ = h.Handle(b.Context(), r)
			}
		})
	}
}

// discard is a file that keeps nothing; slog knows io.Discard.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
