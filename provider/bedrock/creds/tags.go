package creds

import (
	"unicode/utf8"

	"outcrop/internal/jsonx"
)

// Limits on session tags
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html), in
// characters.
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

// ParseTags reads aws_session_tags, a JSON list such as
// [{"Key":"team","Value":"granite"}]; the empty text is none. An error is an
// *Error.
func ParseTags(list string) (map[string]string, error) {
	if list == "" {
		return map[string]string{}, nil
	}
	const setting = "aws_session_tags"
	var rows []struct {
		Key   *string   `json:"Key"`
		Value *string   `json:"Value"`
		Rest  jsonx.Raw `json:",embed"`
	}
	if err := jsonx.Unmarshal([]byte(list), &rows); err != nil {
		return nil, wrongSetting(setting, "must be a list of mappings with the strings Key and Value")
	}
	if len(rows) > maxTags {
		return nil, wrongSetting(setting, "has %d tags; STS accepts at most %d", len(rows), maxTags)
	}
	tags := make(map[string]string, len(rows))
	for i, row := range rows {
		switch rest, err := jsonx.Members(row.Rest); {
		case err != nil || len(rest) > 0 || row.Key == nil || row.Value == nil:
			return nil, wrongSetting(setting, "must be a list of mappings with Key and Value; entry %d is not one", i)
		case *row.Key == "" || utf8.RuneCountInString(*row.Key) > maxTagKey:
			return nil, wrongSetting(setting, "must have 1 to %d characters in the key of entry %d", maxTagKey, i)
		case utf8.RuneCountInString(*row.Value) > maxTagValue:
			return nil, wrongSetting(setting, "must have at most %d characters in the value of entry %d", maxTagValue, i)
		}
		if _, dup := tags[*row.Key]; dup {
			return nil, wrongSetting(setting, "has the key %q twice", *row.Key)
		}
		tags[*row.Key] = *row.Value
	}
	return tags, nil
}
