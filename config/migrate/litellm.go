package migrate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/token"

	"outcrop/config"
	"outcrop/internal/lazyregexp"
	"outcrop/secrets"
)

// references begin values that are somewhere else.
var references = [...]string{"os.environ/", "os.file/"} // never modified

func refers(text string) bool {
	return slices.ContainsFunc(references[:], func(prefix string) bool { return strings.HasPrefix(text, prefix) })
}

// otherLine is what a message says of another line, whose number the comments change.
var otherLine = lazyregexp.New(`: (?:first at )?line \d+, column \d+$`)

// noSecrets stands for a secret manager, which is not asked: what it has does not change what is written.
func noSecrets(*secrets.Settings, []string) (map[string]secrets.Result, error) {
	return map[string]secrets.Result{}, nil
}

// ownProblems returns the problems that the file has in an environment with every variable, too.
func ownProblems(src config.Source, problems []config.Problem) []config.Problem {
	lookup := src.LookupEnv
	src.LookupEnv = func(name string) (string, bool) {
		if lookup != nil {
			if text, ok := lookup(name); ok {
				return text, true
			}
		}
		return "a-value", true
	}
	_, others := config.Inspect(src)
	return slices.DeleteFunc(slices.Clone(problems), func(p config.Problem) bool { return !slices.Contains(others, p) })
}

// annotator annotates a config.yaml.
type annotator struct {
	o        Options
	page     *page
	problems []config.Problem // of the file
	own      []config.Problem // those of them that no variable of the environment would solve
	byPlace  map[place][]config.Use
	names    map[string]string // of model_list and credential_list, by the path of the entry
	present  map[string]bool   // paths of keys
	moved    map[string]string // secrets by the variables that take their place
	result   Result
}

// fromLiteLLM annotates a config.yaml.
func fromLiteLLM(o Options, tokens token.Tokens) (*Result, error) {
	_, problems, uses := config.InspectUses(o.Source)
	a := &annotator{o: o, problems: problems, own: ownProblems(o.Source, problems), byPlace: map[place][]config.Use{}, names: map[string]string{}, present: map[string]bool{}}
	for _, u := range uses {
		if u.File != o.Source.Name {
			continue // an included file
		}
		at := place{u.Line, u.Column}
		a.byPlace[at] = append(a.byPlace[at], u)
		a.present[u.Path] = true
		if parent, ok := strings.CutSuffix(u.Path, ".model_name"); ok {
			a.names[parent] = u.Text.Reveal()
		}
		if parent, ok := strings.CutSuffix(u.Path, ".credential_name"); ok {
			a.names[parent] = u.Text.Reveal()
		}
	}
	for _, removals := range []bool{true, false} {
		a.page, a.result = newPage(o.Source.Data, tokens), Result{From: LiteLLM}
		a.annotate(removals)
		a.result.Text = a.page.text()
		if a.good() {
			a.result.Moved, a.result.Unset = variables(o.Source, a.result.Text, a.result.Moved)
			return &a.result, nil
		}
	}
	return nil, &InvalidError{[]config.Problem{{Severity: config.Error, File: o.Source.Name, Message: "the file cannot be annotated without changing what it means", Hint: "Outcrop reads it as it is; list what has no effect: outcrop config check " + o.Source.Name}}}
}

// good reports whether the result can be read, and has no error that the file does not have.
func (a *annotator) good() bool {
	src := a.o.Source
	src.Data = a.result.Text
	lookup := src.LookupEnv
	src.LookupEnv = func(name string) (string, bool) { // as if the secrets were in their variables
		if secret, ok := a.moved[name]; ok {
			return secret, true
		}
		if lookup == nil {
			return "", false
		}
		return lookup(name)
	}
	_, problems := config.Inspect(src)
	return !slices.ContainsFunc(problems, func(p config.Problem) bool {
		return p.Severity == config.Error && !slices.ContainsFunc(a.problems, func(q config.Problem) bool { return q.Path == p.Path && sameText(q, p) })
	})
}

// sameText reports whether two problems are the same, wherever they are.
func sameText(a, b config.Problem) bool {
	return otherLine.ReplaceAllString(a.Message, "") == otherLine.ReplaceAllString(b.Message, "")
}

// annotate makes all changes.
func (a *annotator) annotate(removals bool) {
	if a.o.SecretsToEnv {
		a.moveSecrets()
	}
	places := slices.SortedFunc(func(yield func(place) bool) {
		for at := range a.byPlace {
			if !yield(at) {
				return
			}
		}
	}, func(x, y place) int { return cmp.Or(x.line-y.line, x.column-y.column) })
	said := map[place]bool{}
	for _, at := range places {
		said[at] = a.page.gone(at.line, at.column) || a.key(at, a.byPlace[at], removals)
	}
	for _, p := range a.own {
		at := place{p.Line, p.Column}
		if p.File != a.o.Source.Name || p.Line == 0 || a.elsewhere(at) {
			continue
		}
		if said[at] && slices.ContainsFunc(a.byPlace[at], func(u config.Use) bool { return u.Path == p.Path }) {
			continue
		}
		line := p.Line
		if a.page.gone(at.line, at.column) {
			if !said[at] || !strings.HasPrefix(a.byPlace[at][0].Path, p.Path+".") {
				continue // within what is gone
			}
			line = a.page.behind(line) // it is about the mapping that lost its first key
		}
		text := otherLine.ReplaceAllString(p.Message, "")
		if last := p.Path[strings.LastIndexByte(p.Path, '.')+1:]; last != "" {
			text = last + ": " + text
		}
		if p.Accepted != "" {
			text += "; accepted: " + p.Accepted
		}
		if p.Hint != "" {
			text += "; " + p.Hint
		}
		if p.Severity == config.Error {
			a.decide(line, "error: "+text)
		} else {
			a.say(line, text)
		}
	}
}

// elsewhere reports whether a value is one of the environment or of a file, so that what is wrong with it is no
// matter of this file.
func (a *annotator) elsewhere(at place) bool {
	for _, u := range a.byPlace[at] {
		if refers(u.Text.Reveal()) {
			return true
		}
	}
	i, ok := a.page.at[at]
	return ok && refers(a.page.tokens[i].Value)
}

func (a *annotator) say(line int, text string) {
	a.page.note(line, text)
	a.result.Notes++
}

func (a *annotator) decide(line int, text string) {
	a.page.note(line, text)
	a.result.Decide++
}

// key annotates or removes a key, which may be read several times. It reports whether there is something to say that
// the problems have, too.
func (a *annotator) key(at place, uses []config.Use, removals bool) bool {
	of := map[config.Effect]config.Use{}
	for _, u := range uses {
		of[u.Effect] = u
	}
	if u, refused := of[config.Refused]; refused {
		a.decide(at.line, toDecide(u))
		return true
	}
	if u, without := of[config.NoEffect]; without {
		switch {
		case len(of) > 1:
			a.say(at.line, withoutEffect(u)+" For other models it has one.")
		case u.Key.Section == "model_list[].model_info":
			a.say(at.line, "stays, because model lists show it to clients. "+u.Key.Help)
		case a.page.anchored(at.line, at.column):
			a.say(at.line, "stays, because others refer to its anchor. By itself it "+withoutEffect(u))
		case removals && a.page.remove(at.line, at.column, withoutEffect(u)):
			a.result.Removed++
		default:
			a.say(at.line, "stays because of where it is in the file. It "+withoutEffect(u))
		}
		return true
	}
	u, works := of[config.Works]
	if !works {
		return false
	}
	if plain := spelling(u.Key); plain != "" && !a.present[strings.TrimSuffix(u.Path, u.Key.Name)+plain] && a.page.replace(at.line, at.column, u.Key.Name, plain) {
		a.say(at.line, fmt.Sprintf("%s is an older name of this key.", u.Key.Name))
	}
	for _, text := range remarks(u) {
		a.say(at.line, text)
	}
	return false
}

// variables lists what a configuration refers to: those of some variables, and others that are not set.
func variables(src config.Source, text []byte, moved []string) (used, unset []string) {
	_, tokens, _ := config.Parse(src.Name, text)
	defined := map[string]bool{}
	for i, t := range tokens {
		if t.Type == token.MappingValueType && i > 0 {
			defined[tokens[i-1].Value] = true // a name in environment_variables is a key
		}
	}
	for _, t := range tokens {
		name, refers := strings.CutPrefix(t.Value, references[0])
		switch {
		case !refers || t.Type == token.CommentType || name == "":
		case slices.Contains(moved, name):
			if !slices.Contains(used, name) {
				used = append(used, name)
			}
		case !defined[name] && !slices.Contains(unset, name):
			if src.LookupEnv != nil {
				if _, ok := src.LookupEnv(name); ok {
					continue
				}
			}
			unset = append(unset, name)
		}
	}
	return used, unset
}
