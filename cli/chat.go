package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"outcrop"
	"outcrop/llm"
)

type chatCommand struct {
	configFlags
	Prompt    string `arg:"" help:"What to ask."`
	Model     string `short:"m" required:"" help:"Model id, profile id, ARN, or a name of the configuration."`
	System    string `short:"s" help:"Instructions for the model."`
	MaxTokens int64  `name:"max-tokens" help:"Limit of the answer, in tokens."`
	Debug     bool   `help:"Log the call."`
}

// Run asks once and prints the answer as it comes.
func (c *chatCommand) Run(ctx context.Context, con console) error {
	cfg, err := c.load(con.err)
	if err != nil {
		return err
	}
	opt := outcrop.Options{Config: cfg}
	if c.Debug {
		opt.Logger = newLogger(con.err, true)
	}
	client, err := outcrop.New(opt)
	if err != nil {
		return err
	}
	req := &outcrop.Request{Model: c.Model, Turns: []outcrop.Turn{outcrop.User(c.Prompt)}}
	if c.System != "" {
		req.System = []outcrop.Block{{Kind: llm.BlockText, Text: c.System}}
	}
	if c.MaxTokens > 0 {
		req.MaxTokens = llm.Some(c.MaxTokens)
	}
	return errors.Join(printStream(ctx, con.out, client, req), client.Close())
}

func printStream(ctx context.Context, w io.Writer, client *outcrop.Client, req *outcrop.Request) error {
	stream, err := client.Stream(ctx, req)
	if err != nil {
		return err
	}
	defer stream.Close()
	var ev outcrop.Event
	for {
		switch err := stream.Next(&ev); {
		case errors.Is(err, io.EOF):
			fmt.Fprintln(w)
			return nil
		case err != nil:
			fmt.Fprintln(w)
			return err
		case ev.Kind == llm.EventDelta && ev.Block == llm.BlockText:
			fmt.Fprint(w, ev.Text)
		}
	}
}
