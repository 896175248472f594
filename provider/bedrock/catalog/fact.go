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

// Moment is a time, in seconds since the beginning of 1970 in UTC; 0 is unknown. Unlike a time.Time, it can stand in
// data that is laid out by the compiler.
type Moment int64

// momentOf returns the second in which t is.
func momentOf(t time.Time) Moment {
	if t.IsZero() {
		return 0
	}
	return Moment(t.Unix())
}

// IsZero reports whether the time is unknown.
func (m Moment) IsZero() bool { return m == 0 }

// Time returns the time in UTC, and the zero time if it is unknown.
func (m Moment) Time() time.Time {
	if m == 0 {
		return time.Time{}
	}
	return time.Unix(int64(m), 0).UTC()
}

// String returns the day, such as 2026-11-10; it is empty if the time is unknown.
func (m Moment) String() string {
	if m == 0 {
		return ""
	}
	return m.Time().Format(time.DateOnly)
}

// Source is a source of facts.
type Source struct {
	// Key is the short name by which the data files refer to it.
	Key  string
	Name string
	// Date is the day as of which its facts hold.
	Date Moment
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
