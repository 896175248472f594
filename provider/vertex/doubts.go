package vertex

import (
	"cmp"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"outcrop/provider"
)

// Doubts reports that there is nothing from which a token could come. The metadata server is not asked, so
// this is said only where the machine does not look like one of Google Cloud's.
func (d *deployment) Doubts() []provider.Doubt {
	if d.key != nil || d.params.Values["vertex_credentials"] != "" || d.params.Environ("GOOGLE_APPLICATION_CREDENTIALS") != "" {
		return nil
	}
	file := loginFile(d.params.Environ)
	if _, err := os.Stat(file); file != "" && err == nil || onGoogleCloud(d.params.Environ) {
		return nil
	}
	message := "there are no Google Cloud credentials: vertex_credentials, api_key and GOOGLE_APPLICATION_CREDENTIALS are not set"
	if file != "" {
		message += ", and there is no " + file
	}
	return []provider.Doubt{{
		Option: "model", Message: message + "; the metadata server of Google Cloud was not asked",
		Hint: "Set vertex_credentials, or run gcloud auth application-default login; outcrop doctor asks the metadata server too.",
	}}
}

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
