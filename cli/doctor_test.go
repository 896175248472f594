package cli_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outcrop/cli"
	emulator "outcrop/emulator/bedrock"
	"outcrop/emulator/bedrock/fault"
)

var update = flag.Bool("update", false, "write the golden files")

// emulatedWith leads the environment to an emulator with options and faults.
func emulatedWith(t *testing.T, opt emulator.Options, faults ...string) {
	t.Helper()
	for _, text := range faults {
		f, err := fault.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		opt.Faults = append(opt.Faults, f)
	}
	e, err := emulator.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(judge.Watch(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if opt.Now != nil {
			w.Header().Set("Date", opt.Now().UTC().Format(http.TimeFormat))
		}
		e.ServeHTTP(w, r)
	})))
	t.Cleanup(server.Close)
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
	t.Setenv("AWS_REGION", "us-east-1")
	t.Setenv("AWS_ACCESS_KEY_ID", emulator.DemoAccessKeyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", string(emulator.DemoSecretAccessKey))
}

// doctor runs outcrop doctor and gives its exit code and what it printed.
func doctor(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = cli.Main(append([]string{"doctor", "--data-dir", t.TempDir()}, args...), &out, &errs)
	for _, secret := range []string{string(emulator.DemoSecretAccessKey), string(emulator.DemoAPIKey), os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SESSION_TOKEN"), os.Getenv("AWS_BEARER_TOKEN_BEDROCK")} {
		if secret != "" && strings.Contains(out.String()+errs.String(), secret) {
			t.Errorf("a secret is printed by %q", args)
		}
	}
	return code, out.String(), errs.String()
}

func TestDoctorSaysWhatWorks(t *testing.T) {
	emulatedWith(t, emulator.Options{})
	good := write(t, "model_list:\n  - model_name: granite\n    litellm_params: {model: bedrock/claude-sonnet-4-5}\n")
	code, out, errs := doctor(t, "--config", good)
	if code != 0 {
		t.Errorf("exit code %d:\n%s", code, errs)
	}
	for _, want := range []string{
		"arn:aws:iam::123456789012:user/demo in account 123456789012; access key AKIDEXAMPLE from the environment",
		"ListFoundationModels", "GetFoundationModelAvailability", "clock\n  ok", "set by AWS_ENDPOINT_URL", "proxy",
		"us.anthropic.claude-sonnet-4-5-20250929-v1:0", "1 model can be called both with and without streaming",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the output lacks %q:\n%s", want, out)
		}
	}
	if !strings.Contains(errs, "at most 2 probes") || !strings.Contains(errs, "at most one token") {
		t.Errorf("it is not said what the calls are: %s", errs)
	}
	if strings.Contains(out, "who can fix it:") {
		t.Errorf("something is refused:\n%s", out)
	}
}

func TestDoctorSaysEachRefusalOnce(t *testing.T) {
	emulatedWith(t, emulator.Options{}, "op=ListInferenceProfiles deny always", "op=Converse deny always", "op=ConverseStream deny always")
	code, out, _ := doctor(t, "--model", "nova-lite", "--model", "nova-pro", "--model", "claude-sonnet-4-5")
	if code != 1 {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{"affects:        nova-lite, nova-pro, claude-sonnet-4-5\n", "affects:        ListInferenceProfiles in us-east-1\n", `"bedrock:ListInferenceProfiles"`, "outcrop bedrock policy --region us-east-1 --account 123456789012 --model amazon.nova-lite-v1:0 --model amazon.nova-pro-v1:0 --model us.anthropic.claude-sonnet-4-5-20250929-v1:0\n", "the administrator of the AWS account", "3 not at all", "To write one policy for all of them: "} {
		if !strings.Contains(out, want) {
			t.Errorf("the output lacks %q:\n%s", want, out)
		}
	}
	if n := strings.Count(out, "who can fix it:"); n != 2 {
		t.Errorf("%d refusals, want 2:\n%s", n, out)
	}
}

func TestThePolicyOfOneModelIsNotOneForAll(t *testing.T) {
	emulatedWith(t, emulator.Options{}, "op=Converse deny always", "op=ConverseStream deny always")
	if _, out, _ := doctor(t, "--model", "nova-lite"); !strings.Contains(out, "To write the policy: outcrop bedrock policy --region us-east-1") {
		t.Errorf("the output is:\n%s", out)
	}
}

func TestDoctorsExitCodes(t *testing.T) {
	const one = "model_list:\n  - {model_name: granite, litellm_params: {model: bedrock/us.amazon.nova-lite-v1:0}}\n"
	for _, tt := range []struct {
		name   string
		opt    emulator.Options
		faults []string
		config string
		args   []string
		code   int
		says   string
	}{
		{"all is well", emulator.Options{}, nil, one, nil, 0, "1 model can be called"},
		{"nothing is called", emulator.Options{}, nil, one, []string{"--free"}, 0, "no problems found"},
		{"lists are refused, calls work", emulator.Options{}, []string{"op=ListFoundationModels deny always"}, one, nil, 0, "warn"},
		{"only streams are refused", emulator.Options{}, []string{"op=ConverseStream deny always"}, one, nil, 1, "1 only in one of the two ways"},
		{"a name that is not configured", emulator.Options{}, nil, one, []string{"--model", "basalt"}, 1, "gateway.model_not_found"},
		{"another region", emulator.Options{}, nil, "model_list:\n  - {model_name: granite, litellm_params: {model: bedrock/nova-lite}}\n", []string{"--region", "eu-west-1", "--region", "us-west-2"}, 0, "2 models can be called"},
		{"a region without the model", emulator.Options{}, nil, "model_list:\n  - {model_name: granite, litellm_params: {model: bedrock/us.deepseek.r1-v1:0}}\n", []string{"--region", "eu-west-1"}, 1, "FAIL"},
		{"a clock that is off", emulator.Options{Now: func() time.Time { return time.Now().Add(-20 * time.Minute) }}, nil, one, []string{"--free"}, 1, "credentials.clock_skew"},
		{"no region", emulator.Options{}, nil, one, []string{"--region", "atlantis"}, 2, "atlantis"},
		{"flags that exclude each other", emulator.Options{}, nil, one, []string{"--free", "--all"}, 2, "--free"},
		{"an empty name", emulator.Options{}, nil, one, []string{"--model", ""}, 2, "--model"},
		{"a configuration that cannot be", emulator.Options{}, nil, "model_list:\n  - {model_name: granite, litellm_params: {model: bedrock/x y}}\n", nil, 2, "x y"},
		{"a flag that is not there", emulator.Options{}, nil, one, []string{"--cure"}, 2, "--cure"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			emulatedWith(t, tt.opt, tt.faults...)
			code, out, errs := doctor(t, append(tt.args, "--config", write(t, tt.config))...)
			if code != tt.code || !strings.Contains(out+errs, tt.says) {
				t.Errorf("exit code %d, want %d, and the output must have %q:\n%s%s", code, tt.code, tt.says, out, errs)
			}
		})
	}
}

func TestDoctorShowsNoSecretWhateverTheCredentials(t *testing.T) {
	key := emulator.Key{AccessKeyID: "ASIADOCTOR", SecretAccessKey: "doctorSecret/9Zb+Q", SessionToken: "doctorToken/4Xx=="}
	for name, set := range map[string]map[string]string{
		"a session":           {"AWS_ACCESS_KEY_ID": key.AccessKeyID, "AWS_SECRET_ACCESS_KEY": string(key.SecretAccessKey), "AWS_SESSION_TOKEN": string(key.SessionToken)},
		"a wrong secret":      {"AWS_ACCESS_KEY_ID": key.AccessKeyID, "AWS_SECRET_ACCESS_KEY": "doctorWrong/1Aa", "AWS_SESSION_TOKEN": string(key.SessionToken)},
		"an API key":          {"AWS_BEARER_TOKEN_BEDROCK": string(emulator.DemoAPIKey)},
		"a foreign API key":   {"AWS_BEARER_TOKEN_BEDROCK": "ABSKdoctorForeignKey8e8e"},
		"a cut API key":       {"AWS_BEARER_TOKEN_BEDROCK": "bedrock-api-key-doctorCut"},
		"a proxy that parrot": {"AWS_BEARER_TOKEN_BEDROCK": string(emulator.DemoAPIKey), "AWS_ENDPOINT_URL": "parrot"},
	} {
		t.Run(name, func(t *testing.T) {
			emulatedWith(t, emulator.Options{Keys: []emulator.Key{key}, APIKeys: []emulator.Secret{emulator.DemoAPIKey}})
			parrot := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(http.StatusBadGateway)
				_ = r.Header.Write(w)
			}))
			defer parrot.Close()
			for variable, value := range set {
				t.Setenv(variable, strings.Replace(value, "parrot", parrot.URL, 1))
			}
			_, out, _ := doctor(t, "--model", "nova-lite")
			_, text, _ := doctor(t, "--model", "nova-lite", "--json")
			if !strings.Contains(out, "identity") || !strings.Contains(text, `"check":"identity"`) {
				t.Errorf("the test does not see what it is meant to:\n%s", out)
			}
		})
	}
}

// shape lists the members of a JSON value with the kinds of their values; elements
// of an array count as one.
func shape(path string, v any, into map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if strings.HasSuffix(path, "statement") || strings.HasSuffix(path, "statements[]") { // IAM's own form
				into[path+" object"] = true
				continue
			}
			shape(strings.TrimPrefix(path+"."+name, "."), member, into)
		}
	case []any:
		for _, element := range v {
			shape(path+"[]", element, into)
		}
	default:
		into[fmt.Sprintf("%s %T", path, v)] = true
	}
}

func TestDoctorsJSONHasTheFieldsThatAreDocumented(t *testing.T) {
	emulatedWith(t, emulator.Options{}, "op=ListInferenceProfiles deny always", "op=ConverseStream throttle always")
	config := write(t, `
model_list:
  - model_name: granite
    litellm_params: {model: bedrock/us.amazon.nova-lite-v1:0}
  - model_name: basalt
    litellm_params: {model: bedrock/nobody.nothing-v1:0, api_key: ABSKQmVkcm9ja0FQSUtleS1FWEFNUExF}
`)
	code, out, _ := doctor(t, "--config", config, "--json")
	if code != 1 || strings.Count(out, "\n") != 1 {
		t.Errorf("exit code %d and\n%s", code, out)
	}
	var value map[string]any
	if err := json.Unmarshal([]byte(out), &value); err != nil {
		t.Fatal(err)
	}
	if value["healthy"] != false || value["interrupted"] != false {
		t.Errorf("healthy is %v, interrupted %v", value["healthy"], value["interrupted"])
	}
	members := map[string]bool{}
	shape("", value, members)
	got := strings.Join(slices.Sorted(maps.Keys(members)), "\n") + "\n"
	file := filepath.Join("testdata", "doctor-fields.txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s differs (-want +got); -update writes it:\n%s", file, diff)
	}
}

func TestDoctorThatIsInterruptedPrintsWhatItKnows(t *testing.T) {
	emulatedWith(t, emulator.Options{}, "op=ConverseStream stall always")
	r, w := io.Pipe()
	defer r.Close()
	var out bytes.Buffer
	code := make(chan int, 1)
	go func() {
		code <- cli.Main([]string{"doctor", "--all", "--data-dir", t.TempDir()}, &out, w)
		w.Close()
	}()
	text := make([]byte, 1<<10)
	n, err := r.Read(text) // the calls begin
	if err != nil || !strings.Contains(string(text[:n]), "calling models") {
		t.Fatalf("read %q, %v", text[:n], err)
	}
	go func() { _, _ = io.Copy(io.Discard, r) }()
	if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if got := <-code; got != 1 || !strings.Contains(out.String(), "interrupted after ") || !strings.Contains(out.String(), "user/demo") {
		t.Errorf("exit code %d:\n%s", got, out.String())
	}
}

// startLines gives the lines that serve prints before one with a text, and those
// up to one that begins with another.
func startLines(t *testing.T, until string, args ...string) []string {
	t.Helper()
	lines, stop := run(t, append([]string{"serve", "--port", "0", "--data-dir", t.TempDir()}, args...)...)
	after(t, lines, "listening on ")
	var got []string
	for lines.Scan() {
		got = append(got, lines.Text())
		if strings.Contains(lines.Text(), until) {
			break
		}
	}
	if code := stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	return got
}

func TestServeSaysWhoCallsAndWhatIsListed(t *testing.T) {
	emulatedWith(t, emulator.Options{})
	got := strings.Join(startLines(t, "outcrop: found "), "\n")
	if !strings.Contains(got, "outcrop: calling "+os.Getenv("AWS_ENDPOINT_URL")+" (AWS_ENDPOINT_URL) as arn:aws:iam::123456789012:user/demo (the environment) in us-east-1\n") || !regexp.MustCompile(`outcrop: found \d+ models and \d+ inference profiles$`).MatchString(got) {
		t.Errorf("serve says\n%s", got)
	}
}

func TestServeSaysWhatIsWrongInFewLines(t *testing.T) {
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/model/") {
			return
		}
		w.Header().Set("X-Amzn-Errortype", "AccessDeniedException")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"Message":"User: x is not authorized to perform: bedrock:ListInferenceProfiles"}`)
	}))
	defer refusing.Close()
	junk := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "junk") }))
	defer junk.Close()
	for name, url := range map[string]string{"refused": refusing.URL, "junk": junk.URL, "nobody": "http://127.0.0.1:1"} {
		t.Run(name, func(t *testing.T) {
			emulatedWith(t, emulator.Options{})
			t.Setenv("AWS_ENDPOINT_URL", "")
			t.Setenv("AWS_ENDPOINT_URL_STS", url)
			t.Setenv("AWS_ENDPOINT_URL_BEDROCK", url)
			t.Setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", url)
			lines, stop := run(t, "serve", "--port", "0", "--data-dir", t.TempDir())
			after(t, lines, "only this machine can call")
			var said []string
			if lines.Scan() {
				said = append(said, lines.Text())
			}
			code := make(chan int, 1)
			go func() { code <- stop() }()
			for lines.Scan() {
				if strings.Contains(lines.Text(), "stopping") {
					break
				}
				said = append(said, lines.Text())
			}
			if got := <-code; got != 0 {
				t.Errorf("exit code %d", got)
			}
			if len(said) == 0 || len(said) > 5 || !strings.Contains(strings.Join(said, "\n"), "warning: ") {
				t.Errorf("serve says\n%s", strings.Join(said, "\n"))
			}
		})
	}
}

func TestTheDemoSaysItsIdentityInOneLine(t *testing.T) {
	t.Setenv("AWS_REGION", "us-east-1")
	got := startLines(t, "calling the emulator as ", "--demo")
	if last := got[len(got)-1]; !regexp.MustCompile(`^outcrop: calling the emulator as arn:aws:iam::\d+:user/demo in us-east-1; found \d+ models and \d+ inference profiles$`).MatchString(last) {
		t.Errorf("the demo says %q", last)
	}
}
