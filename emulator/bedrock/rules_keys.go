package bedrock

import (
	"outcrop/emulator/bedrock/catalogue"
	"outcrop/internal/jsonx"
	"outcrop/internal/lazyregexp"
)

// propertyKey is what Claude's server takes for the name of a tool's property.
var propertyKey = lazyregexp.New(`^[a-zA-Z0-9_.-]{1,64}$`) //nolint:gochecknoglobals // compiled once

// checkKeys refuses names of properties at the top of a tool's schema where Claude's
// server does (https://github.com/aaif-goose/goose/issues/1804; that it is the top alone:
// https://github.com/aws-solutions-library-samples/accelerated-intelligent-document-processing-on-aws/issues/709).
func checkKeys(q *question) error {
	if q.info.Voice() != catalogue.VoiceAnthropic {
		return nil
	}
	for i := range q.request.Tools {
		members, err := jsonx.Members(q.request.Tools[i].Schema)
		if err != nil {
			continue
		}
		properties, err := jsonx.Members(jsonx.Find(members, "properties"))
		if err != nil {
			continue
		}
		for _, m := range properties {
			if !propertyKey.MatchString(m.Name) {
				return returned("tools.%d.custom.input_schema.properties: Property keys should match pattern '^[a-zA-Z0-9_.-]{1,64}$'", i)
			}
		}
	}
	return nil
}
