// Package iam knows the policies that AWS judges calls to Bedrock by: what a call
// needs (Needs), what is missing when one was refused (Missing), and what is wrong
// with a policy that somebody has written (Lint). It is pure: it reads catalogue
// and policy, and asks nobody.
//
// A call through an inference profile is judged several times, once for the
// profile and once for the model in every region that may serve it, and one
// refusal refuses the call
// (https://docs.aws.amazon.com/bedrock/latest/userguide/geographic-cross-region-inference.html,
// https://docs.aws.amazon.com/bedrock/latest/userguide/global-cross-region-inference.html).
package iam

import (
	"strings"

	"outcrop/internal/jsonx"
)

// Version is the version of the policy language that everything here is written
// in; the older one has no policy variables
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html).
const Version = "2012-10-17"

// Effects of a statement. IAM is strict about their letter case.
const (
	Allow = "Allow"
	Deny  = "Deny"
)

// Statement is one statement of a policy
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_statement.html).
type Statement struct {
	// Sid names the statement within its document: letters and digits only.
	Sid string
	// Effect is Allow or Deny.
	Effect string
	// Principal is * in the policy of a VPC endpoint, and empty in those of users and
	// roles.
	Principal string
	// Actions are such as bedrock:InvokeModel, and Resources ARNs or *.
	Actions, Resources []string
	// Conditions must all hold.
	Conditions []Condition
}

// Condition holds if the key's value in the request compares with one of Values.
type Condition struct {
	Operator, Key string // such as StringEquals and aws:RequestedRegion
	Values        []string
}

// JSON is the statement as IAM writes it, in one line: a list of one is a string,
// and what is empty is left out.
func (s *Statement) JSON() []byte {
	var w jsonx.Writer
	s.write(&w)
	return w.Buf
}

func (s *Statement) write(w *jsonx.Writer) {
	w.Object()
	if s.Sid != "" {
		w.Key("Sid")
		w.String(s.Sid)
	}
	w.Key("Effect")
	w.String(s.Effect)
	if s.Principal != "" {
		w.Key("Principal")
		w.String(s.Principal)
	}
	w.Key("Action")
	writeList(w, s.Actions)
	w.Key("Resource")
	writeList(w, s.Resources)
	if len(s.Conditions) > 0 {
		w.Key("Condition")
		writeConditions(w, s.Conditions)
	}
	w.EndObject()
}

// writeConditions groups the conditions by operator, each where it is first met.
func writeConditions(w *jsonx.Writer, all []Condition) {
	w.Object()
	for i, c := range all {
		if operatorBefore(all[:i], c.Operator) {
			continue
		}
		w.AnyKey(c.Operator)
		w.Object()
		for _, other := range all[i:] {
			if other.Operator == c.Operator {
				w.AnyKey(other.Key)
				writeList(w, other.Values)
			}
		}
		w.EndObject()
	}
	w.EndObject()
}

func operatorBefore(all []Condition, operator string) bool {
	for _, c := range all {
		if c.Operator == operator {
			return true
		}
	}
	return false
}

func writeList(w *jsonx.Writer, list []string) {
	if len(list) == 1 {
		w.String(list[0])
		return
	}
	w.Array()
	for _, s := range list {
		w.String(s)
	}
	w.EndArray()
}

// Document is a policy: its statements, in the language of Version.
type Document []Statement

// JSON is the document as IAM takes it, indented, with a line break at its end.
func (d Document) JSON() []byte {
	var w jsonx.Writer
	w.Object()
	w.Key("Version")
	w.String(Version)
	w.Key("Statement")
	w.Array()
	for i := range d {
		d[i].write(&w)
	}
	w.EndArray()
	w.EndObject()
	return append(indent(w.Buf), '\n')
}

// indent spreads JSON without white space over lines, two spaces a level.
func indent(compact []byte) []byte {
	const spaces = "                                "
	out := make([]byte, 0, 2*len(compact))
	level, inside := 0, false
	line := func() {
		out = append(out, '\n')
		out = append(out, spaces[:min(2*level, len(spaces))]...)
	}
	for i := 0; i < len(compact); i++ {
		c := compact[i]
		switch {
		case inside:
			out = append(out, c)
			switch c {
			case '\\':
				i++
				out = append(out, compact[i])
			case '"':
				inside = false
			}
		case c == '"':
			inside = true
			out = append(out, c)
		case (c == '{' || c == '[') && (compact[i+1] == '}' || compact[i+1] == ']'):
			out = append(out, c, compact[i+1])
			i++
		case c == '{' || c == '[':
			level++
			out = append(out, c)
			line()
		case c == '}' || c == ']':
			level--
			line()
			out = append(out, c)
		case c == ',':
			out = append(out, c)
			line()
		case c == ':':
			out = append(out, c, ' ')
		default:
			out = append(out, c)
		}
	}
	return out
}

// Terraform is the document as a data source aws_iam_policy_document with the
// given name, whose attribute json is the policy
// (https://registry.terraform.io/providers/hashicorp/aws/latest/docs/data-sources/iam_policy_document).
// Characters that a name in Terraform cannot have become underscores. The layout
// is that of terraform fmt.
func (d Document) Terraform(name string) []byte {
	var b strings.Builder
	b.WriteString(`data "aws_iam_policy_document" ` + hclString(hclName(name)) + " {\n")
	for i := range d {
		if i > 0 {
			b.WriteByte('\n')
		}
		d[i].hcl(&b)
	}
	b.WriteString("}\n")
	return []byte(b.String())
}

func (s *Statement) hcl(b *strings.Builder) {
	b.WriteString("  statement {\n")
	if s.Sid != "" {
		b.WriteString("    sid    = " + hclString(s.Sid) + "\n")
	}
	b.WriteString("    effect = " + hclString(s.Effect) + "\n")
	if s.Principal != "" {
		b.WriteString("\n    principals {\n      type        = \"*\"\n      identifiers = [" + hclString(s.Principal) + "]\n    }\n")
	}
	b.WriteByte('\n')
	hclList(b, "actions", s.Actions)
	b.WriteByte('\n')
	hclList(b, "resources", s.Resources)
	for _, c := range s.Conditions {
		b.WriteString("\n    condition {\n      test     = " + hclString(c.Operator) + "\n      variable = " + hclString(c.Key) + "\n      values = [\n")
		for _, v := range c.Values {
			b.WriteString("        " + hclString(v) + ",\n")
		}
		b.WriteString("      ]\n    }\n")
	}
	b.WriteString("  }\n")
}

func hclList(b *strings.Builder, name string, list []string) {
	b.WriteString("    " + name + " = [\n")
	for _, s := range list {
		b.WriteString("      " + hclString(s) + ",\n")
	}
	b.WriteString("    ]\n")
}

// hclString quotes a string as a template without expressions: ${ and %{ begin
// them, and are written with the sign doubled
// (https://developer.hashicorp.com/terraform/language/expressions/strings). A
// policy variable such as ${aws:username} thus stays one of IAM's.
func hclString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "${", "$${", "%{", "%%{").Replace(s) + `"`
}

// hclName makes an identifier of a name.
func hclName(name string) string {
	var b strings.Builder
	for i, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '_':
			b.WriteRune(r)
		case i > 0 && (r == '-' || r >= '0' && r <= '9'):
			b.WriteRune(r)
		default:
			b.WriteByte('_')
		}
	}
	if b.Len() == 0 {
		return "_"
	}
	return b.String()
}
