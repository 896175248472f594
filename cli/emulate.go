package cli

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	emulator "outcrop/emulator/bedrock"
)

type emulateBedrockCommand struct {
	Host           string `default:"127.0.0.1" help:"Address to listen on."`
	Port           int    `default:"4510" help:"Port to listen on; 0 takes a free one."`
	AnyCredentials bool   `help:"Take every signature and API key without verifying it."`
	Debug          bool   `help:"Log every request."`
}

// Run serves the emulator until a signal comes.
func (c *emulateBedrockCommand) Run(ctx context.Context, con console) error {
	opt := emulator.Options{AnyCredentials: c.AnyCredentials}
	if c.Debug {
		opt.Log = newLogger(con.err, true)
	}
	e, err := emulator.New(opt)
	if err != nil {
		return err
	}
	server := emulator.NewServer(e)
	if err := server.Start(ctx, net.JoinHostPort(c.Host, strconv.Itoa(c.Port))); err != nil {
		return err
	}
	fmt.Fprintf(con.out, `outcrop: emulating AWS Bedrock on %s

  export AWS_ENDPOINT_URL=%s AWS_REGION=us-east-1
  export AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s

`, server.URL(), server.URL(), emulator.DemoAccessKeyID, string(emulator.DemoSecretAccessKey))
	<-ctx.Done()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	return server.Stop(stop)
}
