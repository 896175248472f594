package outcrop_test

import (
	"os"
	"testing"

	"outcrop/e2e/botomodel"
)

// judge holds what these tests send to Bedrock against AWS's service model.
var judge botomodel.Judge

func TestMain(m *testing.M) { os.Exit(judge.Over(m, os.Stderr).Run()) }
