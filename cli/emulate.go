package cli

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	emulator "outcrop/emulator/bedrock"
	"outcrop/emulator/bedrock/account"
	"outcrop/emulator/bedrock/fault"
)

type emulateBedrockCommand struct {
	Host           string `default:"127.0.0.1" help:"Address to listen on."`
	Port           int    `default:"4510" help:"Port to listen on; 0 for any free port."`
	AnyCredentials bool   `help:"Accept every signature and API key without verifying it."`

	Account          string   `placeholder:"FILE" help:"JSON file that describes the account: users and roles with their policies, an organization, access to models. See docs/emulator.md."`
	Fault            []string `sep:"none" placeholder:"FAULT" help:"Inject this fault: throttle, 'unavailable first', 'cut=reset after=3', 'latency=2s rate=50', ... Can be repeated; the faults apply in turn."`
	Recordings       string   `type:"existingdir" placeholder:"DIR" help:"Folder of recorded exchanges; a request that equals a recorded one gets the recorded response."`
	StrictRecordings bool     `help:"Reject requests without a recorded response."`
	Seed             uint64   `help:"Seed of generated values, which are otherwise the same in every run."`
	Debug            bool     `help:"Log every request."`
}

// Run serves the emulator until a signal arrives.
func (c *emulateBedrockCommand) Run(ctx context.Context, con console) error {
	if err := checkPort(c.Port); err != nil {
		return err
	}
	opt := emulator.Options{AnyCredentials: c.AnyCredentials, Recordings: c.Recordings, StrictRecordings: c.StrictRecordings, Seed: c.Seed}
	for _, text := range c.Fault {
		f, err := fault.Parse(text)
		if err != nil {
			return fmt.Errorf("--fault: %w", err)
		}
		opt.Faults = append(opt.Faults, f)
	}
	if c.Account != "" {
		data, err := os.ReadFile(c.Account)
		if err != nil {
			return &usageError{"--account: " + err.Error(), "The file must be JSON with users, roles and policies; see the example in docs/emulator.md."}
		}
		if opt.Setup, err = account.Parse(data); err != nil {
			return fmt.Errorf("--account %s: %w", c.Account, err)
		}
	}
	if c.Debug {
		opt.Log = newLogger(con.err, true, styleOf(con.err, logAuto))
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

  export AWS_ENDPOINT_URL=%s AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1
  export AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s

`, server.URL(), server.URL(), emulator.DemoAccessKeyID, string(emulator.DemoSecretAccessKey))
	<-ctx.Done()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	return server.Stop(stop)
}
