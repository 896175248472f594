package bedrock

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"outcrop/emulator/bedrock/catalogue"
	"outcrop/internal/jsonx"
)

// The list and get operations of the control plane, according to AWS's service model
// (Amazon Bedrock API reference). Members are in alphabetical order.

const timestamp = "2006-01-02T15:04:05Z"

// maxPage is the maximum size of a page of a list: shape MaxResults.
const maxPage = 1000

func (e *Emulator) listFoundationModels(c *call) error {
	query, err := c.query("byProvider", "byCustomizationType", "byOutputModality", "byInferenceType")
	if err != nil {
		return err
	}
	if err := oneOf(query, "byCustomizationType", "FINE_TUNING", "CONTINUED_PRE_TRAINING", "DISTILLATION"); err != nil {
		return err
	}
	if err := oneOf(query, "byOutputModality", "TEXT", "IMAGE", "EMBEDDING"); err != nil {
		return err
	}
	if err := oneOf(query, "byInferenceType", "ON_DEMAND", "PROVISIONED"); err != nil {
		return err
	}
	provider, output, inference := query.Get("byProvider"), query.Get("byOutputModality"), query.Get("byInferenceType")
	var w jsonx.Writer
	w.Object()
	w.Key("modelSummaries")
	w.Array()
	for _, m := range c.catalogue.Models(c.region) {
		switch {
		case provider != "" && !strings.EqualFold(provider, m.Provider),
			output != "" && !slices.Contains(m.Output, output),
			inference != "" && !slices.Contains(inferenceTypes(m, c.region), inference),
			query.Get("byCustomizationType") != "": // nothing can be customized here
			continue
		}
		writeModel(&w, m, c.region, e.options.Now())
	}
	w.EndArray()
	w.EndObject()
	return c.writeJSON(w.Buf)
}

func (e *Emulator) getFoundationModel(c *call) error {
	id := c.parameter
	if strings.HasPrefix(id, "arn:") {
		account, kind, name, ok := splitARN(id, c.region)
		if !ok || account != "" || kind != modelKind {
			return invalidIdentifier()
		}
		id = name
	}
	m := c.catalogue.Model(id)
	if m == nil || !m.In(c.region) {
		return invalidIdentifier()
	}
	var w jsonx.Writer
	w.Object()
	w.Key("modelDetails")
	writeModel(&w, m, c.region, e.options.Now())
	w.EndObject()
	return c.writeJSON(w.Buf)
}

// inferenceTypes returns the inference types of the model in the region.
// INFERENCE_PROFILE is not in the service model's enum, but the live service returns
// it.
func inferenceTypes(m *catalogue.Model, region string) []string {
	var types []string
	if m.OnDemand(region) {
		types = append(types, "ON_DEMAND")
	}
	if m.Routed(region) {
		types = append(types, "INFERENCE_PROFILE")
	}
	return types
}

func writeModel(w *jsonx.Writer, m *catalogue.Model, region string, now time.Time) {
	w.Object()
	w.Key("customizationsSupported")
	writeStrings(w, nil)
	w.Key("inferenceTypesSupported")
	writeStrings(w, inferenceTypes(m, region))
	w.Key("inputModalities")
	writeStrings(w, m.Input)
	w.Key("modelArn")
	w.String(modelARN(region, m.ID))
	w.Key("modelId")
	w.String(m.ID)
	w.Key("modelLifecycle")
	w.Object()
	writeDay(w, "endOfLifeTime", m.End)
	writeDay(w, "legacyTime", m.Legacy)
	writeDay(w, "startOfLifeTime", m.Start)
	w.Key("status")
	if !m.Legacy.IsZero() && !now.Before(m.Legacy) {
		w.String("LEGACY")
	} else {
		w.String("ACTIVE")
	}
	w.EndObject()
	w.Key("modelName")
	w.String(m.Name)
	w.Key("outputModalities")
	writeStrings(w, m.Output)
	w.Key("providerName")
	w.String(m.Provider)
	w.Key("responseStreamingSupported")
	w.Bool(!m.Has(catalogue.NoChat))
	w.EndObject()
}

func writeStrings(w *jsonx.Writer, values []string) {
	w.Array()
	for _, v := range values {
		w.String(v)
	}
	w.EndArray()
}

func writeDay(w *jsonx.Writer, key string, t time.Time) {
	if t.IsZero() {
		return
	}
	w.Key(key)
	w.String(t.UTC().Format(timestamp))
}

// inferenceProfile is a system-defined or an application profile as seen in one region.
type inferenceProfile struct {
	id, name, arn, kind, description string
	models                           []string // ARNs
	created                          time.Time
}

// inferenceProfiles lists the profiles that can be called from the region:
// system-defined ones and then the account's own.
func (e *Emulator) inferenceProfiles(models *catalogue.Catalogue, region string) []inferenceProfile {
	var profiles []inferenceProfile
	for _, p := range models.Profiles(region) {
		listed := inferenceProfile{
			id: p.ID, name: p.Name(), kind: "SYSTEM_DEFINED", created: p.Model.Start,
			arn: e.accountARN(region, profileKind, p.ID),
		}
		if p.Global() {
			listed.description = "Routes requests to " + p.Model.Provider + " " + p.Model.Name + " globally across all supported AWS Regions."
			listed.models = []string{
				modelARN(region, p.Model.ID),
				"arn:" + partition(region) + ":bedrock:::foundation-model/" + p.Model.ID,
			}
		} else {
			listed.description = "Routes requests to " + p.Model.Provider + " " + p.Model.Name + " in " + strings.Join(p.Destinations, ", ") + "."
			for _, destination := range p.Destinations {
				listed.models = append(listed.models, modelARN(destination, p.Model.ID))
			}
		}
		profiles = append(profiles, listed)
	}
	for _, p := range e.options.Profiles {
		from, err := applicationSource(models, p)
		if err != nil || p.Region != region {
			continue // the source was removed with a change of the catalogue
		}
		listed := inferenceProfile{
			id: p.ID, name: p.Name, kind: "APPLICATION", created: from.model.Start,
			arn: e.accountARN(region, applicationKind, p.ID),
		}
		for _, destination := range from.destinations {
			listed.models = append(listed.models, modelARN(destination, from.model.ID))
		}
		profiles = append(profiles, listed)
	}
	return profiles
}

func (p *inferenceProfile) write(w *jsonx.Writer) {
	w.Object()
	writeDay(w, "createdAt", p.created)
	if p.description != "" {
		w.Key("description")
		w.String(p.description)
	}
	w.Key("inferenceProfileArn")
	w.String(p.arn)
	w.Key("inferenceProfileId")
	w.String(p.id)
	w.Key("inferenceProfileName")
	w.String(p.name)
	w.Key("models")
	w.Array()
	for _, arn := range p.models {
		w.Object()
		w.Key("modelArn")
		w.String(arn)
		w.EndObject()
	}
	w.EndArray()
	w.Key("status")
	w.String("ACTIVE")
	w.Key("type")
	w.String(p.kind)
	writeDay(w, "updatedAt", p.created)
	w.EndObject()
}

func (e *Emulator) getInferenceProfile(c *call) error {
	for _, p := range e.inferenceProfiles(c.catalogue, c.region) {
		if c.parameter == p.id || c.parameter == p.arn {
			var w jsonx.Writer
			p.write(&w)
			return c.writeJSON(w.Buf)
		}
	}
	return notFound("The specified inference profile could not be found.")
}

// listInferenceProfiles pages through the profiles. The page token is opaque to
// clients; it encodes the requested kind and how many have been listed.
func (e *Emulator) listInferenceProfiles(c *call) error {
	query, err := c.query("maxResults", "nextToken", "type")
	if err != nil {
		return err
	}
	if err := oneOf(query, "type", "SYSTEM_DEFINED", "APPLICATION"); err != nil {
		return err
	}
	kind := query.Get("type")
	if kind == "" {
		kind = "SYSTEM_DEFINED"
	}
	size := maxPage
	if text := query.Get("maxResults"); text != "" {
		if size, err = strconv.Atoi(text); err != nil || size < 1 || size > maxPage {
			return invalid("1 validation error detected: Value '%s' at 'maxResults' failed to satisfy constraint: Member must have value between 1 and %d", text, maxPage)
		}
	}
	if limit := e.options.PageSize; limit > 0 {
		size = min(size, limit)
	}
	profiles := slices.DeleteFunc(e.inferenceProfiles(c.catalogue, c.region), func(p inferenceProfile) bool { return p.kind != kind })
	from := 0
	if token := query.Get("nextToken"); token != "" {
		plain, err := base64.RawURLEncoding.DecodeString(token)
		of, count, _ := strings.Cut(string(plain), " ")
		n, numErr := strconv.Atoi(count)
		if err != nil || numErr != nil || of != kind || n < 0 || n > len(profiles) {
			return invalid("The provided nextToken is invalid.")
		}
		from = n
	}
	to := min(from+size, len(profiles))
	var w jsonx.Writer
	w.Object()
	w.Key("inferenceProfileSummaries")
	w.Array()
	for _, p := range profiles[from:to] {
		p.write(&w)
	}
	w.EndArray()
	if to < len(profiles) {
		w.Key("nextToken")
		w.String(base64.RawURLEncoding.EncodeToString([]byte(kind + " " + strconv.Itoa(to))))
	}
	w.EndObject()
	return c.writeJSON(w.Buf)
}

// query parses the query; like AWS, it ignores parameters other than the given names.
func (c *call) query(names ...string) (url.Values, error) {
	all, err := url.ParseQuery(c.request.URL.RawQuery)
	if err != nil {
		return nil, invalid("The query string cannot be read.")
	}
	known := url.Values{}
	for _, name := range names {
		if all.Has(name) {
			known.Set(name, all.Get(name))
		}
	}
	return known, nil
}

// oneOf refuses a parameter set to a value other than the given ones.
func oneOf(query url.Values, name string, values ...string) error {
	v := query.Get(name)
	if v == "" || slices.Contains(values, v) {
		return nil
	}
	return invalid("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must satisfy enum value set: [%s]", v, name, strings.Join(values, ", "))
}
