package migrate

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"

	"outcrop/config"
	"outcrop/provider/bedrock/modelid"
)

// remarksText has a remark on a key in each line, and how the file is written in its head.
//
//go:embed remarks.txt
var remarksText string

// remarksByKey reads remarks.txt.
var remarksByKey = sync.OnceValue(func() map[string]string {
	all := map[string]string{}
	section := ""
	for line := range strings.Lines(remarksText) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			section = strings.TrimPrefix(line[1:len(line)-1], "top") + "."
		default:
			names, text, _ := strings.Cut(line, " | ")
			for name := range strings.SplitSeq(names, ", ") {
				all[section+name] = text
			}
		}
	}
	return all
})

// remark is the remark on a key; empty if there is none.
func remark(k config.Key) string { return remarksByKey()[k.Section+"."+k.Name] }

// withoutEffect says why a key has no effect.
func withoutEffect(u config.Use) string {
	var text string
	switch {
	case !u.Known:
		text = "has no effect: unknown key."
		if u.Hint != "" {
			text = "has no effect: unknown key; " + sentence(u.Hint)
		}
	case u.Key.Class == config.PerProvider:
		text = fmt.Sprintf("has no effect: %s has no such setting.", u.Provider)
	case u.Key.Class == config.Ignored:
		text = "has no effect, and is not needed. " + u.Key.Note
	default:
		text = "is not supported yet, and has no effect. " + u.Key.Note
	}
	return text
}

// toDecide says what to do about a key with which the gateway does not start.
func toDecide(u config.Use) string {
	if !u.Known {
		text := "error: unknown key, which may be meant to restrict something"
		if u.Hint != "" {
			text += "; " + u.Hint
		}
		return sentence(text) + " Correct or remove it."
	}
	text := fmt.Sprintf("error: Outcrop does not enforce this %s yet, and does not start with it. %s", limits(u.Key.Limit), u.Key.Help)
	return text + " " + u.Key.Note + " Remove it, or start with --allow-unsupported to run without it."
}

// sentence ends a text with a full stop, unless it is a question.
func sentence(text string) string {
	if strings.HasSuffix(text, "?") {
		return text
	}
	return text + "."
}

// limits says what kind of limit a key is.
func limits(limit string) string {
	switch limit {
	case "access":
		return "restriction on who may call"
	case "content":
		return "restriction on content"
	case "spending":
		return "limit on spending"
	case "rate":
		return "limit on the rate of calls"
	default:
		return "setting of the database"
	}
}

// spelling returns the name of a key of which this is an older one; empty for others.
func spelling(k config.Key) string {
	switch k.Section + "." + k.Name {
	case "model_list[].litellm_params.headers":
		return "extra_headers"
	case "litellm_settings.default_max_internal_user_budget":
		return "max_internal_user_budget"
	}
	return ""
}

// remarks are what there is to say of a key that works.
func remarks(u config.Use) []string {
	if u.Key.Section == "model_list[].litellm_params" && u.Key.Name == "model" {
		return plainer(u.Text.Reveal())
	}
	if text := remark(u.Key); text != "" && u.Key.Class == config.Supported {
		value, others, conditional := strings.Cut(text, " => ")
		switch {
		case !conditional:
			return []string{text}
		case strings.Contains(","+value+",", ","+u.Text.Reveal()+","):
			return []string{others}
		}
	}
	return nil
}

// plainer suggests how a model of Bedrock can be written without what Outcrop finds out by itself.
func plainer(model string) []string {
	name, bedrock := strings.CutPrefix(model, "bedrock/")
	if !bedrock || strings.Contains(name, "*") {
		return nil
	}
	id, err := modelid.Parse(name)
	if err != nil || id.ARN.Kind != modelid.NoARN {
		return nil
	}
	plain := id.ModelID()
	if id.Bracket != "" {
		plain += "[" + id.Bracket + "]"
	}
	var why []string
	if id.Route == modelid.Converse && strings.Contains("/"+name, "/converse/") {
		why = append(why, "converse/ is not needed.")
	} else if id.Route != modelid.Auto {
		return nil // another API than Outcrop would choose
	}
	with := ""
	if id.Region != "" {
		with = " with aws_region_name: " + id.Region
		why = append(why, "The region can be a setting of its own.")
	}
	switch {
	case id.Geography == "global":
		why = append(why, "Keep global. to use the global inference profile only; without it, Outcrop tries the one of the region's geography first.")
		plain = strings.TrimPrefix(plain, "global.")
	case id.Geography != "":
		why = append(why, "Outcrop finds the inference profile that the region has, and goes on to another if it fails; outcrop_settings.bedrock.policy says which are allowed.")
		plain = strings.TrimPrefix(plain, id.Geography+".")
	}
	if len(why) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("suggestion: model: bedrock/%s%s is enough. %s", plain, with, strings.Join(why, " "))}
}
