package app

import (
	"testing"

	"outcrop/config"
)

func TestWhichDeploymentServesOperationsOfAWSWithoutAModel(t *testing.T) {
	for _, tt := range []struct {
		providers []string // of models that are named as they
		want      string
	}{
		{[]string{"openai", "bedrock", "bedrock_mantle"}, "bedrock"},
		{[]string{"bedrock_mantle", "bedrock"}, "bedrock"}, // the operations are those of bedrock-runtime's control plane
		{[]string{"openai", "bedrock_mantle"}, "bedrock_mantle"},
		{[]string{"openai"}, ""},
	} {
		cfg := &config.Config{}
		for _, name := range tt.providers {
			cfg.Models = append(cfg.Models, config.Model{Name: name, Provider: name})
		}
		if got := firstBedrock(cfg); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.providers, got, tt.want)
		}
	}
}
