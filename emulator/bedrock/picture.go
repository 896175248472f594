package bedrock

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
)

// picture has the properties in the head of an image file. The format is Converse's
// name, empty if the bytes are in none of its formats; width and height in pixels are 0
// if the head does not have them.
type picture struct {
	format        string
	width, height int
}

// pictureHead is how much base64 of an image is read at first; a JPEG with a later
// frame header is read completely.
const pictureHead = 64 << 10

// readPicture reads the head of an image in base64.
func readPicture(text string) picture {
	p := pictureOf(decoded(text[:min(len(text), pictureHead)]))
	if p.format == "jpeg" && p.width == 0 && len(text) > pictureHead {
		p = pictureOf(decoded(text))
	}
	return p
}

// decoded decodes as much of a base64 text as possible.
func decoded(text string) []byte {
	data := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, _ := base64.StdEncoding.Decode(data, []byte(text)) // the request's decoder has already rejected invalid base64
	return data[:n]
}

// pictureOf reads the signatures of PNG (https://www.w3.org/TR/png-3/), GIF89a,
// JPEG (ITU-T T.81) and WebP (RFC 9649).
func pictureOf(head []byte) picture {
	switch {
	case bytes.HasPrefix(head, []byte("\x89PNG\r\n\x1a\n")):
		p := picture{format: "png"}
		if len(head) >= 24 {
			p.width, p.height = int(binary.BigEndian.Uint32(head[16:])), int(binary.BigEndian.Uint32(head[20:]))
		}
		return p
	case bytes.HasPrefix(head, []byte("GIF87a")), bytes.HasPrefix(head, []byte("GIF89a")):
		p := picture{format: "gif"}
		if len(head) >= 10 {
			p.width, p.height = int(binary.LittleEndian.Uint16(head[6:])), int(binary.LittleEndian.Uint16(head[8:]))
		}
		return p
	case bytes.HasPrefix(head, []byte("\xff\xd8\xff")):
		p := picture{format: "jpeg"}
		p.width, p.height = jpegSize(head)
		return p
	case len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP":
		p := picture{format: "webp"}
		p.width, p.height = webpSize(head[12:])
		return p
	}
	return picture{}
}

// jpegSize finds the frame header among the segments; zeros if there is none.
func jpegSize(data []byte) (width, height int) {
	for at := 2; at+9 <= len(data) && data[at] == 0xff; {
		marker := data[at+1]
		size := int(binary.BigEndian.Uint16(data[at+2:]))
		frame := marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc
		if frame {
			return int(binary.BigEndian.Uint16(data[at+7:])), int(binary.BigEndian.Uint16(data[at+5:]))
		}
		at += 2 + size
	}
	return 0, 0
}

// webpSize reads the first chunk after the RIFF header; zeros if it is too short.
func webpSize(chunk []byte) (width, height int) {
	if len(chunk) < 18 {
		return 0, 0
	}
	body := chunk[8:]
	switch string(chunk[:4]) {
	case "VP8X":
		size := func(b []byte) int { return 1 + (int(b[0]) | int(b[1])<<8 | int(b[2])<<16) }
		return size(body[4:]), size(body[7:])
	case "VP8L":
		bits := binary.LittleEndian.Uint32(body[1:])
		return 1 + int(bits&0x3fff), 1 + int(bits>>14&0x3fff)
	case "VP8 ":
		return int(binary.LittleEndian.Uint16(body[6:]) & 0x3fff), int(binary.LittleEndian.Uint16(body[8:]) & 0x3fff)
	}
	return 0, 0
}
