package iam

import (
	_ "embed" // the list of actions
	"strings"

	"outcrop/internal/levenshtein"
)

// actionNames are names of actions of the service prefix bedrock, one a line: the
// operations of AWS's service models of bedrock, bedrock-runtime, bedrock-agent and
// bedrock-agent-runtime, without those that are judged by another action, and
// names from AWS's managed policies and console that are no such operation
// (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html
// has those in force). The list only serves to tell a misspelt action: one that is
// not here and looks like none of these is left alone.
//
//go:embed actions.txt
var actionNames string

// judgedBy has the operations that need another action than that of their name
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
// and the pages of the others).
func judgedBy(operation string) (action string, ok bool) {
	switch strings.ToLower(operation) {
	case "converse", "startasyncinvoke", "invokemodelwithbidirectionalstream":
		return InvokeModel, true
	case "conversestream":
		return InvokeModelStream, true
	case "retrieveandgeneratestream":
		return "bedrock:RetrieveAndGenerate", true
	}
	return "", false
}

// knownAction reports whether a name, or pattern, without prefix is or matches an
// action. Letter case is of no matter in actions
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html).
func knownAction(name string) bool {
	for known := range strings.Lines(actionNames) {
		if matchFold(name, strings.TrimSuffix(known, "\n")) {
			return true
		}
	}
	return false
}

// nearest gives the word that is fewest changes away from s, letter case apart;
// empty if every one is more than one change in eight letters away, and for what is
// longer than any word could be.
func nearest(s string, words []string) string {
	if len(s) > 100 {
		return ""
	}
	best, least := "", len(s)/8+2
	for _, w := range words {
		if d := levenshtein.Distance(strings.ToLower(s), strings.ToLower(w)); d < least {
			best, least = w, d
		}
	}
	return best
}

func nearestAction(name string) string {
	return nearest(name, strings.Fields(actionNames))
}
