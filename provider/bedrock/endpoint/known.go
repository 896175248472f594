package endpoint

import (
	"slices"
	"strings"

	"outcrop/internal/levenshtein"
)

// regions are the regions of AWS that this release knows, in alphabetical order,
// whether or not Bedrock is there: those of the partitions.json that every AWS SDK
// carries (botocore 1.43.67, 2026-08-07). It is never written to.
var regions = [...]string{
	"af-south-1",
	"ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2",
	"ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7",
	"ca-central-1", "ca-west-1",
	"cn-north-1", "cn-northwest-1",
	"eu-central-1", "eu-central-2", "eu-isoe-west-1", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3",
	"eusc-de-east-1",
	"il-central-1", "me-central-1", "me-south-1", "mx-central-1", "sa-east-1",
	"us-east-1", "us-east-2", "us-gov-east-1", "us-gov-west-1", "us-iso-east-1", "us-iso-west-1", "us-isob-east-1", "us-isob-west-1",
	"us-isof-east-1", "us-isof-south-1", "us-west-1", "us-west-2",
}

// directions are the words before the number in the names of all regions so far.
// It is never written to.
var directions = [...]string{"central", "east", "north", "northeast", "northwest", "south", "southeast", "southwest", "west"}

// RegionError says that a name is not that of a region, as far as is known.
type RegionError struct {
	Region string
	// Near is the known region that was probably meant; empty if none is near.
	Near string
	// Certain is whether AWS has no such region. Otherwise the region may have been
	// opened after this release, so that calls to it are made all the same.
	Certain bool
}

// Error is a sentence without its full stop.
func (e *RegionError) Error() string {
	text := e.Region + " is not an AWS region"
	if !e.Certain {
		text = e.Region + " is not an AWS region that this release of Outcrop knows"
	}
	if !ValidRegion(e.Region) {
		text = `"` + e.Region + `" is not the name of an AWS region`
	}
	switch {
	case e.Near != "":
		return text + "; did you mean " + e.Near + "?"
	case e.Certain:
		return text + "; an example is eu-west-1"
	default:
		return text + "; check its spelling"
	}
}

// CheckRegion says what is wrong with the name of a region; nil if it is one that
// this release knows. A name that has not the form of a region's is certainly none,
// and neither is one that is at most two letters away from a known region and whose
// last word is no direction, such as us-est-1.
func CheckRegion(name string) *RegionError {
	if _, known := slices.BinarySearch(regions[:], name); known {
		return nil
	}
	e := &RegionError{Region: name, Near: nearRegion(name)}
	e.Certain = !ValidRegion(name) || e.Near != "" && !directed(name)
	return e
}

// directed reports whether the last word of a region's name is a direction.
func directed(name string) bool {
	words := strings.Split(name, "-")
	return len(words) > 2 && slices.Contains(directions[:], words[len(words)-2])
}

// nearRegion is the known region that differs from a name by at most two letters,
// and the least; empty if there is none.
func nearRegion(name string) string {
	const most = 2
	if len(name) > 40 { // no name of a region comes near
		return ""
	}
	name = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), "_", "-")
	near, fewest := "", most+1
	for _, region := range regions {
		if far := levenshtein.Distance(name, region); far < fewest {
			near, fewest = region, far
		}
	}
	return near
}
