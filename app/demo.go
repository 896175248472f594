package app

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"outcrop"
	"outcrop/cache"
	"outcrop/config"
	emulator "outcrop/emulator/bedrock"
	"outcrop/gateway"
	"outcrop/provider/bedrock/creds"
)

// demo is the emulator in this process and a client that talks to it.
type demo struct {
	server *emulator.Server
	client *outcrop.Client
	log    *slog.Logger
}

// demoRegion is the region that the demo's calls go to.
const demoRegion = "us-east-1"

// startDemo starts the emulator and a client of cfg that calls it.
func startDemo(ctx context.Context, cfg *config.Config, opt Options, known gateway.Tenants, answers *cache.Cache) (*demo, error) {
	e, err := emulator.New(emulator.Options{Log: opt.Logger})
	if err != nil {
		return nil, err
	}
	d := &demo{server: emulator.NewServer(e), log: opt.Logger}
	if err := d.server.Start(ctx, "127.0.0.1:0"); err != nil {
		return nil, err
	}
	d.client, err = outcrop.New(outcrop.Options{
		Config: d.pointed(cfg), Logger: opt.Logger, Note: "emulator", Tenants: known, Cache: answers,
		Environ: func(name string) string {
			switch name {
			case "AWS_ENDPOINT_URL_BEDROCK", "AWS_ENDPOINT_URL_STS":
				return d.server.URL()
			default:
				return opt.Environ(name)
			}
		},
	})
	if err != nil {
		d.stop()
		return nil, err
	}
	return d, nil
}

// pointed returns the configuration with every Bedrock deployment pointed at the emulator.
func (d *demo) pointed(cfg *config.Config) *config.Config {
	out := *cfg
	out.Models = slices.Clone(cfg.Models)
	for i := range out.Models {
		d.point(&out.Models[i])
	}
	out.Guardrails = slices.Clone(cfg.Guardrails)
	for i := range out.Guardrails {
		d.pointGuardrail(&out.Guardrails[i])
	}
	return &out
}

// pointGuardrail points a guardrail of Bedrock at the emulator.
func (d *demo) pointGuardrail(g *config.Guardrail) {
	if g.Service == nil || g.Service.Bedrock == nil {
		return
	}
	service, own := *g.Service, *g.Service.Bedrock
	own.Credentials = creds.Options{
		AccessKey: emulator.DemoAccessKeyID, SecretKey: string(emulator.DemoSecretAccessKey), NoAPIKey: true, Region: cmp.Or(own.Credentials.Region, demoRegion),
	}
	own.Endpoint = d.server.URL()
	service.Bedrock, g.Service = &own, &service
}

// point points a deployment of Bedrock at the emulator.
func (d *demo) point(m *config.Model) {
	if !m.OnBedrock() {
		return
	}
	values := config.Values{}
	maps.Copy(values, m.Values)
	for _, own := range []string{"api_key", "aws_session_token", "aws_profile_name", "aws_role_name", "api_base"} {
		delete(values, own)
	}
	values["aws_access_key_id"] = emulator.DemoAccessKeyID
	values["aws_secret_access_key"] = string(emulator.DemoSecretAccessKey)
	values["aws_bedrock_runtime_endpoint"] = d.server.URL()
	if m.Provider == "bedrock_mantle" { // before the key in its variable
		values["api_key"] = string(emulator.DemoAPIKey)
	}
	if values["aws_region_name"] == "" {
		values["aws_region_name"] = demoRegion
	}
	m.Values = values
}

func (d *demo) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := d.server.Stop(ctx); err != nil {
		d.log.Warn("the emulator did not stop cleanly", slog.String("error", err.Error()))
	}
}
