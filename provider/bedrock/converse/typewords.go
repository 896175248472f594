package converse

import "strings"

// typeWord gives JSON schema's word for a type that goes by another name: those of
// programming languages, and Gemini's in capitals. It is empty for a word that names no
// one type, such as any. Claude refuses others than JSON schema's own ("JSON schema is
// invalid. It must match JSON Schema draft 2020-12", tools.N.custom.input_schema).
func typeWord(word string) string {
	switch word = strings.ToLower(word); word {
	case "string", "number", "integer", "boolean", "object", "array", "null":
		return word
	case "str", "text":
		return "string"
	case "int", "long":
		return "integer"
	case "float", "double", "decimal":
		return "number"
	case "bool":
		return "boolean"
	case "dict", "map", "struct":
		return "object"
	case "list", "tuple", "set":
		return "array"
	case "none", "nil":
		return "null"
	default:
		return ""
	}
}
