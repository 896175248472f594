package embed

import (
	"slices"
	"strings"

	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
)

// form is the form of a model's bodies.
type form uint8

const (
	titanText  form = iota + 1 // {"inputText"}
	titanImage                 // {"inputText","inputImage","embeddingConfig"}
	cohere                     // {"texts"|"images"|"inputs","input_type"}
	nova                       // {"taskType","singleEmbeddingParams"}
	marengo2                   // {"inputType","inputText"|"mediaSource"}
	marengo3                   // {"inputType","text"|"image"|"text_image"}
)

// row describes the embedding models whose name begins with prefix. A limit is 0 where the source
// names none; AWS then judges.
type row struct {
	vendor, prefix string
	form           form
	// dimensions are the accepted lengths of a vector, the default first. With fixed there is no
	// setting for it.
	dimensions []int64
	fixed      bool
	// characters is how many characters a text may have, and blank whether it may be empty.
	characters int
	blank      bool
	// texts and images are how many inputs of one kind a call takes.
	texts, images int
	// media are the kinds of content beside text, formats their accepted formats (nil for any), and
	// imageBytes the largest image.
	media      []llm.BlockKind
	formats    []string
	imageBytes int
	// purposes are the accepted values of input_type, the default first; nil if the model has no
	// such setting. truncate are those of truncate.
	purposes, truncate []string
	types              []llm.VectorType
	normalize          bool // normalize is a setting
	maxTokens          bool // max_tokens is a setting
	// fields are the model's own parameters, by their name in the request.
	fields []string
	// source is where the facts come from, and date when they were read.
	source, date string
}

// Pages of AWS, below https://docs.aws.amazon.com/.
const (
	pageTitan    = "https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html"
	pageTitanMM  = "https://docs.aws.amazon.com/bedrock/latest/userguide/titan-multiemb-models.html"
	pageCohere3  = "https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed-v3.html"
	pageCohere4  = "https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed-v4.html"
	pageNova     = "https://docs.aws.amazon.com/nova/latest/userguide/embeddings-schema.html"
	pageMarengo2 = "https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-marengo.html"
	pageMarengo3 = "https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-marengo-3.html"
)

const mebi = 1 << 20

// rows are the models, a more specific prefix before a shorter one.
//
// Titan's limit of 50,000 characters is not on its page: it is the maxLength that Bedrock names when
// it refuses a text. That it is in characters, and holds for each text, is in the same refusals, as
// for Cohere's 2048. Cohere Embed v4 takes START and END beside its page's LEFT and RIGHT: a
// recorded call with START succeeded.
var rows = []row{
	{
		vendor: "amazon", prefix: "titan-embed-text-v2", form: titanText, dimensions: []int64{1024, 512, 256}, characters: 50_000, texts: 1,
		truncate: []string{"NONE"}, types: []llm.VectorType{llm.VectorFloat, llm.VectorBinary}, normalize: true, source: pageTitan, date: "2026-11-28",
	},
	{
		vendor: "amazon", prefix: "titan-embed-text", form: titanText, dimensions: []int64{1536}, fixed: true, characters: 50_000, texts: 1,
		truncate: []string{"NONE"}, source: pageTitan, date: "2026-11-28",
	},
	{
		vendor: "amazon", prefix: "titan-embed-g1-text", form: titanText, dimensions: []int64{1536}, fixed: true, characters: 50_000, texts: 1,
		truncate: []string{"NONE"}, source: pageTitan, date: "2026-11-28",
	},
	{
		vendor: "amazon", prefix: "titan-embed-image", form: titanImage, dimensions: []int64{1024, 384, 256}, texts: 1, images: 1,
		media: []llm.BlockKind{llm.BlockImage}, imageBytes: 25 * mebi, truncate: []string{"NONE"}, fields: []string{"embeddingConfig"},
		source: pageTitanMM, date: "2026-11-28",
	},
	{
		vendor: "amazon", prefix: "nova-2-multimodal-embeddings", form: nova, dimensions: []int64{3072, 1024, 384, 256}, texts: 1, images: 1,
		media:    []llm.BlockKind{llm.BlockImage, llm.BlockAudio, llm.BlockVideo},
		formats:  []string{"png", "jpeg", "gif", "webp", "mp3", "wav", "ogg", "mp4", "mov", "mkv", "webm", "flv", "mpeg", "mpg", "wmv", "3gp"},
		purposes: []string{"", "search_document", "search_query", "classification", "clustering", "text", "image", "audio", "video"},
		truncate: []string{"END", "START", "NONE"}, fields: []string{"embeddingPurpose", "text", "image", "audio", "video", "schemaVersion", "taskType"},
		source: pageNova, date: "2026-11-28",
	},
	{
		vendor: "cohere", prefix: "embed-v4", form: cohere, dimensions: []int64{1536, 1024, 512, 256}, texts: 96, images: 96, blank: true,
		media:    []llm.BlockKind{llm.BlockImage},
		purposes: []string{"search_document", "search_query", "classification", "clustering", "image"},
		truncate: []string{"NONE", "START", "END", "LEFT", "RIGHT"}, maxTokens: true, types: everyType, source: pageCohere4, date: "2026-11-28",
	},
	{
		vendor: "cohere", prefix: "embed-", form: cohere, dimensions: []int64{1024}, fixed: true, characters: 2048, blank: true, texts: 96, images: 1,
		media: []llm.BlockKind{llm.BlockImage}, formats: []string{"png", "jpeg"}, imageBytes: 5 * mebi,
		purposes: []string{"search_document", "search_query", "classification", "clustering", "image"},
		truncate: []string{"NONE", "START", "END"}, types: everyType, source: pageCohere3, date: "2026-11-28",
	},
	{
		vendor: "twelvelabs", prefix: "marengo-embed-2", form: marengo2, dimensions: []int64{1024}, fixed: true, texts: 1, images: 1,
		media: []llm.BlockKind{llm.BlockImage}, imageBytes: 5 * mebi, purposes: []string{"", "text", "image"}, truncate: []string{"end", "none"},
		source: pageMarengo2, date: "2026-11-28",
	},
	{
		vendor: "twelvelabs", prefix: "marengo-embed", form: marengo3, dimensions: []int64{512}, fixed: true, texts: 1, images: 1,
		media: []llm.BlockKind{llm.BlockImage}, imageBytes: 5 * mebi, purposes: []string{"", "text", "image", "text_image"},
		fields: []string{"inferenceId"}, source: pageMarengo3, date: "2026-11-28",
	},
}

var everyType = []llm.VectorType{llm.VectorFloat, llm.VectorInt8, llm.VectorUint8, llm.VectorBinary, llm.VectorUbinary}

// Model is what a request is adapted to. NewModel makes it; it is not changed afterwards.
type Model struct {
	// Vendor and Name are segments of the base id, such as amazon and titan-embed-text-v2.
	Vendor, Name string
	row          *row // nil for a model that is not known to embed
	text         bool // the catalogue has it as another kind of model
}

// NewModel makes the Model of a vendor and name; facts are what the catalogue has of it, nil if
// nothing.
func NewModel(vendor, name string, facts *catalog.Model) *Model {
	m := &Model{Vendor: vendor, Name: name}
	if facts != nil && facts.Kind != catalog.KindUnknown && facts.Kind != catalog.KindEmbedding {
		m.text = true
		return m
	}
	for i := range rows {
		if r := &rows[i]; r.vendor == vendor && strings.HasPrefix(name, r.prefix) {
			m.row = r
			break
		}
	}
	return m
}

// Known reports whether the form of the model's bodies is known.
func (m *Model) Known() bool { return m.row != nil }

func (r *row) takes(kind llm.BlockKind) bool { return slices.Contains(r.media, kind) }
