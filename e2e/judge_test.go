package e2e

import (
	"os"
	"testing"

	"outcrop/e2e/botomodel"
)

// judge holds what the gateways of these tests send to Bedrock against AWS's
// service model, when all tests are done.
var judge botomodel.Judge

func TestMain(m *testing.M) { os.Exit(judge.Over(m).Run()) }
