package converse

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// modelShape is a shape as AWS's service model (botocore's form) writes it.
type modelShape struct {
	Type     string                    `json:"type"`
	Union    bool                      `json:"union"`
	Document bool                      `json:"document"`
	Members  map[string]modelReference `json:"members"`
	Required []string                  `json:"required"`
	Member   modelReference            `json:"member"`
	Key      modelReference            `json:"key"`
	Value    modelReference            `json:"value"`
	Enum     []string                  `json:"enum"`
	Min      *float64                  `json:"min"`
	Max      float64                   `json:"max"`
	Pattern  string                    `json:"pattern"`
}

type modelReference struct {
	Shape string `json:"shape"`
}

// TestShapesAreThoseOfAWS holds the shapes of a request against AWS's service
// model. The model is no part of the repository: without it the test is skipped.
func TestShapesAreThoseOfAWS(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "data", "aws-bedrock-runtime.model.json"))
	if err != nil {
		t.Skip("no service model here")
	}
	var model struct {
		Shapes map[string]modelShape `json:"shapes"`
	}
	if err := json.Unmarshal(data, &model); err != nil {
		t.Fatal(err)
	}
	c := comparison{t: t, shapes: model.Shapes}
	c.compare("", "ConverseStreamRequest", requestShape())
	if c.compared < 150 {
		t.Errorf("only %d shapes were compared", c.compared)
	}
}

type comparison struct {
	t        *testing.T
	shapes   map[string]modelShape
	compared int
}

func (c *comparison) compare(path, name string, ours *shape) {
	t := c.t
	aws := c.shapes[name]
	c.compared++
	differ := func(what string, theirs, ours any) {
		t.Errorf("%s (%s): %s is %v for AWS, %v here", path, name, what, theirs, ours)
	}
	if kind := kindOf(aws); kind != ours.kind {
		differ("kind", kind, ours.kind)
	}
	if enum := without(ours.enum, widened(path)); !slices.Equal(aws.Enum, enum) && len(aws.Enum)+len(enum) > 0 {
		differ("enum", aws.Enum, enum)
	}
	least := 0.0
	if aws.Min != nil {
		least = *aws.Min
	}
	if least != ours.min || aws.Max != ours.max {
		differ("range", []float64{least, aws.Max}, []float64{ours.min, ours.max})
	}
	if numeric := ours.kind == kindInteger || ours.kind == kindNumber; numeric && ours.bounded != (aws.Min != nil || aws.Max != 0) {
		differ("bounded", aws.Min != nil, ours.bounded)
	}
	pattern := ""
	if ours.pattern != nil {
		pattern = ours.pattern.String()
	}
	if aws.Pattern != "" {
		aws.Pattern = regexp.MustCompile("^(?:" + aws.Pattern + ")$").String()
	}
	if pattern != aws.Pattern {
		differ("pattern", aws.Pattern, pattern)
	}
	if ours.kind == kindArray {
		c.compare(path+"[]", aws.Member.Shape, ours.element)
	}
	if ours.kind == kindMap {
		c.compare(path+" key", aws.Key.Shape, ours.key)
		c.compare(path+" value", aws.Value.Shape, ours.element)
	}
	known := map[string]bool{"modelId": true} // which the address carries
	for _, m := range ours.members {
		known[m.name] = true
		theirs, ok := aws.Members[m.name]
		if !ok {
			differ("member "+m.name, "unknown", "known")
			continue
		}
		if required := slices.Contains(aws.Required, m.name); required != m.required {
			differ(m.name+" required", required, m.required)
		}
		c.compare(path+"."+m.name, theirs.Shape, m.shape)
	}
	for name := range aws.Members {
		if !known[name] {
			differ("member "+name, "known", "unknown")
		}
	}
}

// widened are the words that we take beyond AWS's enum, for the reason given at
// requestShape.
func widened(path string) func(word string) bool {
	return func(word string) bool {
		return strings.HasSuffix(path, ".toolUse.type") && word == "tool_use" ||
			strings.HasSuffix(path, ".video.format") && strings.HasPrefix(word, "video/")
	}
}

func without(words []string, drop func(string) bool) []string {
	return slices.DeleteFunc(slices.Clone(words), drop)
}

func kindOf(s modelShape) shapeKind {
	switch {
	case s.Document:
		return kindDocument
	case s.Union:
		return kindUnion
	}
	switch s.Type {
	case "structure":
		return kindObject
	case "list":
		return kindArray
	case "map":
		return kindMap
	case "string":
		return kindString
	case "blob":
		return kindBlob
	case "integer", "long":
		return kindInteger
	case "float", "double":
		return kindNumber
	case "boolean":
		return kindBoolean
	default:
		return 0
	}
}
