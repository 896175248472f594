package refresh

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/catalog/schema"
	"outcrop/provider/bedrock/modelid"
)

// readFoundationModels reads an answer of ListFoundationModels in one region.
func readFoundationModels(c *claims, by *source, data []byte) error {
	models, err := catalog.DecodeFoundationModels(data)
	if err != nil {
		return err
	}
	region, err := regionOf(data, "modelSummaries", "modelArn")
	if err != nil {
		return err
	}
	c.tables[by.kind].regions[region] = true
	for _, m := range models {
		prefix, base, ok := c.split(m.ID)
		if !ok || prefix != "" {
			continue
		}
		c.there(by, "", base)
		c.model(by, base, schema.Model{
			Name: m.Name, Streaming: m.Streaming, Output: lower(m.Output),
			OnDemand: map[string]bool{region: slices.Contains(m.InferenceTypes, "ON_DEMAND")},
			Released: dayOf(m.Start), Legacy: dayOf(m.Legacy), EndOfLife: dayOf(m.EndOfLife),
		})
		// AWS's lists have no word for documents.
		c.models[base] = append(c.models[base], modelClaim{by: by, weak: true, set: schema.Model{Input: lower(m.Input)}})
	}
	return nil
}

// regionOf returns the region of the first ARN in a list.
func regionOf(data []byte, list, member string) (string, error) {
	members, err := jsonx.Members(data)
	if err != nil {
		return "", err
	}
	for _, m := range members {
		if m.Name != list {
			continue
		}
		var rows []map[string]jsonx.Raw
		if err := jsonx.Unmarshal(m.Value, &rows); err != nil {
			return "", err
		}
		for _, row := range rows {
			arn, err := modelid.ParseARN(strings.Trim(string(row[member]), `"`))
			if err == nil && arn.Region != "" {
				return arn.Region, nil
			}
		}
	}
	return "", fmt.Errorf("no %s in %s names the region", member, list)
}

// lower translates modalities to the words of the data files, and drops those without
// one.
func lower(words []string) []string {
	var out []string
	for _, w := range words {
		switch w {
		case "TEXT", "IMAGE", "AUDIO", "VIDEO", "SPEECH", "EMBEDDING":
			out = append(out, strings.ToLower(w))
		}
	}
	return out
}

func dayOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}

// readInferenceProfiles reads an answer of ListInferenceProfiles in one region. It
// skips profiles created by an account.
func readInferenceProfiles(c *claims, by *source, data []byte) error {
	profiles, _, err := catalog.DecodeInferenceProfiles(data)
	if err != nil {
		return err
	}
	for _, p := range profiles {
		prefix, base, ok := c.split(p.ID)
		arn, err := modelid.ParseARN(p.ARN)
		if err != nil {
			continue
		}
		c.tables[by.kind].regions[arn.Region] = true
		if !ok || prefix == "" || p.Type == "APPLICATION" {
			continue
		}
		c.there(by, "", base)
		claim := profileClaim{by: by, from: []string{arn.Region}}
		for _, text := range p.Models {
			to, err := modelid.ParseARN(text)
			if err != nil {
				return fmt.Errorf("profile %q: %w", p.ID, err)
			}
			claim.to = append(claim.to, cmp.Or(to.Region, everywhere))
		}
		c.profiles[p.ID] = append(c.profiles[p.ID], claim)
	}
	return nil
}

// readProfileRegions reads the table of regions of Claude's profiles.
func readProfileRegions(c *claims, by *source, data []byte) error {
	var file struct {
		Models map[string]struct {
			Profiles map[string]struct {
				ModelID            string   `json:"model_id"`
				SourceRegions      []string `json:"source_regions"`
				DestinationRegions []string `json:"destination_regions"`
			} `json:"profiles"`
		} `json:"models"`
	}
	if err := jsonx.Unmarshal(data, &file); err != nil {
		return err
	}
	for _, m := range file.Models {
		for _, p := range m.Profiles {
			prefix, base, ok := c.split(p.ModelID)
			if !ok || prefix == "" {
				continue
			}
			c.there(by, "", base)
			to := p.DestinationRegions
			// For some global profiles the table has the regions of its day; according to
			// AWS they route to all commercial regions.
			if prefix == "global" || slices.Equal(to, []string{"all-commercial"}) {
				to = []string{everywhere}
			}
			c.profiles[p.ModelID] = append(c.profiles[p.ModelID], profileClaim{by, p.SourceRegions, to})
		}
	}
	return nil
}

// readLifecycle reads the table of end-of-life dates, with AWS's recommended successors
// if it has them. Its ids may be patterns.
func readLifecycle(c *claims, by *source, data []byte) error {
	var file struct {
		EOL []struct {
			ModelID   string `json:"modelId"`
			EndOfLife string `json:"endOfLife"`
			Successor string `json:"successor"`
		} `json:"eol"`
		LegacySince map[string]string `json:"legacySince"`
	}
	if err := jsonx.Unmarshal(data, &file); err != nil {
		return err
	}
	for _, row := range file.EOL {
		c.patterns = append(c.patterns, patternClaim{row.ModelID, modelClaim{by: by, set: schema.Model{EndOfLife: row.EndOfLife, Successor: row.Successor}}})
	}
	for id, day := range file.LegacySince {
		c.patterns = append(c.patterns, patternClaim{id, modelClaim{by: by, set: schema.Model{Legacy: day}}})
	}
	return nil
}

// patternClaim is a claim about all models whose ids match a pattern. It adds no model
// that is in no other table.
type patternClaim struct {
	pattern string
	claim   modelClaim
}

// applyPatterns turns claims about patterns into claims about models.
func (c *claims) applyPatterns() {
	for _, p := range c.patterns {
		for base := range c.models {
			if ok, err := path.Match(p.pattern, base); ok && err == nil {
				c.models[base] = append(c.models[base], p.claim)
			}
		}
	}
}
