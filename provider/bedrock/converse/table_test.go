package converse

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/color"
	stdgif "image/gif"
	stdjpeg "image/jpeg"
	stdpng "image/png"
	"slices"
	"testing"
	"time"

	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
)

// Each row says where it comes from, is about some model that the catalogue has, and
// says something.
func TestRowsHaveSourcesAndModels(t *testing.T) {
	known := catalog.Embedded()
	for i := range rows {
		r := &rows[i]
		if r.source == "" || r.traits == 0 {
			t.Errorf("row %d of %s %s: source %q, traits %b", i, r.vendor, r.name, r.source, r.traits)
		}
		found := r.name == "titan-" // of which none is a chat model any more
		for _, m := range known.Models() {
			_, name, _ := bytes.Cut([]byte(m.ID), []byte("."))
			found = found || r.fits(&Model{Vendor: m.Vendor, Name: string(name)})
		}
		if !found {
			t.Errorf("row %d fits no model: %s %s", i, r.vendor, r.name)
		}
	}
}

// So does each row of how models think, and the day on which that was so; and it counts
// for some model, because no row before it fits too.
func TestThinkersHaveSourcesDaysAndModels(t *testing.T) {
	known := catalog.Embedded()
	counts := make([]bool, len(thinkers))
	for _, facts := range known.Models() {
		_, name, _ := bytes.Cut([]byte(facts.ID), []byte("."))
		m := &Model{Vendor: facts.Vendor, Name: string(name)}
		if i := slices.IndexFunc(thinkers, func(row thinker) bool { return row.fits(m) }); i >= 0 {
			counts[i] = true
		}
	}
	for i := range thinkers {
		r := &thinkers[i]
		if _, err := time.Parse(time.DateOnly, r.seen); err != nil || r.source == "" || r.style == styleNone {
			t.Errorf("row %d of %s %s: source %q, seen %q, style %d", i, r.vendor, r.name, r.source, r.seen, r.style)
		}
		if !counts[i] {
			t.Errorf("row %d counts for no model: %s %s", i, r.vendor, r.name)
		}
		if slices.Contains(r.words, "none") != (r.off == offWord) {
			t.Errorf("row %d of %s %s: words %v, off %d", i, r.vendor, r.name, r.words, r.off)
		}
	}
}

func TestTheVersionOfAClaude(t *testing.T) {
	for name, want := range map[string]int{
		"claude-3-7-sonnet-20250219-v1": 307, "claude-sonnet-4-20250514-v1": 400, "claude-opus-4-1-20250805-v1": 401, "claude-opus-4-6-v1": 406,
		"claude-sonnet-5": 500, "claude-sonnet-5-5": 505, "claude-fable-5-1": 501, "claude-v2": 0, "nova-2": 0,
	} {
		if got := (&Model{Vendor: "anthropic", Name: name}).claude(); got != want {
			t.Errorf("%s is %d, want %d", name, got, want)
		}
	}
}

func TestTheKindAndSizeOfAnImage(t *testing.T) {
	picture9 := image.NewPaletted(image.Rect(0, 0, 9000, 3), color.Palette{color.Black})
	encode := func(f func(*bytes.Buffer) error) string {
		var b bytes.Buffer
		if err := f(&b); err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(b.Bytes())
	}
	text := func(b string) string { return base64.StdEncoding.EncodeToString([]byte(b)) }
	jpg := encode(func(b *bytes.Buffer) error { return stdjpeg.Encode(b, picture9, nil) })
	plain, _ := base64.StdEncoding.DecodeString(jpg)
	preview := string(plain[:2]) + "\xff\xe1\x20\x02" + string(make([]byte, 0x2000)) + string(plain[2:])
	for _, tt := range []struct {
		name, text, kind string
		width, height    int
	}{
		{"PNG", encode(func(b *bytes.Buffer) error { return stdpng.Encode(b, picture9) }), "png", 9000, 3},
		{"GIF", encode(func(b *bytes.Buffer) error { return stdgif.Encode(b, picture9, nil) }), "gif", 9000, 3},
		{"JPEG", jpg, "jpeg", 9000, 3},
		{"JPEG behind a preview", text(preview), "jpeg", 9000, 3},
		{"JPEG that is cut", jpg[:16], "jpeg", 0, 0},
		{"WebP, lossy", text("RIFF\x00\x00\x00\x00WEBPVP8 \x00\x00\x00\x00\x00\x00\x00\x9d\x01\x2a\x28\x23\x03\x00"), "webp", 9000, 3},
		{"WebP, lossless", text("RIFF\x00\x00\x00\x00WEBPVP8L\x00\x00\x00\x00\x2f\x27\xa3\x00\x00\x00\x00\x00\x00\x00"), "webp", 8 + 8992, 3},
		{"WebP, extended", text("RIFF\x00\x00\x00\x00WEBPVP8X\x00\x00\x00\x00\x00\x00\x00\x00\x27\x23\x00\x02\x00\x00"), "webp", 9000, 3},
		{"something else", text("neither this nor that, whatever"), "", 0, 0},
		{"nothing", "", "", 0, 0},
	} {
		content, ok := llm.ParseBase64([]byte(tt.text))
		if !ok {
			t.Fatalf("%s: not base64", tt.name)
		}
		kind, width, height := picture(content)
		if kind != tt.kind || width != tt.width || height != tt.height {
			t.Errorf("%s: got %s of %d by %d, want %s of %d by %d", tt.name, kind, width, height, tt.kind, tt.width, tt.height)
		}
	}
}
