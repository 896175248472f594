package cli

import (
	"io"

	"outcrop/provider/bedrock/endpoint"
)

// checkRegions rejects values of --region that are not valid region names, and warns on
// w of regions that this release does not know. Empty values are ignored.
func checkRegions(w io.Writer, regions ...string) error {
	const flag = "--region"
	for _, region := range regions {
		err := endpoint.CheckRegion(region)
		switch {
		case region == "" || err == nil:
		case err.Certain:
			hint := "A region name looks like eu-west-1."
			if err.Near != "" {
				hint = "Did you mean " + flag + " " + err.Near + "?"
			}
			return &usageError{flag + ": " + err.Error(), hint}
		default:
			warn(w, flag+": "+err.Error(), "")
		}
	}
	return nil
}
