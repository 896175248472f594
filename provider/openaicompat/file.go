package openaicompat

import (
	"context"
	"slices"
	"sync"

	"outcrop/internal/jsonx"
	"outcrop/provider"
	"outcrop/upstream"
)

// Head is what must be known of every vendor that there is, whether or not a configuration uses it.
type Head struct {
	// Name is the first segment of the model strings that belong to it, as in LiteLLM. Aliases are
	// others.
	Name    string   `json:"name"`
	Aliases []string `json:"aliases"`
	// Title is its name for people.
	Title string `json:"title"`
	// BaseURL is the address below which its APIs are; empty if every deployment must set api_base,
	// as for a server of the user's own. BaseURLVariables are the environment variables that replace
	// it, the first that is set.
	BaseURL          string   `json:"base_url"`
	BaseURLVariables []string `json:"base_url_variables"`
	// KeyVariables are the environment variables with the API key, the first that is set.
	KeyVariables []string `json:"key_variables"`
	// KeyOptional is whether calls without a key are made, as to a server on this machine.
	KeyOptional bool `json:"key_optional"`
}

// configured reports whether an environment has the vendor's key, and its address if it has none of its
// own.
func (h *Head) configured(environ func(string) string) bool {
	set := func(name string) bool { return environ(name) != "" }
	base := slices.ContainsFunc(h.BaseURLVariables, set)
	return (base || h.BaseURL != "") && (slices.ContainsFunc(h.KeyVariables, set) || h.KeyOptional && base)
}

// File is the file of a built-in vendor. It is read when the vendor is first needed: a configuration uses a few of
// a hundred vendors, and a start does not wait for the others.
type File struct {
	*Head

	vendor func() *Vendor
}

// NewFile makes a File of its text. It panics if that has no head; so will Vendor if the rest is not a vendor's.
// The tests read every file whole.
func NewFile(text []byte) *File {
	h := &Head{}
	must(0, jsonx.Unmarshal(text, h))
	return newFile(h, func() []byte { return text })
}

func newFile(h *Head, text func() []byte) *File {
	return &File{Head: h, vendor: sync.OnceValue(func() *Vendor { return must(ParseVendor(text())) })}
}

// must returns a value of an embedded file.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err) //nolint:forbidigo // embedded files that the tests read cannot be wrong
	}
	return value
}

// Vendor reads the file, the first time.
func (f *File) Vendor() *Vendor { return f.vendor() }

// With returns the file of the same vendor with a dialect for its chats and embeddings.
func (f *File) With(d Dialect) *File {
	return &File{Head: f.Head, vendor: sync.OnceValue(func() *Vendor { return f.Vendor().With(d) })}
}

// Providers describes the vendor, once for each of its names.
func (f *File) Providers() []provider.Info {
	out := make([]provider.Info, 0, 1+len(f.Aliases))
	for _, name := range append([]string{f.Name}, f.Aliases...) {
		out = append(out, provider.Info{
			Name: name, Help: f.Title + ".",
			Options:    func() []provider.Option { return f.Vendor().overrides.Options },
			Configured: func(environ func(string) string) bool { return name == f.Name && f.configured(environ) },
			Open: func(_ context.Context, p provider.Params) (provider.Deployment, error) {
				return f.Vendor().open(p, upstream.Anywhere)
			},
		})
	}
	return out
}
