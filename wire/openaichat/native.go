package openaichat

import (
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// native reads a part in Converse's own form, an object with one member that names the kind of
// block (ContentBlock in Bedrock's service model). Content that OpenAI has a form for, such as tool
// calls, is accepted in that form only.
func (d *decoder) native(blocks []llm.Block, at position, m *message, p *part) ([]llm.Block, error) {
	if p.Text.Set && len(p.Rest) == 0 {
		return cached(append(blocks, llm.Block{Kind: llm.BlockText, Text: p.Text.Value}), p.CacheControl), nil
	}
	members, err := jsonx.Members(p.Rest)
	if err == nil && len(p.JSON) > 0 {
		members = append(members, jsonx.Member{Name: "json", Value: p.JSON})
	}
	if err != nil || len(members) != 1 || p.Text.Set {
		return nil, llm.Invalid(at.String()+".type", "%s.type is required: %s", at, partTypes)
	}
	member := &members[0]
	field := at.String() + "." + member.Name
	if member.Value.Kind() != '{' && member.Name != "json" {
		return nil, llm.Invalid(field, "%s must be an object, not %s", field, jsonx.KindName(member.Value.Kind()))
	}
	tool, assistant := m.Role == "tool" || m.Role == "function", m.Role == "assistant"
	fits := !assistant
	var b llm.Block
	switch member.Name {
	case "cachePoint":
		var c cacheControl
		if err := unmarshalAt(field, member.Value, &c); err != nil {
			return nil, err
		}
		return cached(blocks, &c), nil
	case "image", "document", "video", "audio":
		b, err = d.nativeMedia(field, member)
		fits = !assistant && (!tool || member.Name != "audio")
	case "json":
		b, fits = llm.Block{Kind: llm.BlockOther, Other: member}, tool
	case "searchResult":
		b = llm.Block{Kind: llm.BlockOther, Other: member}
	case "guardContent":
		b, fits = llm.Block{Kind: llm.BlockOther, Other: member}, !assistant && !tool
	case "citationsContent":
		b, fits = llm.Block{Kind: llm.BlockOther, Other: member}, assistant
	default:
		return nil, llm.Invalid(at.String()+".type", "%s.type is required: %s", at, partTypes)
	}
	if err != nil {
		return nil, err
	}
	if !fits {
		return nil, llm.Invalid(field, "%s is not allowed in a message of role %s", field, m.Role)
	}
	return cached(append(blocks, b), p.CacheControl), nil
}

// unmarshalAt decodes the value of a field of the request.
func unmarshalAt(field string, value jsonx.Raw, v any) error {
	err := jsonx.Unmarshal(value, v)
	if err == nil {
		return nil
	}
	e := llm.AsError(decodeError(err))
	if e.Param == "" {
		return llm.Invalid(field, "%s cannot be decoded: %s", field, e.Message)
	}
	if index, rest, _ := strings.Cut(e.Param, "."); strings.Trim(index, "0123456789") == "" { // the value is a list
		at := field + "[" + index + "]"
		if rest != "" {
			at += "." + rest
		}
		return llm.Invalid(at, "%s%s", at, strings.TrimPrefix(e.Message, e.Param))
	}
	return llm.Invalid(field+"."+e.Param, "%s.%s", field, e.Message)
}

// nativeMedia reads an image, document, video or audio in Converse's form.
func (d *decoder) nativeMedia(field string, member *jsonx.Member) (llm.Block, error) {
	var v struct {
		Format string `json:"format"`
		Source struct {
			Bytes      string `json:"bytes"`
			Text       string `json:"text"`
			S3Location *struct {
				URI         string `json:"uri"`
				BucketOwner string `json:"bucketOwner"`
			} `json:"s3Location"`
			Rest jsonx.Raw `json:",embed"`
		} `json:"source"`
		Name      string    `json:"name"`
		Context   string    `json:"context"`
		Citations jsonx.Raw `json:"citations"`
	}
	if err := unmarshalAt(field, member.Value, &v); err != nil {
		return llm.Block{}, err
	}
	media := &llm.Media{Format: v.Format, Text: v.Source.Text, Name: v.Name, Context: v.Context, Citations: v.Citations}
	b := llm.Block{Kind: map[string]llm.BlockKind{
		"image": llm.BlockImage, "document": llm.BlockDocument, "video": llm.BlockVideo, "audio": llm.BlockAudio,
	}[member.Name], Media: media}
	var err error
	if v.Source.Bytes != "" {
		if media.Base64, err = d.content(field+".source.bytes", v.Source.Bytes); err != nil {
			return b, err
		}
	}
	if s3 := v.Source.S3Location; s3 != nil {
		media.URI, media.Owner = s3.URI, s3.BucketOwner
		if !strings.HasPrefix(s3.URI, "s3://") {
			return b, llm.Invalid(field+".source.s3Location.uri", "%s.source.s3Location.uri must begin with s3://", field)
		}
	}
	if len(v.Source.Rest) > 0 {
		if others, err := jsonx.Members(v.Source.Rest); err == nil && len(others) == 1 {
			media.Source = &others[0]
		}
	}
	given := 0
	for _, is := range []bool{!media.Base64.IsZero(), media.URI != "", media.Text != "", media.Source != nil} {
		if is {
			given++
		}
	}
	if given != 1 {
		return b, llm.Invalid(field+".source", "%s.source must have exactly one of bytes, s3Location, text and content", field)
	}
	if media.Format == "" && b.Kind != llm.BlockDocument {
		return b, llm.Invalid(field+".format", "%s.format is required", field)
	}
	return b, nil
}
