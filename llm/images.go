package llm

import (
	"math"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
)

// ImageRequest is one call for images (VerbImage): new ones, or edits of others.
type ImageRequest struct {
	Call
	// Prompt says what the images show; empty only for edits of models that need none.
	Prompt string
	// Images are what to edit, with their content; empty for new images. Mask is the image whose
	// transparent parts say where; nil for everywhere.
	Images []*Media
	Mask   *Media
	// Count is how many images are wanted; unset for one.
	Count Opt[int64]
	// Size is the width and height in pixels, such as 1024x1024; empty for the model's choice.
	Size string
	// Quality is one of OpenAI's words (low, medium, high, standard, hd) or a model's own; empty for the
	// model's choice.
	Quality string
	// Format is png, jpeg or webp; empty for the model's choice.
	Format string
	// Unmapped are the other parameters of OpenAI's image API, and ModelFields those that are specific to
	// the model, by name.
	Unmapped, ModelFields []jsonx.Member
}

// Edits reports whether the request is to edit images.
func (r *ImageRequest) Edits() bool { return len(r.Images) > 0 }

// Number is how many images are wanted.
func (r *ImageRequest) Number() int { return int(max(r.Count.Value, 1)) }

// Pixels is the size of the images; false if the request names none. Size must be valid.
func (r *ImageRequest) Pixels() (width, height int64, ok bool) { return ImageSize(r.Size) }

// ImageResponse is the response to an ImageRequest.
type ImageResponse struct {
	// Images are at least one.
	Images []Image
	// Usage counts images, and tokens if the provider reports them. Uncounted is set if it reports none.
	Usage     Usage
	Uncounted bool
	Meta      Meta
}

// Image is an image that a model has made.
type Image struct {
	Base64 Base64
	// Format is Media.Format; empty if it is unknown.
	Format string
	// Prompt is the prompt that the model has made of the request's; empty if not reported.
	Prompt string
}

// Metadata is r.Meta, for code that serves several kinds of response.
func (r *ImageResponse) Metadata() *Meta { return &r.Meta }

// Unmap tells what a model with none of the parameters in Unmapped makes of them: what would change the
// meaning is an error, or a warning under drop_params; hints are warnings, and so are labels of the call.
func (r *ImageRequest) Unmap(model string) ([]Warning, error) {
	var warnings []Warning
	for _, m := range r.Unmapped {
		switch word := strings.Trim(string(m.Value), `"`); {
		case word == "auto":
		case m.Name == "background" && word == "transparent" && !r.DropParams:
			return nil, Droppable(m.Name, "background transparent is not supported by model %s", model)
		default:
			warnings = append(warnings, Warning{Code: WarnDropped, Field: m.Name, Detail: "the model has no such setting"})
		}
	}
	if r.User != "" {
		warnings = append(warnings, Warning{Code: WarnDropped, Field: "user", Detail: "the API takes no user"})
	}
	for _, l := range r.Metadata {
		warnings = append(warnings, Warning{Code: WarnDropped, Field: "metadata." + l.Name, Detail: "the API takes no metadata"})
	}
	return warnings, nil
}

// Shortfall is the warning for fewer images than were wanted, because the others were filtered; nil for as
// many.
func (r *ImageRequest) Shortfall(got int) []Warning {
	if got >= r.Number() {
		return nil
	}
	return []Warning{{Code: WarnChanged, Field: "n", Detail: strconv.Itoa(got) + " of " + strconv.Itoa(r.Number()) + " images; the others were filtered"}}
}

// Ratio returns the one of some ratios of width to height, such as 16:9, that is nearest to the size, and
// whether it is the same. The request must have a size.
func (r *ImageRequest) Ratio(ratios []string) (nearest string, same bool) {
	width, height, _ := r.Pixels()
	least := math.Inf(1)
	for _, ratio := range ratios {
		a, b, _ := strings.Cut(ratio, ":")
		x, _ := strconv.ParseFloat(a, 64)
		y, _ := strconv.ParseFloat(b, 64)
		if off := math.Abs(math.Log(float64(width) / float64(height) * y / x)); off < least {
			nearest, least = ratio, off
		}
	}
	return nearest, least < 0.03 // providers round the sizes of a ratio to multiples of a number of pixels
}
