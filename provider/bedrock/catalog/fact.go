package catalog

import "time"

// Known is yes, no, or unknown.
type Known uint8

// Values of Known.
const (
	Unknown Known = iota
	No
	Yes
)

// String is unknown, no or yes.
func (k Known) String() string {
	switch k {
	case No:
		return "no"
	case Yes:
		return "yes"
	case Unknown:
	}
	return "unknown"
}

// known is Yes for true.
func known(b bool) Known {
	if b {
		return Yes
	}
	return No
}

// Source is a source of facts.
type Source struct {
	// Key is the short name by which the data files refer to it.
	Key  string
	Name string
	// Date is the day as of which its facts hold.
	Date time.Time
	URL  string
	// Unconfirmed reports whether its facts are general knowledge that was not checked against a
	// page or response of AWS. They apply until a live list says otherwise.
	Unconfirmed bool
}

// Modality is a kind of content; modalities are or-ed together. The zero value
// is unknown.
type Modality uint16

// Modalities. Document is what Converse calls a document, such as a PDF file.
const (
	Text Modality = 1 << iota
	Image
	Document
	Audio
	Video
	Speech
	Embedding
)

// modalities has the names of modalities as the data files and, in upper case,
// AWS's lists write them.
func modalities() [7]string {
	return [...]string{"text", "image", "document", "audio", "video", "speech", "embedding"}
}

// Has reports whether m is known to have all of the others.
func (m Modality) Has(others Modality) bool { return m&others == others }

// Names returns the names of the modalities, such as text and image.
func (m Modality) Names() []string {
	var names []string
	for i, name := range modalities() {
		if m&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// parseModality returns 0 for an unknown name, which AWS may have added.
func parseModality(name string) Modality {
	for i, n := range modalities() {
		if n == name {
			return 1 << i
		}
	}
	return 0
}
