package catalog

import (
	"bytes"
	"flag"
	"fmt"
	"go/format"
	"hash/fnv"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the source of the built-in catalogue anew from the data files")

// parsed reads the data files as they are on disk: what is embedded may be older than the run that updates them.
func parsed(t *testing.T) *Catalogue {
	t.Helper()
	c, err := Parse(os.DirFS("data"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTheBuiltInCatalogueIsWhatTheDataSays(t *testing.T) {
	c := parsed(t)
	for name, want := range sourceOf(t, c) {
		if *update {
			if err := os.WriteFile(name, want, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the data files say (%v); run go test ./provider/bedrock/catalog -run BuiltIn -update", name, err)
		}
	}
	if !*update && !reflect.DeepEqual(Embedded(), c) {
		t.Error("the built-in catalogue differs from the data files; is there a kind of value that is written wrongly?")
	}
}

// TestTheBuiltInCatalogueTakesNoCodeAtTheStart looks at what the compiler makes of the package. A call, a map or anything else
// that it cannot lay out would become code that assigns thousands of values in every process.
func TestTheBuiltInCatalogueTakesNoCodeAtTheStart(t *testing.T) {
	archive, err := exec.CommandContext(t.Context(), "go", "list", "-export", "-f", "{{.Export}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	symbols, err := exec.CommandContext(t.Context(), "go", "tool", "nm", "-size", strings.TrimSpace(string(archive))).Output()
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for line := range strings.Lines(string(symbols)) {
		fields := strings.Fields(line) // address, size, kind, name
		if len(fields) < 4 {
			continue
		}
		size, _ := strconv.Atoi(fields[1])
		switch name := fields[3]; {
		case strings.HasSuffix(name, "catalog.builtin") && (fields[2] == "D" || fields[2] == "d"):
			found = true
		case strings.HasSuffix(name, "catalog.init") && size > len("ret"): // the compiler leaves a return
			t.Errorf("there is code that runs at the start: %s", line)
		}
	}
	if !found {
		t.Errorf("the catalogue is not among the data of the package:\n%.2000s", symbols)
	}
}

// sourceOf returns the source files of a catalogue.
func sourceOf(t *testing.T, c *Catalogue) map[string][]byte {
	t.Helper()
	w := &writer{t: t, visited: map[uintptr]bool{}, named: map[uintptr]string{}, lists: map[string]int{}}
	w.count(reflect.ValueOf(c))
	models, profiles, sources := make([]Model, 0, len(c.all)), make([]Profile, 0, len(c.profiles)), w.sources()
	for i, m := range c.all {
		w.named[reflect.ValueOf(m).Pointer()] = fmt.Sprintf("&builtinModels[%d]", i)
		models = append(models, *m)
	}
	for i, p := range c.profiles {
		w.named[reflect.ValueOf(p).Pointer()] = fmt.Sprintf("&builtinProfiles[%d]", i)
		profiles = append(profiles, *p)
	}
	return map[string][]byte{
		"data_models.go":   w.file("builtinModels", reflect.ValueOf(models)),
		"data_profiles.go": w.file("builtinProfiles", reflect.ValueOf(profiles)),
		"data_sources.go":  w.file("builtinSources", reflect.ValueOf(sources)),
		"data_builtin.go":  w.file("builtin", reflect.ValueOf(*c)),
		"data_lists.go":    w.listed(),
	}
}

// writer writes values as composite literals that a compiler can lay out.
type writer struct {
	t       *testing.T
	b       bytes.Buffer
	visited map[uintptr]bool   // by count
	named   map[uintptr]string // expressions for what is pointed to; for sources first their keys
	found   []*Source
	lists   map[string]int // how often there is a list of words, by listKey
}

// count finds the sources, and counts the lists.
func (w *writer) count(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || w.visited[v.Pointer()] {
			return
		}
		w.visited[v.Pointer()] = true
		if v.Type() == reflect.TypeFor[*Source]() {
			s := v.Elem()
			w.found = append(w.found, &Source{
				Key: s.Field(0).String(), Name: s.Field(1).String(), Date: Moment(s.Field(2).Int()), URL: s.Field(3).String(), Unconfirmed: s.Field(4).Bool(),
			})
			w.named[v.Pointer()] = s.Field(0).String()
		}
		w.count(v.Elem())
	case reflect.Struct:
		for _, f := range v.Fields() {
			w.count(f)
		}
	case reflect.Slice:
		if key := listKey(v); key != "" {
			w.lists[key]++
		}
		for i := range v.Len() {
			w.count(v.Index(i))
		}
	default:
	}
}

// sources returns the sources by key, and names them.
func (w *writer) sources() []Source {
	slices.SortFunc(w.found, func(a, b *Source) int { return strings.Compare(a.Key, b.Key) })
	var all []Source
	for _, s := range w.found {
		all = append(all, *s)
	}
	for at, name := range w.named {
		if i, ok := slices.BinarySearchFunc(w.found, name, func(s *Source, key string) int { return strings.Compare(s.Key, key) }); ok {
			w.named[at] = fmt.Sprintf("&builtinSources[%d]", i)
		}
	}
	return all
}

// listKey identifies a list of several words, such as regions; it is empty for any other value.
func listKey(v reflect.Value) string {
	if v.Type() != reflect.TypeFor[[]string]() || v.Len() < 2 {
		return ""
	}
	words := make([]string, v.Len())
	for i := range words {
		words[i] = v.Index(i).String()
	}
	return strings.Join(words, " ")
}

// listName is the variable that holds a list. It follows from the words, so that it stays when other lists come.
func listName(key string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key)) // a hash takes everything
	return fmt.Sprintf("list%08x", h.Sum32())
}

// shared reports whether a list has a variable.
func (w *writer) shared(key string) bool { return key != "" && w.lists[key] > 1 }

const head = "// Code generated by go test ./provider/bedrock/catalog -run BuiltIn -update; DO NOT EDIT.\n\npackage catalog\n\n"

// file is the source file of a variable. A slice becomes an array, to whose elements others can point.
func (w *writer) file(name string, v reflect.Value) []byte {
	w.b.Reset()
	fmt.Fprintf(&w.b, "%svar %s = ", head, name)
	if v.Kind() == reflect.Slice {
		w.b.WriteString("[...]" + typeName(v.Type().Elem()))
		w.elements(v)
	} else {
		w.b.WriteString(typeName(v.Type()))
		w.fields(v)
	}
	return w.formatted()
}

// listed is the source file of the lists.
func (w *writer) listed() []byte {
	w.b.Reset()
	w.b.WriteString(head + "var (\n")
	var lines []string
	for key := range w.lists {
		if w.shared(key) {
			lines = append(lines, fmt.Sprintf("%s = []string{%q}\n", listName(key), strings.Fields(key)))
		}
	}
	slices.Sort(lines)
	for _, line := range lines {
		w.b.WriteString(strings.ReplaceAll(strings.NewReplacer("{[", "{", "]}", "}").Replace(line), `" "`, `", "`))
	}
	w.b.WriteString(")\n")
	return w.formatted()
}

func (w *writer) formatted() []byte {
	text := w.b.Bytes()
	if bytes.Contains(text, []byte("llm.")) {
		text = bytes.Replace(text, []byte("package catalog\n"), []byte("package catalog\n\nimport \"outcrop/llm\"\n"), 1)
	}
	text, err := format.Source(text)
	if err != nil {
		w.t.Fatal(err)
	}
	return text
}

// typeName is the name of a type in this package.
func typeName(t reflect.Type) string {
	name := strings.ReplaceAll(t.String(), "outcrop/provider/bedrock/", "")
	return strings.ReplaceAll(strings.ReplaceAll(name, "catalog.", ""), "outcrop/llm.", "llm.")
}

// value writes a value. elided is whether its type goes without saying, as that of an element of a slice.
func (w *writer) value(v reflect.Value, elided bool) {
	switch v.Type() {
	case reflect.TypeFor[Known]():
		w.b.WriteString([]string{"Unknown", "No", "Yes"}[v.Uint()])
		return
	case reflect.TypeFor[Modality]():
		for i, name := range Modality(v.Uint()).Names() {
			w.b.WriteString([]string{"", "|"}[min(i, 1)] + strings.ToUpper(name[:1]) + name[1:])
		}
		return
	case reflect.TypeFor[Moment]():
		fmt.Fprintf(&w.b, "%d /* %s */", v.Int(), Moment(v.Int()))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		fmt.Fprint(&w.b, v.Bool())
	case reflect.Int64:
		fmt.Fprint(&w.b, v.Int())
	case reflect.Uint32:
		fmt.Fprint(&w.b, v.Uint())
	case reflect.String:
		fmt.Fprintf(&w.b, "%q", v.String())
	case reflect.Struct:
		if !elided {
			w.b.WriteString(typeName(v.Type()))
		}
		w.fields(v)
	case reflect.Slice:
		if v.IsNil() {
			w.b.WriteString("nil")
			return
		}
		if key := listKey(v); w.shared(key) {
			w.b.WriteString(listName(key))
			return
		}
		w.b.WriteString(typeName(v.Type()))
		w.elements(v)
	case reflect.Pointer:
		if name, ok := w.named[v.Pointer()]; ok {
			w.b.WriteString(name)
			return
		}
		w.b.WriteString("&")
		w.value(v.Elem(), false)
	default:
		w.t.Fatalf("there is a %s, which cannot be laid out", v.Type())
	}
}

// fields writes the fields of a struct that are not zero.
func (w *writer) fields(v reflect.Value) {
	w.b.WriteString("{")
	for field, f := range v.Fields() {
		if !f.IsZero() {
			fmt.Fprintf(&w.b, "%s: ", field.Name)
			w.value(f, false)
			w.b.WriteString(", ")
		}
	}
	w.b.WriteString("}")
}

// elements writes the elements of a slice, larger ones each on a line.
func (w *writer) elements(v reflect.Value) {
	apart := ", "
	if kind := v.Type().Elem().Kind(); kind != reflect.String && kind != reflect.Uint32 && v.Len() > 1 {
		apart = ",\n"
		w.b.WriteString("{\n")
	} else {
		w.b.WriteString("{")
	}
	for i := range v.Len() {
		w.value(v.Index(i), true)
		w.b.WriteString(apart)
	}
	w.b.WriteString("}")
}
