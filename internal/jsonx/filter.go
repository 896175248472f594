package jsonx

// Filter returns an object in which a member that is a list has only the items for which keep reports
// true of the string in their member id. Everything else is unchanged; in a document of another form
// the list is empty.
func Filter(doc Raw, list, id string, keep func(id string) bool) Raw {
	members, err := Members(doc)
	if err != nil {
		members = []Member{{Name: list}}
	}
	var w Writer
	w.Object()
	for _, m := range members {
		w.AnyKey(m.Name)
		if m.Name != list {
			w.Raw(m.Value)
			continue
		}
		var items []Raw
		if Unmarshal(m.Value, &items) != nil {
			items = nil
		}
		w.Array()
		for _, item := range items {
			var name string
			if own, err := Members(item); err == nil && Unmarshal(Find(own, id), &name) == nil && keep(name) {
				w.Raw(item)
			}
		}
		w.EndArray()
	}
	w.EndObject()
	return w.Buf
}
