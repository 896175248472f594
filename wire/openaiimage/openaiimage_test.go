package openaiimage_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"testing"

	"outcrop/llm"
	wire "outcrop/wire/openaiimage"
)

const png = "iVBORw0KGgoAAAANSUhEUg=="

func generation(body string) *llm.Raw {
	return &llm.Raw{Dialect: llm.DialectImageGenerations, Body: []byte(body)}
}

func names(warnings []llm.Warning) (out []string) {
	for _, w := range warnings {
		out = append(out, w.Code+" "+w.Field)
	}
	return out
}

func TestARequestForNewImagesIsRead(t *testing.T) {
	r, err := wire.Decode(generation(`{"model":"m","prompt":"granite","n":2,"size":"1024x1536","quality":"hd","response_format":"url","output_format":"jpeg","background":"auto","moderation":null,"seed":7}`))
	if err != nil {
		t.Fatal(err)
	}
	q := r.LLM
	width, height, _ := q.Pixels()
	if q.Prompt != "granite" || q.Number() != 2 || width != 1024 || height != 1536 || q.Quality != "hd" || q.Format != "jpeg" || q.Edits() || !r.URLs {
		t.Errorf("read %+v", r)
	}
	if len(q.Unmapped) != 1 || q.Unmapped[0].Name != "background" || len(q.ModelFields) != 1 || string(q.ModelFields[0].Value) != "7" || fmt.Sprint(names(r.Warnings)) != "[changed response_format]" {
		t.Errorf("the rest is %v %v %v", q.Unmapped, q.ModelFields, r.Warnings)
	}
	r, err = wire.Decode(generation(`{"model":"m","prompt":"granite","size":"auto","quality":"auto"}`))
	if err != nil || r.LLM.Size != "" || r.LLM.Quality != "" || r.LLM.Number() != 1 || r.URLs {
		t.Errorf("auto: %+v, %v", r, err)
	}
}

func part(name, file, content string) llm.Part {
	return llm.Part{Name: name, FileName: file, Content: []byte(content)}
}

func TestAnEditIsReadFromAForm(t *testing.T) {
	content, _ := base64.StdEncoding.DecodeString(png)
	raw := &llm.Raw{Dialect: llm.DialectImageEdits, Parts: []llm.Part{
		part("model", "", "m"), part("prompt", "", "7"), part("n", "", "3"), part("image[]", "a.png", string(content)), part("image[]", "b.png", string(content)),
		part("mask", "m.png", string(content)), part("similarityStrength", "", "0.5"), part("negativeText", "", "moss"),
	}}
	r, err := wire.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	q := r.LLM
	if q.Prompt != "7" || q.Number() != 3 || len(q.Images) != 2 || q.Images[1].Format != "png" || q.Images[1].Base64.String() != png || q.Mask == nil {
		t.Errorf("read %+v", q)
	}
	if fields := fmt.Sprintf("%s %s", q.ModelFields[0].Value, q.ModelFields[1].Value); fields != `0.5 "moss"` {
		t.Errorf("the parameters are %s", fields)
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	form := func(parts ...llm.Part) *llm.Raw {
		return &llm.Raw{Dialect: llm.DialectImageEdits, Parts: append(parts, part("prompt", "", "x"))}
	}
	for name, tt := range map[string]struct {
		raw   *llm.Raw
		param string
	}{
		"no prompt":         {generation(`{"model":"m"}`), "prompt"},
		"a prompt of 7":     {generation(`{"model":"m","prompt":7}`), "prompt"},
		"no images":         {generation(`{"model":"m","prompt":"x","n":0}`), "n"},
		"too many images":   {generation(`{"model":"m","prompt":"x","n":11}`), "n"},
		"half an image":     {generation(`{"model":"m","prompt":"x","n":1.5}`), "n"},
		"a size of words":   {generation(`{"model":"m","prompt":"x","size":"large"}`), "size"},
		"a size of nothing": {generation(`{"model":"m","prompt":"x","size":"0x9"}`), "size"},
		"a format":          {generation(`{"model":"m","prompt":"x","output_format":"bmp"}`), "output_format"},
		"a form of answer":  {generation(`{"model":"m","prompt":"x","response_format":"file"}`), "response_format"},
		"an edit in JSON":   {&llm.Raw{Dialect: llm.DialectImageEdits, Body: []byte(`{"model":"m","prompt":"x"}`)}, "image"},
		"an edit of none":   {form(), "image"},
		"a text as image":   {form(part("image", "a.png", "no image")), "image"},
		"another file":      {form(part("other", "a.png", "\x89PNG\r\n\x1a\n....")), "other"},
	} {
		_, err := wire.Decode(tt.raw)
		if e, ok := errors.AsType[*llm.Error](err); !ok || e.Param != tt.param || e.Status != 400 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestResponses(t *testing.T) {
	content, _ := llm.ReadBase64(png)
	r := &llm.ImageResponse{Images: []llm.Image{{Base64: content, Format: "png", Prompt: "a stone"}}}
	r.Usage = llm.Usage{Input: 10, Output: 1300, ImageInput: llm.Some[int64](4), ImageOutput: llm.Some[int64](1290), Images: 1}
	const usage = `"usage":{"input_tokens":10,"input_tokens_details":{"image_tokens":4,"text_tokens":6},"output_tokens":1300,"output_tokens_details":{"image_tokens":1290,"text_tokens":10},"total_tokens":1310}`
	if got, want := string(wire.AppendResponse(nil, wire.Envelope{Created: 7}, r)), `{"created":7,"data":[{"b64_json":"`+png+`","revised_prompt":"a stone"}],"output_format":"png",`+usage+`}`; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	r = &llm.ImageResponse{Images: []llm.Image{{Base64: content}}, Uncounted: true}
	if got, want := string(wire.AppendResponse(nil, wire.Envelope{URLs: true}, r)), `{"created":0,"data":[{"url":"data:image/png;base64,`+png+`"}]}`; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}
