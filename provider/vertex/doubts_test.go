package vertex_test

import (
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"outcrop/provider"
	"outcrop/provider/vertex"
	"outcrop/upstream"
)

func TestMissingCredentialsAreDoubtedWithoutACall(t *testing.T) {
	if product, err := os.ReadFile("/sys/class/dmi/id/product_name"); err == nil && strings.HasPrefix(string(product), "Google") {
		t.Skip("this machine is one of Google Cloud's")
	}
	if runtime.GOOS == "windows" {
		t.Skip("the home is another variable there")
	}
	google := startGoogle(t)
	empty, loggedIn := t.TempDir(), t.TempDir()
	file := filepath.Join(".config", "gcloud", "application_default_credentials.json")
	if err := os.MkdirAll(filepath.Join(loggedIn, filepath.Dir(file)), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(loggedIn, file), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	account := filepath.Join(empty, "account.json")
	if err := os.WriteFile(account, []byte(google.account), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		values, environ map[string]string
		doubt           bool
	}{
		"nothing":         {nil, nil, true},
		"a project alone": {map[string]string{"vertex_project": "rocks-1"}, nil, true},
		"a key":           {map[string]string{"api_key": "k"}, nil, false},
		"an account":      {map[string]string{"vertex_credentials": google.account}, nil, false},
		"a variable":      {nil, map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": account}, false},
		"a login":         {nil, map[string]string{"HOME": loggedIn}, false},
		"a server":        {nil, map[string]string{"GCE_METADATA_HOST": "127.0.0.1:1"}, false},
		"Cloud Run":       {nil, map[string]string{"K_SERVICE": "gateway"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			environ := func(name string) string {
				if value := tt.environ[name]; value != "" || name != "HOME" {
					return value
				}
				return empty
			}
			d, err := vertex.Provider().Open(t.Context(), provider.Params{Model: "gemini-2.5-pro", Values: tt.values, Environ: environ, Upstream: upstream.New()})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			doubts := d.(provider.Reviewer).Doubts()
			if len(doubts) > 0 != tt.doubt {
				t.Fatalf("the doubts are %v", doubts)
			}
			if tt.doubt && (!doubts[0].Mild || !doubts[0].Absent || !strings.Contains(doubts[0].Message, filepath.Join(empty, file)) || !strings.Contains(doubts[0].Message, "was not asked")) {
				t.Errorf("the doubt is %+v", doubts[0])
			}
			if google.asked.Load() != 0 {
				t.Error("a token was asked for")
			}
		})
	}
}

func TestALocationThatIsNotKnownIsDoubted(t *testing.T) {
	for _, tt := range []struct {
		values, environ map[string]string
		option, says    string // empty for no doubt
		mild            bool
	}{
		{values: map[string]string{"vertex_location": "europe-west12"}},
		{values: map[string]string{"vertex_location": "eu"}},
		{values: map[string]string{"vertex_location": "us-centrl1"}, option: "vertex_location", says: "Did you mean us-central1?"},
		{values: map[string]string{"vertex_location": "us-central-1"}, option: "vertex_location", says: "Did you mean us-central1?"},
		{values: map[string]string{"vertex_location": "mars"}, option: "vertex_location", says: "Check its spelling"},
		{values: map[string]string{"vertex_location": "asia-southeast9"}, option: "vertex_location", says: "Did you mean asia-southeast1?", mild: true},
		{values: map[string]string{"vertex_location": "mars", "api_base": "https://vertex.example.com"}},
		{environ: map[string]string{"GOOGLE_CLOUD_LOCATION": "global1"}, says: "GOOGLE_CLOUD_LOCATION: global1 is not a location"},
	} {
		values := map[string]string{"api_key": "k", "vertex_project": "rocks-1"}
		maps.Copy(values, tt.values)
		d, err := vertex.Provider().Open(t.Context(), provider.Params{Model: "gemini-3.5-flash", Values: values, Environ: func(name string) string { return tt.environ[name] }, Upstream: upstream.New()})
		if err != nil {
			t.Fatal(err)
		}
		doubts := d.(provider.Reviewer).Doubts()
		_ = d.Close()
		switch {
		case len(doubts) == 0 && tt.says == "":
		case len(doubts) != 1 || tt.says == "" || doubts[0].Option != tt.option || doubts[0].Mild != tt.mild || !strings.Contains(doubts[0].Message+" "+doubts[0].Hint, tt.says):
			t.Errorf("%v %v: the doubts are %+v", tt.values, tt.environ, doubts)
		}
	}
}
