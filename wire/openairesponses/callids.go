package openairesponses

import (
	"bytes"

	"outcrop/internal/jsonx"
	"outcrop/internal/lazyregexp"
)

// CallIDs makes the ids of tool calls unique in a conversation: some endpoints number the calls of every
// response from call_0, so that the calls of two responses have the same id. The id of the response is put
// before such an id; endpoints take what comes back as it is.
type CallIDs struct{ response string }

// counted is an id that says only which call of the response it is.
var counted = lazyregexp.New(`^call_[0-9]{1,4}$`)

// Response returns a complete response with unique ids.
func (c *CallIDs) Response(body []byte) []byte {
	if !bytes.Contains(body, []byte(`"call_`)) {
		return body
	}
	if c.response = member(body, "id"); c.response == "" {
		return body
	}
	return c.inResponse(body)
}

// Event returns the data of an event with unique ids.
func (c *CallIDs) Event(data []byte) []byte {
	if c.response == "" {
		var head struct {
			Response jsonx.Raw `json:"response"`
			Rest     jsonx.Raw `json:",embed"`
		}
		if jsonx.Unmarshal(data, &head) != nil || head.Response.Kind() != '{' {
			return data
		}
		c.response = member(head.Response, "id")
	}
	if c.response == "" || !bytes.Contains(data, []byte(`"call_`)) {
		return data
	}
	data = replaced(data, "item", c.inItem)
	return replaced(data, "response", c.inResponse)
}

func (c *CallIDs) inResponse(body []byte) []byte {
	return replaced(body, "output", func(output []byte) []byte {
		var items []jsonx.Raw
		if jsonx.Unmarshal(output, &items) != nil {
			return output
		}
		w := jsonx.Writer{Buf: make([]byte, 0, len(output)+128)}
		w.Array()
		for _, item := range items {
			w.Raw(c.inItem(item))
		}
		w.EndArray()
		return w.Buf
	})
}

func (c *CallIDs) inItem(item []byte) []byte {
	return replaced(item, "call_id", func(value []byte) []byte {
		var id string
		if jsonx.Unmarshal(value, &id) != nil || !counted.MatchString(id) {
			return value
		}
		return jsonx.AppendString(nil, c.response+":"+id)
	})
}

// replaced is an object in which one member has another value; what is no object, and an object without the
// member, stay as they are.
func replaced(object []byte, name string, change func([]byte) []byte) []byte {
	members, err := jsonx.Members(object)
	if err != nil {
		return object
	}
	value := jsonx.Find(members, name)
	if value == nil {
		return object
	}
	made := change(value)
	if bytes.Equal(made, value) {
		return object
	}
	pieces, err := jsonx.EditMembers(object, []jsonx.Edit{{Name: name, Value: made}}, nil)
	if err != nil {
		return object
	}
	return bytes.Join(pieces, nil)
}
