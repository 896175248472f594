package invoke

// Accepted reports whether the table says that Bedrock accepts a beta for a model.
func Accepted(m *Model, name string) bool {
	row := m.betaFor(name)
	return row != nil && row.verdict != refuse
}

// Suspects returns which of the betas that were sent to leave out first, if Bedrock has refused one of
// them without saying which: those that the table does not know, or if it knows all or none of them,
// the first half. The client's come before those that the request needs, as in Adapted.Betas.
func Suspects(m *Model, sent []string) []string {
	var strange []string
	for _, name := range sent {
		if !Accepted(m, name) {
			strange = append(strange, name)
		}
	}
	if len(strange) > 0 && len(strange) < len(sent) {
		return strange
	}
	return sent[:(len(sent)+1)/2]
}
