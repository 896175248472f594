package cli

import (
	"io"

	"outcrop/provider/bedrock/endpoint"
)

// checkRegions refuses what --region gives and is no region's name, and warns on w of
// those that this release does not know. Empty ones are passed over.
func checkRegions(w io.Writer, regions ...string) error {
	const flag = "--region"
	for _, region := range regions {
		err := endpoint.CheckRegion(region)
		switch {
		case region == "" || err == nil:
		case err.Certain:
			hint := "One looks like eu-west-1."
			if err.Near != "" {
				hint = flag + " " + err.Near
			}
			return &usageError{flag + ": " + err.Error(), hint}
		default:
			warn(w, flag+": "+err.Error(), "")
		}
	}
	return nil
}
