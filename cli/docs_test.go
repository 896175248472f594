package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"outcrop/cli"
	emulator "outcrop/emulator/bedrock"
	"outcrop/provider/bedrock/catalog"
)

// pages are the README and the guides by their paths.
func pages(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, name := range append(names, "../README.md", "../CONTRIBUTING.md") {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(text)
	}
	return texts
}

// blocks are a page's fenced blocks in a language.
func blocks(page, language string) []string {
	var found []string
	for _, m := range regexp.MustCompile("(?ms)^ *```"+language+"\n(.*?)^ *```").FindAllStringSubmatch(page, -1) {
		found = append(found, m[1])
	}
	return found
}

// TestConfigurationsOfTheGuidesAreGood: every file that a guide shows is complete, and
// config check has nothing to say about it.
func TestConfigurationsOfTheGuidesAreGood(t *testing.T) {
	profiles := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(profiles, []byte("[profile work]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CONFIG_FILE", profiles)
	t.Setenv("LITELLM_MASTER_KEY", "sk-0123456789abcdef0123456789abcdef")
	t.Setenv("DATABASE_URL", "postgres://outcrop@db.example/outcrop")
	t.Setenv("EXTERNAL_ID", "tea-42")
	t.Setenv("TEAM_A_SECRET", "secret-of-the-test")
	t.Setenv("OPENAI_API_KEY", "sk-a-key-for-this-test")
	t.Setenv("GEMINI_API_KEY", "a-key-for-this-test")
	t.Setenv("BEDROCK_API_KEY", "ABSKa-key-for-this-test")
	checked := 0
	for name, page := range pages(t) {
		for i, text := range blocks(page, "yaml") {
			if !strings.HasPrefix(text, "# config.yaml\n") {
				continue // a manifest, or part of one
			}
			checked++
			file := filepath.Join(t.TempDir(), fmt.Sprintf("%s-%d.yaml", filepath.Base(name), i))
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			var stdout, stderr bytes.Buffer
			if code := cli.Main([]string{"config", "check", file}, &stdout, &stderr); code != 0 || stderr.Len() > 0 || !strings.Contains(stdout.String(), ": no problems, ") {
				t.Errorf("block %d of %s: exit code %d\n%s%s", i, name, code, stdout.String(), stderr.String())
			}
		}
	}
	if checked < 8 {
		t.Errorf("only %d configurations were found", checked)
	}
}

// TestTheExampleOfTheDoctorIsCurrent compares the lists in docs/doctor.md with those that the command prints.
func TestTheExampleOfTheDoctorIsCurrent(t *testing.T) {
	emulatedWith(t, emulator.Options{})
	page, err := os.ReadFile("../docs/doctor.md")
	if err != nil {
		t.Fatal(err)
	}
	_, out, _ := doctor(t, "--free")
	_, lists, _ := strings.Cut(out, "lists\n")
	lists, _, _ = strings.Cut(lists, "\n\n")
	if strings.Count(lists, "  ok  ") != 4 || !strings.Contains(string(page), lists) {
		t.Errorf("docs/doctor.md does not have\n%s", lists)
	}
}

// TestCommandsOfTheGuidesExist: the commands and flags that the guides show are ones
// that outcrop has.
func TestCommandsOfTheGuidesExist(t *testing.T) {
	checked := 0
	for name, page := range pages(t) {
		for _, block := range blocks(page, "bash") {
			for line := range strings.Lines(block) {
				command, found := strings.CutPrefix(strings.TrimSpace(line), "outcrop ")
				if !found {
					continue
				}
				checked++
				var stdout, stderr bytes.Buffer
				if code := cli.Main(append(words(command), "--help"), &stdout, &stderr); code != 0 {
					t.Errorf("%s: outcrop %s\n%s", name, command, stderr.String())
				}
			}
		}
	}
	if checked < 20 {
		t.Errorf("only %d commands were found", checked)
	}
}

// words splits a command line up to a comment or a redirection, as a shell does with
// quotes.
func words(line string) []string {
	var out []string
	for _, m := range regexp.MustCompile(`'[^']*'|"[^"]*"|\S+`).FindAllString(line, -1) {
		if strings.ContainsAny(m[:1], "#>|&;") {
			break
		}
		out = append(out, strings.Trim(m, `'"`))
	}
	return out
}

// TestLinksOfTheDocumentationLeadSomewhere: files that pages link to are there, and
// have the headings that are linked to.
func TestLinksOfTheDocumentationLeadSomewhere(t *testing.T) {
	texts := pages(t)
	for name, page := range texts {
		prose := regexp.MustCompile("(?s)```.*?```|`[^`\n]*`").ReplaceAllString(page, "")
		for _, m := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(prose, -1) {
			path, heading, _ := strings.Cut(m[1], "#")
			if strings.Contains(path, "://") {
				continue
			}
			target := name
			if path != "" {
				target = filepath.ToSlash(filepath.Join(filepath.Dir(name), path))
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: the link %s leads nowhere: %v", name, m[1], err)
			}
			if text, known := texts[target]; known && heading != "" && !slices.Contains(anchors(text), heading) {
				t.Errorf("%s: the link %s leads to no heading", name, m[1])
			}
		}
	}
}

// anchors are a page's headings as GitHub makes links of them.
func anchors(page string) []string {
	var out []string
	prose := regexp.MustCompile("(?s)```.*?```").ReplaceAllString(page, "")
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(prose, -1) {
		plain := regexp.MustCompile(`[^\w\- ]`).ReplaceAllString(strings.ToLower(m[1]), "")
		out = append(out, strings.ReplaceAll(plain, " ", "-"))
	}
	return out
}

// TestExamplesNameModelsThatAreCurrent: what a reader copies is a model that is known and that neither AWS nor
// its maker has announced the end of. The pages of evidence show what happens with any model.
func TestExamplesNameModelsThatAreCurrent(t *testing.T) {
	known := catalog.Embedded()
	// those that Anthropic's SDK for Python, 2.14.0, warns of, in anthropic/_data/deprecated_models.py
	deprecated := []string{"anthropic.claude-opus-4-5-20251101-v1:0", "anthropic.claude-sonnet-4-5-20250929-v1:0"}
	evidence := []string{"../docs/model-ids.md", "../docs/litellm-differences.md", "../docs/refusals.md"}
	named := regexp.MustCompile(`\b(?:anthropic\.)?claude-(?:fable|haiku|opus|sonnet|[0-9])[-a-z0-9:]*[a-z0-9]`)
	checked := 0
	for name, page := range pages(t) {
		if slices.Contains(evidence, name) {
			continue
		}
		for _, block := range blocks(page, "[a-z]*") {
			for _, id := range named.FindAllString(block, -1) {
				base, friendly := known.Friendly(id)
				if !friendly {
					base = id
				}
				m, ok := known.Model(base)
				switch {
				case !ok && strings.Contains(block, `"id": "`+id), !ok && strings.Contains(id, "-next-"): // made up
				case !ok:
					t.Errorf("%s names %s, which is unknown", name, id)
				case m.Lifecycle.IsLegacy(time.Now()) == catalog.Yes, slices.Contains(deprecated, base):
					t.Errorf("%s names %s, whose end is announced", name, id)
				}
				checked++
			}
		}
	}
	if checked < 20 {
		t.Errorf("only %d names were found", checked)
	}
}
