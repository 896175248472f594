package vertex

import (
	"cmp"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"outcrop/internal/lazyregexp"
	"outcrop/internal/levenshtein"
	"outcrop/provider"
	"outcrop/provider/genai"
)

// Doubts reports a location that is not known, the absence of everything from which a token could come, and
// a model that Google has shut down.
func (d *deployment) Doubts() []provider.Doubt {
	var doubts []provider.Doubt
	if doubt := d.locationDoubt(); doubt != nil {
		doubts = append(doubts, *doubt)
	}
	if doubt := d.credentialsDoubt(); doubt != nil {
		doubts = append(doubts, *doubt)
	}
	if doubt := genai.Retired(ownName(d.params.Model)); doubt != nil {
		doubts = append(doubts, *doubt)
	}
	return doubts
}

// credentialsDoubt is that there is nothing from which a token could come. The metadata server is not asked,
// so this is said only where the machine does not look like one of Google Cloud's. It is mild, because the
// gateway may be meant for another machine, whose metadata server has credentials.
func (d *deployment) credentialsDoubt() *provider.Doubt {
	if d.key != nil || d.params.Values["vertex_credentials"] != "" || d.params.Environ("GOOGLE_APPLICATION_CREDENTIALS") != "" {
		return nil
	}
	file := loginFile(d.params.Environ)
	if _, err := os.Stat(file); file != "" && err == nil || onGoogleCloud(d.params.Environ) {
		return nil
	}
	message := "there are no Google Cloud credentials on this machine: vertex_credentials, api_key and GOOGLE_APPLICATION_CREDENTIALS are not set"
	if file != "" {
		message += ", and there is no " + file
	}
	return &provider.Doubt{
		Option: "vertex_credentials", Message: message + "; the metadata server of Google Cloud was not asked", Mild: true, Absent: true,
		Hint: "On Google Cloud the metadata server has credentials; elsewhere set vertex_credentials, or run gcloud auth application-default login. outcrop doctor asks the metadata server too.",
	}
}

// locationDoubt is that the location is not known. It is mild if the location may be newer than this release.
func (d *deployment) locationDoubt() *provider.Doubt {
	if !d.own { // what another address takes is not known
		return nil
	}
	if _, known := slices.BinarySearch(locations[:], d.location); known {
		return nil
	}
	doubt := &provider.Doubt{Option: "vertex_location", Message: d.location + " is not a location that this release of Outcrop knows", Hint: "Check its spelling; outcrop doctor shows whether it exists.", Mild: newLocation.MatchString(d.location), Local: true}
	if near := levenshtein.Nearest(d.location, locations[:], 3); near != "" {
		doubt.Hint = "Did you mean " + near + "?"
	}
	if d.params.Values["vertex_location"] == "" {
		doubt.Option = ""
		for _, name := range locationVariables {
			if d.params.Environ(name) == d.location {
				doubt.Message = name + ": " + doubt.Message
				break
			}
		}
	}
	return doubt
}

// locations are the locations of Vertex AI, in alphabetical order: Google Cloud's regions, the two
// multi-regions and global (https://cloud.google.com/about/locations,
// https://cloud.google.com/vertex-ai/generative-ai/docs/learn/locations). It is never written to.
var locations = [...]string{
	"africa-south1",
	"asia-east1", "asia-east2", "asia-northeast1", "asia-northeast2", "asia-northeast3",
	"asia-south1", "asia-south2", "asia-southeast1", "asia-southeast2", "asia-southeast3",
	"australia-southeast1", "australia-southeast2",
	"eu", "europe-central2", "europe-north1", "europe-north2", "europe-southwest1",
	"europe-west1", "europe-west10", "europe-west12", "europe-west2", "europe-west3", "europe-west4", "europe-west6", "europe-west8", "europe-west9",
	"global",
	"me-central1", "me-central2", "me-west1",
	"northamerica-northeast1", "northamerica-northeast2", "northamerica-south1",
	"southamerica-east1", "southamerica-west1",
	"us", "us-central1", "us-east1", "us-east4", "us-east5", "us-east7", "us-south1", "us-west1", "us-west2", "us-west3", "us-west4", "us-west8",
}

// newLocation is the form of regions: Google adds some every year.
var newLocation = lazyregexp.New(`^(africa|asia|australia|europe|me|northamerica|southamerica|us)-(central|east|north|northeast|northwest|south|southeast|southwest|west)[1-9][0-9]?$`)

// loginFile is where gcloud auth application-default login leaves credentials
// (https://cloud.google.com/docs/authentication/application-default-credentials#personal); empty if the
// home directory is not known.
func loginFile(environ func(string) string) string {
	const name = "application_default_credentials.json"
	if runtime.GOOS == "windows" {
		return filepath.Join(environ("APPDATA"), "gcloud", name)
	}
	home, err := os.UserHomeDir()
	if home = cmp.Or(environ("HOME"), home); home == "" && err != nil {
		return ""
	}
	return filepath.Join(home, ".config", "gcloud", name)
}

// onGoogleCloud reports whether the machine looks like one with a metadata server, by what is known of it
// without a call: the address of the server, the variables of App Engine and of Cloud Run
// (https://cloud.google.com/run/docs/container-contract#env-vars), and the firmware's name of the machine.
func onGoogleCloud(environ func(string) string) bool {
	for _, name := range []string{"GCE_METADATA_HOST", "GAE_ENV", "GAE_SERVICE", "K_SERVICE", "CLOUD_RUN_JOB"} {
		if environ(name) != "" {
			return true
		}
	}
	product, err := os.ReadFile("/sys/class/dmi/id/product_name")
	return err == nil && strings.HasPrefix(string(product), "Google")
}
