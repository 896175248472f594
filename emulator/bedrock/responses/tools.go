package responses

import (
	"maps"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// tool has the members of a tool.
type tool struct {
	Type        string      `json:"type"`
	Name        string      `json:"name"`
	Description *string     `json:"description"`
	Parameters  jsonx.Raw   `json:"parameters"`
	Strict      *bool       `json:"strict"`
	Format      jsonx.Raw   `json:"format"`
	Tools       []jsonx.Raw `json:"tools"`
	Content     jsonx.Raw   `json:"search_content_types"`
	Rest        jsonx.Raw   `json:",embed"`
}

// types are the types of tools in AWS's order.
func (t Terms) types() []string {
	types := []string{"function", "mcp"}
	if t.Open {
		return types
	}
	types = append(types, "custom", "namespace", "tool_search")
	if t.Hosted {
		types = append(types, "web_search")
	}
	return types
}

// reserved are namespaces of AWS's own, which tools may not have (public reports).
var reserved = []string{"functions", "web", "image_gen", "browser", "python"} // never written to

// customSchema is the schema of the one argument by which the model calls a custom tool.
var customSchema = jsonx.Raw(`{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}`) // never written to

func (r *Request) readTools(t Terms) error {
	if !given(r.body.Tools) {
		return nil
	}
	var list []jsonx.Raw
	if err := jsonx.Unmarshal(r.body.Tools, &list); err != nil {
		return undecodable("Invalid 'tools': %v", err)
	}
	for _, raw := range list {
		if err := r.tool(t, raw, ""); err != nil {
			return err
		}
	}
	return nil
}

// tool reads a tool, which may be in a namespace.
func (r *Request) tool(t Terms, raw jsonx.Raw, namespace string) error {
	var d tool
	if err := jsonx.Unmarshal(raw, &d); err != nil {
		return undecodable("Invalid 'tools': %v", err)
	}
	types := t.types()
	if !slices.Contains(types, d.Type) {
		last := len(types) - 1
		return undecodable("Invalid 'tools': unknown variant `%s`, expected `%s` or `%s`", d.Type, strings.Join(types[:last], "`, `"), types[last])
	}
	named := d.Name
	if namespace != "" {
		named = namespace + "__" + d.Name
	}
	switch d.Type {
	case "function":
		if d.Name == "" {
			return of("tools", "missing_required_parameter", "Missing required parameter: 'tools[0].name'.")
		}
		if d.Strict != nil && *d.Strict {
			if fault := strictFault(d.Parameters, nil); fault != "" {
				return of("tools", "invalid_function_parameters", "Invalid schema for function '%s': %s", d.Name, fault)
			}
		}
		r.add(named, naming{namespace, d.Name, false}, d.Description, d.Parameters)
	case "custom":
		if d.Name == "" {
			return of("tools", "missing_required_parameter", "Missing required parameter: 'tools[0].name'.")
		}
		r.add(named, naming{namespace, d.Name, true}, d.Description, customSchema)
	case "namespace":
		if slices.Contains(reserved, d.Name) {
			return invalid("Invalid Value: 'tools.namespace'. User-defined namespace '%s' collides with an existing tool namespace.", d.Name)
		}
		for _, inner := range d.Tools {
			if err := r.tool(t, inner, d.Name); err != nil {
				return err
			}
		}
	case "web_search":
		if given(d.Content) {
			return invalid("The 'search_content_types' field is not supported for web search tools.")
		}
	default: // tool_search and mcp, which the simulated model does not use
	}
	return nil
}

func (r *Request) add(named string, n naming, description *string, schema jsonx.Raw) {
	t := llm.Tool{Name: named, Schema: schema}
	if description != nil {
		t.Description = *description
	}
	if !given(t.Schema) {
		t.Schema = jsonx.Raw(`{"type":"object","properties":{}}`)
	}
	r.Tools = append(r.Tools, t)
	r.tools[named] = n
}

func (r *Request) choice(Terms) error {
	c := r.body.ToolChoice
	if !given(c) {
		return nil
	}
	var word string
	if c.Kind() == '"' && jsonx.Unmarshal(c, &word) == nil {
		switch word {
		case "auto":
		case "none":
			r.ToolChoice.Kind = llm.ToolChoiceNone
		case "required":
			r.ToolChoice.Kind = llm.ToolChoiceAny
		default:
			return of("tool_choice", "invalid_value", "Invalid value: '%s'. Supported values are: 'none', 'auto', and 'required'.", word)
		}
		return nil
	}
	var named struct {
		Type  string      `json:"type"`
		Name  string      `json:"name"`
		Mode  string      `json:"mode"`
		Tools []jsonx.Raw `json:"tools"`
		Rest  jsonx.Raw   `json:",embed"`
	}
	if err := jsonx.Unmarshal(c, &named); err != nil {
		return undecodable("Invalid 'tool_choice': %v", err)
	}
	switch named.Type {
	case "function", "custom":
		if _, ok := r.tools[named.Name]; !ok {
			return of("tool_choice", "invalid_value", "Tool choice '%s' not found in 'tools' parameter.", named.Type)
		}
		r.ToolChoice = llm.ToolChoice{Kind: llm.ToolChoiceNamed, Name: named.Name}
	case "allowed_tools":
		if named.Mode == "required" {
			r.ToolChoice.Kind = llm.ToolChoiceAny
		}
		var allowed []string
		for _, raw := range named.Tools {
			var d tool
			if jsonx.Unmarshal(raw, &d) == nil {
				allowed = append(allowed, d.Name)
			}
		}
		r.Tools = slices.DeleteFunc(r.Tools, func(t llm.Tool) bool { return !slices.Contains(allowed, t.Name) })
	default:
		return of("tool_choice.type", "invalid_value", "Invalid value: '%s'. Supported values are: 'allowed_tools', 'custom', and 'function'.", named.Type)
	}
	return nil
}
