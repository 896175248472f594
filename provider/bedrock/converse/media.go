package converse

import (
	"encoding/base64"
	"strings"

	"outcrop/llm"
)

// Limits on the content of a message
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html).
const (
	maxImages    = 20
	maxImage     = 3_932_160 // bytes, 3.75 MB
	maxPixels    = 8000      // in width and in height
	maxDocuments = 5
	maxDocument  = 4_718_592 // bytes, 4.5 MB
)

// media rejects images, documents and videos that AWS does not accept, and corrects the
// format of images to their actual one.
func (p *adapter) media() error {
	if !p.seen.media {
		return nil
	}
	images, documents := 0, 0
	for i := range p.out.Turns {
		t := &p.out.Turns[i]
		if i > 0 && p.out.Turns[i-1].Role != t.Role {
			images, documents = 0, 0
		}
		for j := range t.Blocks {
			b := &t.Blocks[j]
			if err := p.medium(b, i, j); err != nil {
				return err
			}
			switch b.Kind {
			case llm.BlockImage:
				images++
			case llm.BlockDocument:
				documents++
			case llm.BlockToolResult:
				for k := range b.ToolResult.Content {
					if err := p.medium(&b.ToolResult.Content[k].Block, i, j); err != nil {
						return err
					}
				}
			default: // not media
			}
		}
		if p.model.any(ownLimits) {
			continue
		}
		field := p.inMessage(llm.FieldContent, i)
		if images > maxImages {
			return llm.Invalid(field, "%s has %d images; Bedrock accepts at most %d in one message", field, images, maxImages)
		}
		if documents > maxDocuments {
			return llm.Invalid(field, "%s has %d documents; Bedrock accepts at most %d in one message", field, documents, maxDocuments)
		}
	}
	return nil
}

// medium checks one block.
func (p *adapter) medium(b *llm.Block, i, j int) error {
	m := b.Media
	if m == nil {
		return nil
	}
	if p.model.any(noVideo) && b.Kind == llm.BlockVideo {
		return llm.Unsupported(p.at(i, j), "%s is a video, which is not supported by this model", p.at(i, j))
	}
	if p.model.any(noS3) && strings.HasPrefix(m.URI, "s3://") {
		return llm.Unsupported(p.at(i, j), "%s is in S3, which this model cannot read; send the content itself", p.at(i, j))
	}
	if m.Base64.IsZero() {
		return nil
	}
	size := m.Base64.Size()
	switch {
	case b.Kind == llm.BlockImage:
		return p.image(b, size, i, j)
	case b.Kind == llm.BlockDocument && size > maxDocument && !p.model.any(ownLimits):
		return llm.Invalid(p.at(i, j), "%s is a document of %d bytes; Bedrock accepts at most %d", p.at(i, j), size, maxDocument)
	}
	return nil
}

func (p *adapter) image(b *llm.Block, size, i, j int) error {
	kind, width, height := picture(b.Media.Base64)
	if !p.model.any(ownLimits) {
		if size > maxImage {
			return llm.Invalid(p.at(i, j), "%s is an image of %d bytes; Bedrock accepts at most %d", p.at(i, j), size, maxImage)
		}
		if width > maxPixels || height > maxPixels {
			return llm.Invalid(p.at(i, j), "%s is an image of %d by %d pixels; Bedrock accepts at most %d by %d", p.at(i, j), width, height, maxPixels, maxPixels)
		}
	}
	if kind != "" && b.Media.Format != kind {
		p.warn(llm.WarnChanged, p.at(i, j), "the image was sent as "+kind+", its actual format, not as "+b.Media.Format)
		p.retype(i, j, b, kind)
	}
	return nil
}

// retype changes the format of an image without changing the caller's request.
func (p *adapter) retype(i, j int, image *llm.Block, kind string) {
	p.rewrite(func(turn int, t llm.Turn) []llm.Block {
		if turn != i {
			return t.Blocks
		}
		blocks := append([]llm.Block(nil), t.Blocks...)
		put := func(b *llm.Block) {
			if b.Media == image.Media {
				media := *b.Media
				media.Format = kind
				b.Media = &media
			}
		}
		put(&blocks[j])
		if blocks[j].ToolResult != nil {
			result := *blocks[j].ToolResult
			result.Content = append([]llm.ResultBlock(nil), result.Content...)
			for k := range result.Content {
				put(&result.Content[k].Block)
			}
			blocks[j].ToolResult = &result
		}
		return blocks
	})
}

// head is how many bytes of an image's base64 are examined; a JPEG may have its size
// after a preview.
const head = 256 << 10

// picture returns the kind of an image and its size in pixels, read from its first
// bytes; unknown values are empty or 0.
func picture(content llm.Base64) (kind string, width, height int) {
	b := content.Head(30)
	switch {
	case len(b) >= 24 && string(b[:8]) == "\x89PNG\r\n\x1a\n":
		return "png", be32(b[16:]), be32(b[20:])
	case len(b) >= 10 && (string(b[:6]) == "GIF87a" || string(b[:6]) == "GIF89a"):
		return "gif", int(b[6]) | int(b[7])<<8, int(b[8]) | int(b[9])<<8
	case len(b) >= 30 && string(b[:4]) == "RIFF" && string(b[8:12]) == "WEBP":
		width, height = webp(b)
		return "webp", width, height
	case len(b) >= 3 && string(b[:3]) == "\xff\xd8\xff":
		width, height = jpeg(content.Bytes())
		return "jpeg", width, height
	}
	return "", 0, 0
}

func be32(b []byte) int { return int(b[0])<<24 | int(b[1])<<16 | int(b[2])<<8 | int(b[3]) }

// webp reads the size in a WebP file's first chunk
// (https://developers.google.com/speed/webp/docs/riff_container).
func webp(b []byte) (width, height int) {
	le := func(i int) int { return int(b[i]) | int(b[i+1])<<8 }
	switch string(b[12:16]) {
	case "VP8X":
		return 1 + (le(24) | int(b[26])<<16), 1 + (le(27) | int(b[29])<<16)
	case "VP8 ":
		return le(26) & 0x3fff, le(28) & 0x3fff
	case "VP8L":
		bits := le(21) | le(23)<<16
		return 1 + bits&0x3fff, 1 + bits>>14&0x3fff
	}
	return 0, 0
}

// jpeg reads the size in a JPEG file's frame header (ITU-T T.81, B.2.2).
func jpeg(text []byte) (width, height int) {
	text = text[:min(len(text), head)]
	for i := 2; ; { // after the start marker
		m := slice(text, i, 9)
		if len(m) < 9 || m[0] != 0xff {
			return 0, 0
		}
		switch c := m[1]; {
		case c == 0xff: // a fill byte
			i++
		case c >= 0xc0 && c <= 0xcf && c != 0xc4 && c != 0xc8 && c != 0xcc:
			return int(m[7])<<8 | int(m[8]), int(m[5])<<8 | int(m[6])
		case c == 0xda: // start of the image data
			return 0, 0
		default:
			i += 2 + (int(m[2])<<8 | int(m[3]))
		}
	}
}

// slice decodes up to n bytes of base64 from an offset.
func slice(text []byte, from, n int) []byte {
	begin := from / 3 * 4
	if begin >= len(text) {
		return nil
	}
	end := min(len(text), (from+n+2)/3*4+4)
	var buf [32]byte
	got, _ := base64.StdEncoding.Decode(buf[:], text[begin:end-end%4])
	skip := min(from%3, got)
	return append([]byte(nil), buf[skip:min(got, skip+n)]...)
}
