package admin

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

func TestOpenAPIHasTheFieldsOfRequests(t *testing.T) {
	text, err := os.ReadFile("../openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct{ Description string }
			}
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	for name, fields := range map[string][]field{
		"KeyRequest": keyFields(), "RegenerateKeyRequest": regenerateFields(), "UserRequest": userFields(), "TeamRequest": teamFields(), "TeamMemberRequest": memberFields(),
		"OrganizationRequest": organizationFields(), "CustomerRequest": customerFields(), "ProjectRequest": projectFields(), "BudgetRequest": budgetFields(), "TagRequest": tagFields(), "AccessGroupRequest": groupFields(), "ModelRequest": modelFields(), "CredentialRequest": credentialFields(),
		"PassThroughEndpointRequest": passThroughFields(), "PolicyRequest": policyFields(), "PolicyAttachmentRequest": attachmentFields(),
	} {
		said := doc.Components.Schemas[name].Properties
		for _, f := range fields {
			p, ok := said[f.name]
			if !ok || f.kept != strings.Contains(p.Description, "Kept for clients; nothing is done by it") {
				t.Errorf("%s: %s is %+v", name, f.name, p)
			}
		}
		if len(said) != len(fields) {
			t.Errorf("%s has %d properties, the request %d fields", name, len(said), len(fields))
		}
	}
}
