package dist

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// charted are what the chart is installed with.
var charted = []string{"small", "databases", "public"}

// kubernetes is the version that Helm is told, because it asks a cluster otherwise. The schemas are of the same.
const kubernetes = "1.37.0"

func chartFile() string { return filepath.Join(built.out, "outcrop-"+version+".tgz") }

func valuesFile(name string) string { return filepath.Join("testdata/values", name+".yaml") }

// rendered is what the chart becomes with values, in a file.
func rendered(t *testing.T, name string) string {
	t.Helper()
	text := output(t, judge(t, "helm"), "template", "release", chartFile(), "--namespace", "llm", "--kube-version", kubernetes, "-f", valuesFile(name))
	file := filepath.Join(t.TempDir(), name+".yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// conform are the arguments of kubeconform, with the schemas that the machine has.
func conform(t *testing.T, file string) []string {
	t.Helper()
	return []string{"-strict", "-summary", "-output", "json", "-kubernetes-version", kubernetes, "-schema-location", judge(t, "schemas") + "/{{.ResourceKind}}{{.KindSuffix}}.json", file}
}

// TestTheChartIsValid: Helm finds no fault in the package, and Kubernetes's own schemas none in what it becomes, down to names that
// the API server would ignore.
func TestTheChartIsValid(t *testing.T) {
	for name, kinds := range map[string]int{"small": 5, "databases": 7, "public": 7} {
		t.Run(name, func(t *testing.T) {
			output(t, judge(t, "helm"), "lint", "--strict", "--kube-version", kubernetes, "-f", valuesFile(name), chartFile())
			var found struct {
				Summary struct{ Valid, Invalid, Errors, Skipped int }
			}
			decode(t, []byte(output(t, judge(t, "kubeconform"), conform(t, rendered(t, name))...)), &found)
			if found.Summary.Valid != kinds || found.Summary.Invalid+found.Summary.Errors+found.Summary.Skipped > 0 {
				t.Errorf("kubeconform found %+v, not %d valid resources", found.Summary, kinds)
			}
		})
	}
}

// TestAMisspeltFieldOfTheChartIsFound: the judge judges.
func TestAMisspeltFieldOfTheChartIsFound(t *testing.T) {
	file := rendered(t, "public")
	text := strings.NewReplacer("containerPort:", "containerPrt:", "interval:", "intervall:").Replace(string(read(t, file)))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out := refused(t, judge(t, "kubeconform"), conform(t, file)...)
	for _, field := range []string{"containerPrt", "intervall"} {
		if !strings.Contains(out, field) {
			t.Errorf("kubeconform did not find %s:\n%s", field, out)
		}
	}
}

// TestWrongValuesAreRefused: values.schema.json names what is wrong before anything is installed.
func TestWrongValuesAreRefused(t *testing.T) {
	for _, tt := range []struct{ name, set, want string }{
		{"no master key", "secrets.masterKey=", "secrets.masterKey or secrets.existingSecret is required"},
		{"a master key that anyone can guess", "secrets.masterKey=sk-1234", "masterKey"},
		{"a misspelt value", "replicas=3", "replicas"},
		{"less time than a shutdown takes", "terminationGracePeriodSeconds=10", "terminationGracePeriodSeconds"},
		{"another database", "secrets.databaseUrl=mysql://db", "databaseUrl"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if out := refused(t, judge(t, "helm"), "template", "release", chartFile(), "--kube-version", kubernetes, "-f", valuesFile("small"), "--set", tt.set); !strings.Contains(out, tt.want) {
				t.Errorf("the error does not name %q:\n%s", tt.want, out)
			}
		})
	}
}

// TestTheChartsPodsAreAsTheImageNeedsThem compares what the pods get with what the image and the program have.
func TestTheChartsPodsAreAsTheImageNeedsThem(t *testing.T) {
	for _, name := range charted {
		t.Run(name, func(t *testing.T) {
			objects := objectsOf(t, rendered(t, name))
			kind := "Deployment"
			if name == "databases" {
				kind = "StatefulSet"
			}
			var workload struct {
				Spec struct {
					Template struct{ Spec pod }
				}
			}
			decode(t, objects[kind], &workload)
			p := workload.Spec.Template.Spec
			if s := p.SecurityContext; !s.RunAsNonRoot || s.RunAsUser != nonroot || s.FSGroup != nonroot {
				t.Errorf("the pods run as %+v", s)
			}
			if p.TerminationGracePeriodSeconds < 30 {
				t.Errorf("the pods have %d seconds to end, and calls in flight 25", p.TerminationGracePeriodSeconds)
			}
			c := p.Containers[0]
			if s := c.SecurityContext; !s.ReadOnlyRootFilesystem || s.AllowPrivilegeEscalation || len(s.Capabilities.Drop) != 1 {
				t.Errorf("the container has %+v", s)
			}
			if c.ReadinessProbe.HTTPGet.Path != "/health/readiness" || c.LivenessProbe.HTTPGet.Path != "/health/liveliness" {
				t.Errorf("the probes ask %q and %q", c.ReadinessProbe.HTTPGet.Path, c.LivenessProbe.HTTPGet.Path)
			}
			var environ []string
			for _, v := range c.Env {
				environ = append(environ, v.Name)
			}
			if got := strings.Join(environ, " "); !strings.HasPrefix(got, "LITELLM_MASTER_KEY DATABASE_URL LITELLM_SALT_KEY REDIS_URL") {
				t.Errorf("the environment is %s", got)
			}
			// The arguments are those of the program, which has read-only files but for /data.
			output(t, built.binary, append(append([]string{}, c.Args...), "--help")...)
			if !strings.Contains(strings.Join(c.Args, " "), "--data-dir=/data") || !mounted(c, "/data") || !mounted(c, "/etc/outcrop") {
				t.Errorf("the arguments are %q, and mounted is %+v", c.Args, c.VolumeMounts)
			}
		})
	}
}

// TestTheChartsConfigurationIsGood: outcrop config check reads what the pods would.
func TestTheChartsConfigurationIsGood(t *testing.T) {
	t.Setenv("LITELLM_MASTER_KEY", "sk-0123456789abcdef0123456789abcdef")
	t.Setenv("DATABASE_URL", "postgres://outcrop@db.example/outcrop")
	t.Setenv("REDIS_URL", "redis://cache.example:6379/0")
	for _, name := range []string{"small", "databases"} {
		t.Run(name, func(t *testing.T) {
			var configMap struct{ Data map[string]string }
			decode(t, objectsOf(t, rendered(t, name))["ConfigMap"], &configMap)
			file := filepath.Join(t.TempDir(), "config.yaml")
			if err := os.WriteFile(file, []byte(configMap.Data["config.yaml"]), 0o600); err != nil {
				t.Fatal(err)
			}
			if out := output(t, built.binary, "config", "check", file); !strings.Contains(out, "no problems") {
				t.Errorf("%s", out)
			}
		})
	}
}

// pod is what matters of a pod.
type pod struct {
	SecurityContext struct {
		RunAsNonRoot       bool
		RunAsUser, FSGroup int
	}
	TerminationGracePeriodSeconds int
	Containers                    []container
}

// container is what matters of a container.
type container struct {
	Args            []string
	Env             []struct{ Name string }
	SecurityContext struct {
		ReadOnlyRootFilesystem, AllowPrivilegeEscalation bool
		Capabilities                                     struct{ Drop []string }
	}
	ReadinessProbe, LivenessProbe struct{ HTTPGet struct{ Path string } }
	VolumeMounts                  []struct{ Name, MountPath string }
}

func mounted(c container, path string) bool {
	for _, m := range c.VolumeMounts {
		if m.MountPath == path {
			return true
		}
	}
	return false
}

// objectsOf are the documents of a file by their kinds, as JSON.
func objectsOf(t *testing.T, file string) map[string]json.RawMessage {
	t.Helper()
	objects := map[string]json.RawMessage{}
	for d := json.NewDecoder(strings.NewReader(output(t, built.check, "json", file))); d.More(); {
		var text json.RawMessage
		if err := d.Decode(&text); err != nil {
			t.Fatal(err)
		}
		var head struct{ Kind string }
		decode(t, text, &head)
		objects[head.Kind] = text
	}
	return objects
}
