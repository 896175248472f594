package config

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReference(t *testing.T) {
	var page bytes.Buffer
	if err := WriteReference(&page); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("..", "docs", "configuration.md")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, page.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(committed, page.Bytes()) {
		t.Error("docs/configuration.md is out of date: run go test ./config -run TestReference -update")
	}
}

func TestTableRefusesWhatItCannotMean(t *testing.T) {
	for name, row := range map[string]string{
		"a cell too few":        "[s]\na | ignored | any | help",
		"an unknown class":      "[s]\na | maybe | any | | help",
		"an unknown type":       "[s]\na | ignored | thing | | help",
		"bounds that are none":  "[s]\na | ignored | integer 5-5 | | help",
		"a key given twice":     "[s]\na, b | ignored | any | | help\nb | limits | any | | help",
		"a row without a name":  "[s]\n | ignored | any | | help",
		"words instead of both": "[s]\na | ignored | integer few-many | | help",
		"a section twice":       "[s]\na | ignored | any | | help\n[s]\nb | ignored | any | | help",
	} {
		table, err := readTable(row)
		if err == nil {
			_, err = table.index["s"].rows()
		}
		if err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestEveryKeySaysWhatItIsFor(t *testing.T) {
	for _, k := range Keys() {
		if !strings.HasSuffix(k.Help, ".") {
			t.Errorf("%s.%s: help %q is no sentence", k.Section, k.Name, k.Help)
		}
	}
}

// with wraps a key and its value into a configuration that is in order but for
// them.
func with(k Key, value string) string {
	key := k.Name + ": " + value
	const model = "model_list:\n- model_name: a\n"
	const params = "  litellm_params:\n    model: bedrock/a\n"
	switch k.Section {
	case "":
		if k.Name == "model_list" {
			return key + "\n"
		}
		return key + "\n" + model + params
	case sectionModel:
		text := model + params
		switch k.Name {
		case "model_name":
			text = "model_list:\n-\n" + params
		case "litellm_params":
			text = model
		}
		return text + "  " + key + "\n"
	case sectionParams:
		if k.Name == "model" {
			return model + "  litellm_params:\n    " + key + "\n"
		}
		return model + params + "    " + key + "\n"
	case sectionInfo:
		return model + params + "  model_info:\n    " + key + "\n"
	case "credential_list[]":
		text := model + params + "credential_list:\n- " + key + "\n"
		if k.Name != "credential_name" {
			text += "  credential_name: c\n"
		}
		return text
	case sectionAlertType:
		return model + params + "general_settings: {alert_type_config: {llm_too_slow: {" + key + "}}}\n"
	case sectionInfoOutcrop:
		return model + params + "  model_info:\n    outcrop:\n      " + key + "\n"
	case sectionWindows:
		return model + params + "  model_info:\n    access_windows:\n    - " + key + "\n"
	default:
		text, indent := model+params, ""
		for name := range strings.SplitSeq(k.Section, ".") {
			name, list := strings.CutSuffix(name, "[]")
			text += indent + name + ":\n"
			if indent += "  "; list {
				text, indent = text+indent+"-\n", indent+"  "
			}
		}
		return text + indent + key + "\n"
	}
}

func TestEveryKeyDoesWhatItsClassSays(t *testing.T) {
	for _, k := range Keys() {
		t.Run(k.Section+"."+k.Name, func(t *testing.T) {
			path := strings.TrimPrefix(strings.NewReplacer("[]", "[0]", "TYPE", "llm_too_slow").Replace(k.Section)+"."+k.Name, ".")
			about := func(value string, allow bool) (found []Problem) {
				src := source("c.yaml", with(k, value))
				src.AllowUnsupported = allow
				_, problems := Load(src)
				for _, p := range problems {
					if p.Path == path || strings.HasPrefix(p.Path, path+"[") || strings.HasPrefix(p.Path, path+".") {
						found = append(found, p)
					}
				}
				return found
			}
			expect := func(problems []Problem, s Severity) {
				t.Helper()
				if len(problems) != 1 || problems[0].Severity != s || problems[0].Line == 0 {
					t.Errorf("%v, want one %v with its line", problems, s)
				}
			}
			switch k.Class {
			case Supported, PerProvider:
				if _, ok := option(&bedrock, k.Name); k.Class == PerProvider && !ok {
					expect(about("x", false), Warning)
					return
				}
				wrong := "{a: [b]}"
				if k.Type == MapType {
					wrong = "[[a]]"
				}
				for _, p := range about(wrong, false) {
					if p.Severity == Error {
						return
					}
				}
				t.Errorf("%s is accepted, so the key is not read", wrong)
			case Ignored:
				if k.Section != sectionInfo { // those are kept and shown
					expect(about("x", false), Warning)
				}
			case NotYet:
				expect(about("[x]", false), Warning)
				if k.Default != "" && len(about(k.Default, false)) > 0 {
					t.Errorf("a problem with the default: %v", about(k.Default, false))
				}
			case Limits:
				expect(about("[x]", false), Error)
				expect(about("[x]", true), Warning)
				for _, value := range []string{"", "false", "[]", "{}", `""`} {
					if p := about(value, false); k.Default == "" && len(p) > 0 {
						t.Errorf("%q limits nothing, yet: %v", value, p)
					}
				}
			}
		})
	}
}

func TestBoundsAreInclusiveAndSecondsMustBeAboveZero(t *testing.T) {
	for _, k := range Keys() {
		if k.Max == 0 {
			continue
		}
		least := k.Min
		if least == 0 && k.Type != IntType {
			least = 0.5
		}
		for value, want := range map[float64]bool{least: true, k.Max: true, k.Max + 1: false, k.Min - 1: false, 0: k.Min == 0 && k.Type == IntType || k.Name == "max_budget" && k.Section == "litellm_settings"} /* 0 is no budget, as in LiteLLM */ {
			cfg, problems := Load(source("c.yaml", with(k, fmt.Sprintf("%.1f", value))))
			if (cfg != nil) != want {
				t.Errorf("%s.%s: %v accepted: %t, want %t: %v", k.Section, k.Name, value, cfg != nil, want, problems)
			}
		}
	}
}
