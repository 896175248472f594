package endpoint

import "strings"

// Partition is a group of AWS regions with names of their own. Its values are
// those of the partitions.json that every AWS SDK carries.
type Partition struct {
	ID              string // as in an ARN: aws, aws-us-gov, aws-cn, ...
	DNSSuffix       string // of ordinary and FIPS hosts
	DualStackSuffix string // of hosts that have IPv6 as well
}

// PartitionOf gives the partition of a region, by its prefix; a region of a
// prefix that is not known is in aws, so that a new region works unannounced.
func PartitionOf(region string) Partition {
	switch {
	case strings.HasPrefix(region, "us-gov-"):
		return Partition{"aws-us-gov", "amazonaws.com", "api.aws"}
	case strings.HasPrefix(region, "cn-"):
		return Partition{"aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn"}
	case strings.HasPrefix(region, "eusc-"):
		return Partition{"aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu"}
	case strings.HasPrefix(region, "us-iso-"):
		return Partition{"aws-iso", "c2s.ic.gov", "api.aws.ic.gov"}
	case strings.HasPrefix(region, "us-isob-"):
		return Partition{"aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud"}
	case strings.HasPrefix(region, "eu-isoe-"):
		return Partition{"aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"}
	case strings.HasPrefix(region, "us-isof-"):
		return Partition{"aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov"}
	}
	return Partition{"aws", "amazonaws.com", "api.aws"}
}

// ValidRegion reports whether s has the shape of a region's name: two to four
// letters, one or two words, and a number of one or two digits, joined by
// hyphens, as in eu-west-1, us-gov-east-1 and eusc-de-east-1. It does not say
// that there is such a region.
func ValidRegion(s string) bool {
	words := 0
	for {
		word, rest, more := strings.Cut(s, "-")
		if !more {
			return words >= 2 && words <= 3 && len(word) <= 2 && consists(word, '0', '9')
		}
		if !consists(word, 'a', 'z') || words == 0 && (len(word) < 2 || len(word) > 4) {
			return false
		}
		words++
		s = rest
	}
}

// consists reports whether s has at least one byte and none outside lo to hi.
func consists(s string, lo, hi byte) bool {
	for i := range len(s) {
		if s[i] < lo || s[i] > hi {
			return false
		}
	}
	return s != ""
}

// RegionOf gives the region that the name of one of AWS's own hosts holds, such
// as eu-west-1 for bedrock-runtime.eu-west-1.amazonaws.com and for the VPC
// endpoint vpce-0a1b-c2d3.bedrock-runtime.eu-west-1.vpce.amazonaws.com. It is
// empty for every other host. A port is ignored.
func RegionOf(host string) string {
	host, _, _ = strings.Cut(host, ":")
	labels := strings.Split(strings.ToLower(host), ".")
	for i, label := range labels {
		if i == 0 || !ValidRegion(label) {
			continue
		}
		p := PartitionOf(label)
		suffix := strings.TrimPrefix(strings.Join(labels[i+1:], "."), "vpce.")
		if suffix == p.DNSSuffix || suffix == p.DualStackSuffix {
			return label
		}
	}
	return ""
}
