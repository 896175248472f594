package account

import (
	"fmt"
	"reflect"

	"outcrop/emulator/bedrock/policy"
	"outcrop/internal/jsonx"
)

// known rejects members of a document that have no field in the type it was decoded
// into. Policies reject unknown members themselves.
func known(path string, v jsonx.Raw, t reflect.Type) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == reflect.TypeFor[policy.Policy]() {
		return nil
	}
	switch {
	case t.Kind() == reflect.Slice && v.Kind() == '[':
		var list []jsonx.Raw
		if err := jsonx.Unmarshal(v, &list); err != nil {
			return err
		}
		for i, item := range list {
			if err := known(fmt.Sprintf("%s[%d]", path, i), item, t.Elem()); err != nil {
				return err
			}
		}
	case t.Kind() == reflect.Struct && v.Kind() == '{':
		fields := map[string]reflect.Type{}
		for _, f := range reflect.VisibleFields(t) {
			if name := f.Tag.Get("json"); name != "" {
				fields[name] = f.Type
			}
		}
		members, err := jsonx.Members(v)
		if err != nil {
			return err
		}
		for _, m := range members {
			at := m.Name
			if path != "" {
				at = path + "." + m.Name
			}
			of, ok := fields[m.Name]
			if !ok {
				return wrong(at, "unknown field")
			}
			if err := known(at, m.Value, of); err != nil {
				return err
			}
		}
	}
	return nil
}
