package endpoint

import "testing"

func TestMisspeltRegionsAreTold(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, says string
		certain    bool
	}{
		{"us-east-1", "", false},
		{"cn-north-1", "", false},
		{"us-gov-west-1", "", false},
		{"us-est-1", "us-est-1 is not an AWS region; did you mean us-east-1?", true},
		{"eu-centrl-1", "eu-centrl-1 is not an AWS region; did you mean eu-central-1?", true},
		{"us-esat-1", "us-esat-1 is not an AWS region; did you mean us-east-1?", true},
		{"us-east1", `"us-east1" is not the name of an AWS region; did you mean us-east-1?`, true},
		{"US-EAST-1", `"US-EAST-1" is not the name of an AWS region; did you mean us-east-1?`, true},
		{"us_east_1", `"us_east_1" is not the name of an AWS region; did you mean us-east-1?`, true},
		{"atlantis", `"atlantis" is not the name of an AWS region; an example is eu-west-1`, true},
		{"", `"" is not the name of an AWS region; an example is eu-west-1`, true},
		// AWS may have opened these since.
		{"eu-west-4", "eu-west-4 is not an AWS region that this release of Outcrop knows; did you mean eu-west-1?", false},
		{"nz-north-1", "nz-north-1 is not an AWS region that this release of Outcrop knows; did you mean cn-north-1?", false},
		{"us-isog-southwest-1", "us-isog-southwest-1 is not an AWS region that this release of Outcrop knows; check its spelling", false},
		{"lab-zone-1", "lab-zone-1 is not an AWS region that this release of Outcrop knows; check its spelling", false},
	} {
		err := CheckRegion(tt.name)
		switch {
		case err == nil && tt.says != "":
			t.Errorf("%s: nothing is wrong, want %q", tt.name, tt.says)
		case err != nil && (err.Error() != tt.says || err.Certain != tt.certain):
			t.Errorf("%s: %q, certain %t; want %q, %t", tt.name, err.Error(), err.Certain, tt.says, tt.certain)
		}
	}
}
