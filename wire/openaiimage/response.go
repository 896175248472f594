package openaiimage

import (
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Envelope is what a response has beside the images.
type Envelope struct {
	// Created is when the response was made, in seconds since 1970.
	Created int64
	// URLs is whether images are data URIs in url, and not base64 in b64_json.
	URLs bool
}

// AppendResponse appends a response.
func AppendResponse(dst []byte, env Envelope, r *llm.ImageResponse) []byte {
	w := jsonx.Writer{Buf: dst}
	w.Object()
	w.Key("created")
	w.Int(env.Created)
	w.Key("data")
	w.Array()
	for i := range r.Images {
		image := &r.Images[i]
		w.Object()
		if env.URLs {
			w.Key("url")
			w.PrefixedBase64("data:image/"+orPNG(image.Format)+";base64,", image.Base64.Bytes())
		} else {
			w.Key("b64_json")
			w.Base64(image.Base64.Bytes())
		}
		if image.Prompt != "" {
			w.Key("revised_prompt")
			w.String(image.Prompt)
		}
		w.EndObject()
	}
	w.EndArray()
	if len(r.Images) > 0 {
		if format := r.Images[0].Format; format == "png" || format == "jpeg" || format == "webp" { // OpenAI's
			w.Key("output_format")
			w.Word(format)
		}
	}
	if !r.Uncounted {
		appendUsage(&w, &r.Usage)
	}
	w.EndObject()
	return w.Buf
}

func orPNG(format string) string {
	if format == "" {
		return "png"
	}
	return format
}

func appendUsage(w *jsonx.Writer, u *llm.Usage) {
	details := func(key string, all, images int64) {
		w.Key(key)
		w.Object()
		w.Key("image_tokens")
		w.Int(images)
		w.Key("text_tokens")
		w.Int(max(all-images, 0))
		w.EndObject()
	}
	w.Key("usage")
	w.Object()
	w.Key("input_tokens")
	w.Int(u.Prompt())
	details("input_tokens_details", u.Prompt(), u.ImageInput.Value)
	w.Key("output_tokens")
	w.Int(u.Output)
	if u.ImageOutput.Set {
		details("output_tokens_details", u.Output, u.ImageOutput.Value)
	}
	w.Key("total_tokens")
	w.Int(max(u.Total, u.Prompt()+u.Output))
	w.EndObject()
}
