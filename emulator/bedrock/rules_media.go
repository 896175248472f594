package bedrock

import (
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/internal/lazyregexp"
	"outcrop/llm"
)

// Limits of documents and images (Message in the Converse API reference, and
// measurements in public reports: a PDF may be larger than other documents, and
// Claude counts the bytes of base64).
const (
	maxDocuments     = 5
	maxDocumentBytes = 4_718_592 // 4.5 MB
	maxImages        = 20
	maxImageBytes    = 3_932_160 // 3.75 MB
	maxImageBase64   = 5_242_880
	maxImagePixels   = 8000
)

// documentName are the characters of a document's name, with single spaces alone
// (DocumentBlock in the Converse API reference; that underscores are taken and
// that other white space is not, public reports).
var documentName = lazyregexp.New(`^[A-Za-z0-9_\-()\[\] ]+$`)

// checkDocuments holds documents against what Converse asks of them: how many,
// how large, their names, the text beside them and, with Claude, where their
// content comes from.
func checkDocuments(q *question) error {
	count := 0
	names := map[string]bool{}
	err := q.refuseFirst(func(p place, b *llm.Block) error {
		if b.Kind != llm.BlockDocument {
			return nil
		}
		m := b.Media
		if count++; count > maxDocuments {
			return invalid("You can't include more than %d documents in a request. Reduce the number of documents and retry your request.", maxDocuments)
		}
		if !documentName.MatchString(m.Name) || strings.Contains(m.Name, "  ") {
			return invalid("The document file name can only contain alphanumeric characters, whitespace characters, hyphens, parentheses, and square brackets. " +
				"The name can't contain more than one consecutive whitespace character. Check that the file name conforms to these restrictions and retry your request.")
		}
		if names[m.Name] {
			return invalid("Messages can't contain duplicate document names. Rename the document and retry your request.")
		}
		names[m.Name] = true
		if m.Format != "pdf" && m.Base64.Size() > maxDocumentBytes {
			return invalid("The maximum document size is 4.5 MB.")
		}
		if inline := m.Base64.IsZero() && m.URI == ""; inline && !cites(m.Citations) && q.native() {
			return invalid("DocumentSource object at %s.document.source must set one of the following keys: bytes, s3Location.", p)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, turn := range q.request.Turns {
		document, text := false, false
		for _, b := range turn.Blocks {
			document = document || b.Kind == llm.BlockDocument
			text = text || b.Kind == llm.BlockText
		}
		if document && !text {
			return invalid("A text block must be included when using documents. Add a text block and retry your request.")
		}
	}
	return nil
}

// cites reports whether a document's citations are enabled.
func cites(setting jsonx.Raw) bool {
	var c struct {
		Enabled bool `json:"enabled"`
	}
	return len(setting) > 0 && jsonx.Unmarshal(setting, &c) == nil && c.Enabled
}

// checkImages refuses too many images and too large ones, and bytes that are not
// an image of the format that is said. Claude counts the documents that it reads
// page by page among the images.
func checkImages(q *question) error {
	images, pages := 0, 0
	err := q.refuseFirst(func(p place, b *llm.Block) error {
		if b.Kind == llm.BlockDocument && b.Media.Format == "pdf" && cites(b.Media.Citations) {
			pages++
		}
		if b.Kind != llm.BlockImage {
			return nil
		}
		images++
		if b.Media.Base64.IsZero() {
			return nil // AWS fetches it
		}
		if q.native() {
			return claudeImage(p, b.Media)
		}
		return plainImage(p, b.Media)
	})
	switch {
	case err != nil:
		return err
	case q.native() && images+pages > maxImages:
		return returned("too many images and documents: %d + %d > %d", images, pages, maxImages)
	case images > maxImages:
		return invalid("You can't include more than %d images in a request. Reduce the number of images and retry your request.", maxImages)
	}
	return nil
}

// claudeImage refuses an image in Anthropic's words.
func claudeImage(p place, m *llm.Media) error {
	at := p.native() + ".image.source.bytes"
	if n := len(m.Base64.String()); n > maxImageBase64 {
		return returned("%s: image exceeds 5 MB maximum: %d bytes > %d bytes", at, n, maxImageBase64)
	}
	seen := readPicture(m.Base64.String())
	switch {
	case seen.format == "":
		return returned("%s: Could not process image", at)
	case seen.format != m.Format:
		return returned("%s: The image was specified using the image/%s media type, but the image appears to be a image/%s image", at, m.Format, seen.format)
	case max(seen.width, seen.height) > maxImagePixels:
		return returned("%s: At least one of the image dimensions exceed max allowed size: %d pixels", at, maxImagePixels)
	}
	return nil
}

// plainImage refuses an image for any other model.
func plainImage(p place, m *llm.Media) error {
	if m.Base64.Size() > maxImageBytes {
		return invalid("The size of the image at %s exceeds the maximum of 3.75 MB. Reduce the size of the image and retry your request.", p)
	}
	seen := readPicture(m.Base64.String())
	switch {
	case seen.format != m.Format:
		return returned("The provided image does not match the specified image format.")
	case max(seen.width, seen.height) > maxImagePixels:
		return invalid("The width and the height of the image at %s exceed the maximum of %d pixels. Resize the image and retry your request.", p, maxImagePixels)
	}
	return nil
}
