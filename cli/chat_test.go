package cli

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"

	"outcrop"
	emulator "outcrop/emulator/bedrock"
	"outcrop/llm"
)

// emulatedClient is a client of an emulator.
func emulatedClient(t *testing.T) *outcrop.Client {
	t.Helper()
	e, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := emulator.NewServer(e)
	if err := server.Start(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop(context.Background()) })
	client, err := outcrop.New(outcrop.Options{Environ: func(name string) string {
		return map[string]string{
			"AWS_ENDPOINT_URL": server.URL(), "AWS_REGION": "us-east-1",
			"AWS_ACCESS_KEY_ID": emulator.DemoAccessKeyID, "AWS_SECRET_ACCESS_KEY": string(emulator.DemoSecretAccessKey),
		}[name]
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func TestAConversationKeepsWhatWasSaid(t *testing.T) {
	var out, errs bytes.Buffer
	c := talk{con: console{out: &out, err: &errs}, client: emulatedClient(t), announced: map[llm.Warning]bool{}}
	c.req.Model = "nova-lite"
	if err := c.converse(t.Context(), strings.NewReader("What is granite?\n\nAnd basalt?\n/bye\nnever asked\n")); err != nil {
		t.Fatal(err)
	}
	if len(c.req.Turns) != 4 || c.req.Turns[1].Role != llm.RoleAssistant || c.req.Turns[1].Blocks[0].Text != "You said: What is granite?" {
		t.Errorf("what is kept is %+v", c.req.Turns)
	}
	if got := out.String(); !strings.HasPrefix(got, "You said: What is granite?\nYou said: And basalt?") || strings.Contains(got, "never") {
		t.Errorf("the model answers %q", got)
	}
}

func TestAConversationGoesOnAfterAFailure(t *testing.T) {
	var out, errs bytes.Buffer
	c := talk{con: console{out: &out, err: &errs}, client: emulatedClient(t), announced: map[llm.Warning]bool{}}
	c.req.Model = "nova-lite"
	if err := c.converse(t.Context(), strings.NewReader("[[fault: cut=end after=1]] What is granite?\nAnd basalt?\n")); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(errs.String(), "error:") || !strings.Contains(out.String(), "You said: And basalt?") || len(c.req.Turns) != 2 {
		t.Errorf("%d turns\n%s%s", len(c.req.Turns), out.String(), errs.String())
	}
}

func TestWarningsAreShownOnce(t *testing.T) {
	var errs bytes.Buffer
	c := talk{con: console{out: &errs, err: &errs}, announced: map[llm.Warning]bool{}}
	r := reply{text: "x", meta: llm.Meta{Warnings: []llm.Warning{{Code: llm.WarnDropped, Field: "top_k", Detail: "not supported together with reasoning"}}}}
	c.notes(&r, 0)
	c.notes(&r, 0)
	if got := errs.String(); got != "outcrop: warning: top_k was dropped: not supported together with reasoning\n" {
		t.Errorf("got %q", got)
	}
}

// until reads up to and including a text.
func until(t *testing.T, r io.Reader, text string) {
	t.Helper()
	var seen []byte
	for b := make([]byte, 1); !strings.HasSuffix(string(seen), text); seen = append(seen, b...) {
		if _, err := io.ReadFull(r, b); err != nil {
			t.Fatalf("%v after %q, before %q", err, seen, text)
		}
	}
}

func TestCtrlCEndsAnAnswerAndThenTheConversation(t *testing.T) {
	in, typing := io.Pipe()
	defer typing.Close()
	shown, show := io.Pipe()
	c := talk{con: console{out: show, err: show}, client: emulatedClient(t), announced: map[llm.Warning]bool{}}
	c.req.Model = "nova-lite"
	ended := make(chan error, 1)
	go func() {
		ended <- c.converseUntilInterrupted(t.Context(), in)
		_ = show.Close()
	}()
	until(t, shown, "> ")
	go func() { _, _ = io.WriteString(typing, "[[fault: stall after=3]] [[words: 100]]\n") }()
	until(t, shown, "granite") // the answer has begun
	if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	until(t, shown, "(interrupted; press Ctrl-C again to end the conversation)\n> ")
	go func() { _, _ = io.WriteString(typing, "And basalt?\n") }()
	until(t, shown, "You said: And basalt?\n> ")
	if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, shown) }()
	if err := <-ended; err != nil || len(c.req.Turns) != 2 {
		t.Errorf("%v, %d turns", err, len(c.req.Turns))
	}
}

func TestAConversationHasCommands(t *testing.T) {
	for _, end := range []string{"/exit", "/bye"} {
		var out, errs bytes.Buffer
		c := talk{con: console{out: &out, err: &errs}, client: emulatedClient(t), announced: map[llm.Warning]bool{}}
		c.req.Model = "nova-lite"
		if err := c.converse(t.Context(), strings.NewReader("/help\n/?\n/clear\n/etc is what?\n"+end+"\nnever asked\n")); err != nil {
			t.Fatal(err)
		}
		if out.String() != "You said: /etc is what?\n" || strings.Count(errs.String(), commandHelp) != 2 || !strings.Contains(errs.String(), "unknown command /clear") {
			t.Errorf("%s%s", out.String(), errs.String())
		}
	}
}
