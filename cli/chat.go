package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"outcrop"
	"outcrop/config"
	"outcrop/llm"
)

type chatCommand struct {
	configFlags
	Prompt    []string `arg:"" optional:"" help:"The question. Piped standard input is appended to it, or replaces an argument -. Without a question, it is read from standard input; on a terminal, a conversation starts."`
	Model     string   `short:"m" env:"OUTCROP_MODEL" help:"Model id, profile id, ARN, or a name from the configuration. Default: the first name in the configuration, or nova-lite."`
	System    string   `short:"s" help:"System prompt."`
	MaxTokens *int64   `name:"max-tokens" help:"Maximum length of the answer, in tokens; at least 1."`
	Verbose   bool     `short:"v" help:"Print the model, the tokens and the cost after each answer."`
	Debug     bool     `help:"Log the call."`

	in io.Reader // standard input, unless a test sets it
}

// maxInput bounds what is read from standard input, in bytes.
const maxInput = 32 << 20

// namesHint is the fix of the error of package route for a name that is not configured.
const namesHint = "GET /v1/models lists the configured names."

// Run asks a question and prints the answer as it arrives, or starts a conversation.
func (c *chatCommand) Run(ctx context.Context, con console) error {
	if c.MaxTokens != nil && *c.MaxTokens < 1 {
		return &usageError{fmt.Sprintf("--max-tokens must be 1 or more, not %d", *c.MaxTokens), "Omit it to use the model's own limit."}
	}
	c.in = cmp.Or[io.Reader](c.in, os.Stdin)
	_, terminal := terminalOf(c.in)
	prompt, err := c.prompt(terminal)
	if err != nil {
		return err
	}
	cfg, err := c.load(ctx, con.err)
	if err != nil {
		return err
	}
	opt := outcrop.Options{Config: cfg}
	if c.Debug {
		opt.Logger = newLogger(con.err, true, styleOf(con.err, logAuto))
	}
	client, err := outcrop.New(opt)
	if err != nil {
		return err
	}
	t := talk{con: con, client: client, screen: screenOf(con.err), verbose: c.Verbose, announced: map[llm.Warning]bool{}}
	t.req.Model = cmp.Or(c.Model, defaultModel(cfg))
	if c.System != "" {
		t.req.System = []outcrop.Block{{Kind: llm.BlockText, Text: c.System}}
	}
	if c.MaxTokens != nil {
		t.req.MaxTokens = llm.Some(*c.MaxTokens)
	}
	if prompt == "" {
		return errors.Join(t.converseUntilInterrupted(ctx, c.in), client.Close())
	}
	err = t.ask(ctx, prompt)
	if e, ok := errors.AsType[*llm.Error](err); ok && e.Fix == namesHint { // a hint for clients of a server
		e.Fix = "Run outcrop models to list the names."
		if c.ConfigFile != "" {
			e.Fix = "Run outcrop models -c " + c.ConfigFile + " to list the configured names."
		}
	}
	if ctx.Err() != nil {
		err = errInterrupted
	}
	return errors.Join(err, client.Close())
}

// prompt returns the question; empty for a conversation.
func (c *chatCommand) prompt(terminal bool) (string, error) {
	words := slices.Clone(c.Prompt)
	at := slices.Index(words, "-")
	if len(words) == 0 && terminal {
		return "", nil
	}
	piped := len(words) > 0 && at < 0 && holdsData(c.in)
	if len(words) == 0 || at >= 0 || piped {
		data, err := io.ReadAll(io.LimitReader(c.in, maxInput+1))
		if err != nil {
			return "", fmt.Errorf("standard input: %w", err)
		}
		if len(data) > maxInput {
			return "", &usageError{fmt.Sprintf("standard input is larger than %d MiB", maxInput>>20), ""}
		}
		text := strings.TrimRight(string(data), "\n")
		switch {
		case piped:
			words = append(words, "\n\n"+text)
		case at < 0:
			words = []string{text}
		default:
			words[at] = "\n\n" + text
		}
	}
	prompt := strings.TrimSpace(strings.ReplaceAll(strings.Join(words, " "), " \n\n", "\n\n"))
	if prompt == "" {
		return "", &usageError{"the question is empty", `For example: outcrop chat "What is granite?"`}
	}
	return prompt, nil
}

// holdsData reports whether standard input is a pipe or a file, whose content belongs to
// the question. A device, such as a terminal or /dev/null, does not count.
func holdsData(in io.Reader) bool {
	f, ok := in.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && (info.Mode().IsRegular() || info.Mode()&os.ModeNamedPipe != 0)
}

// defaultModel returns the model to use without --model: the first name in the
// configuration without a wildcard, or else a small model that a wildcard matches.
func defaultModel(cfg *config.Config) string {
	const small = "nova-lite"
	for i := range cfg.Models {
		if name := cfg.Models[i].Name; cfg.Models[i].Team == "" && !strings.Contains(name, "*") {
			return name
		}
	}
	for i := range cfg.Models {
		if name := cfg.Models[i].Name; name != "*" {
			if slices.ContainsFunc(cfg.Models, func(m config.Model) bool { return m.Name == "*" }) {
				break
			}
			return strings.Replace(name, "*", small, 1)
		}
	}
	return small
}

// talk is a conversation with a model.
type talk struct {
	con       console
	client    *outcrop.Client
	screen    screen
	verbose   bool
	req       outcrop.Request
	announced map[llm.Warning]bool // warnings that have been shown
	// interrupts ends the current answer, or else the conversation. It may be nil.
	interrupts <-chan os.Signal
}

// converseUntilInterrupted holds a conversation in which Ctrl-C ends the current answer,
// or the conversation if no answer is in progress. SIGTERM always ends it.
func (t *talk) converseUntilInterrupted(ctx context.Context, in io.Reader) error {
	ctx, cancel := signal.NotifyContext(context.WithoutCancel(ctx), syscall.SIGTERM)
	defer cancel()
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	t.interrupts = interrupts
	err := t.converse(ctx, in)
	if ctx.Err() != nil {
		return errInterrupted
	}
	return err
}

// askUntilInterrupted is like ask, and reports whether an interrupt ended the answer.
func (t *talk) askUntilInterrupted(ctx context.Context, prompt string) (interrupted bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		select {
		case <-t.interrupts:
			interrupted = true
			cancel()
		case <-ctx.Done():
		}
	})
	err = t.ask(ctx, prompt)
	cancel()
	watching.Wait()
	return interrupted, err
}

// commandHelp describes the commands of a conversation.
const commandHelp = "/help or /?: show this list\n/exit, /bye or Ctrl-D: end the conversation\nCtrl-C: end the current answer, or the conversation if there is none"

// endsTalk reports whether a line ends the conversation.
func endsTalk(line string) bool {
	return slices.Contains([]string{"/bye", "/exit", "/quit", "exit", "quit"}, line)
}

// converse sends each line of the input as a question, until the input ends.
func (t *talk) converse(ctx context.Context, in io.Reader) error {
	fmt.Fprintln(t.con.err, t.screen.paint(faint, "Chatting with "+t.req.Model+"; press Ctrl-D or type /bye to end, /help for help."))
	lines, ended := make(chan string), make(chan error, 1)
	go func() { // ends with the input or the process: a blocked read from a terminal cannot be cancelled
		defer close(lines)
		scanner := bufio.NewScanner(in)
		scanner.Buffer(nil, maxInput)
		for scanner.Scan() {
			select {
			case lines <- scanner.Text():
			case <-ctx.Done():
				return
			}
		}
		ended <- scanner.Err()
	}()
	for {
		fmt.Fprint(t.con.err, t.screen.paint(bold, "> "))
		select {
		case <-ctx.Done():
			fmt.Fprintln(t.con.err)
			return nil
		case <-t.interrupts:
			fmt.Fprintln(t.con.err)
			return nil
		case line, ok := <-lines:
			line = strings.TrimSpace(line)
			switch {
			case !ok:
				fmt.Fprintln(t.con.err)
				return <-ended
			case endsTalk(line):
				return nil
			case line == "":
				continue
			case line == "/help" || line == "/?":
				fmt.Fprintln(t.con.err, commandHelp)
				continue
			case strings.HasPrefix(line, "/") && len(strings.Fields(line)) == 1:
				warn(t.con.err, "unknown command "+line, "Type /help for a list. A question may start with / if it has more than one word.")
				continue
			}
			switch interrupted, err := t.askUntilInterrupted(ctx, line); {
			case ctx.Err() != nil:
			case interrupted:
				fmt.Fprintln(t.con.err, t.screen.paint(faint, "(interrupted; press Ctrl-C again to end the conversation)"))
			case err != nil:
				failed(t.con.err, err) // the next question may succeed
			}
		}
	}
}

// ask sends one question, and keeps question and answer as context of the next.
func (t *talk) ask(ctx context.Context, prompt string) error {
	req := t.req
	req.Turns = append(slices.Clone(t.req.Turns), outcrop.User(prompt))
	start := time.Now()
	a, err := t.answer(ctx, &req)
	if err != nil {
		return err
	}
	t.req.Turns = append(req.Turns, outcrop.Turn{Role: llm.RoleAssistant, Blocks: []outcrop.Block{{Kind: llm.BlockText, Text: a.text}}})
	t.notes(&a, time.Since(start))
	return nil
}

// reply is an answer with its metadata.
type reply struct {
	text  string
	meta  llm.Meta
	stop  llm.StopReason
	usage llm.Usage
}

// answer makes the call and prints the text as it arrives.
func (t *talk) answer(ctx context.Context, req *outcrop.Request) (reply, error) {
	stream, err := t.client.Stream(ctx, req)
	if err != nil {
		return reply{}, err
	}
	defer stream.Close()
	var r reply
	var text strings.Builder
	thinking := false
	var ev outcrop.Event
	for {
		switch err := stream.Next(&ev); {
		case errors.Is(err, io.EOF):
			fmt.Fprintln(t.con.out)
			r.text, r.meta = text.String(), *stream.Meta()
			return r, nil
		case err != nil:
			fmt.Fprintln(t.con.out)
			return r, err
		case ev.Kind == llm.EventDelta && ev.Block == llm.BlockText:
			if thinking && text.Len() == 0 {
				fmt.Fprintln(t.con.err)
			}
			text.WriteString(ev.Text)
			fmt.Fprint(t.con.out, ev.Text)
		case ev.Kind == llm.EventDelta && ev.Block == llm.BlockReasoning && t.verbose:
			thinking = true
			fmt.Fprint(t.con.err, t.screen.paint(faint, ev.Text))
		case ev.Kind == llm.EventStop:
			r.stop = ev.Stop
		case ev.Kind == llm.EventUsage && ev.Usage != nil:
			r.usage = *ev.Usage
		}
	}
}

// notes prints what the answer itself does not show: that it was cut off, what was
// changed or dropped, and with --verbose or on a terminal its cost.
func (t *talk) notes(r *reply, took time.Duration) {
	w := t.con.err
	switch r.stop {
	case llm.StopMaxTokens:
		warn(w, "the answer was cut off at the token limit", "Raise the limit with --max-tokens.")
	case llm.StopContextWindow:
		warn(w, "the answer was cut off because the model's context window is full", "Start a new conversation, or use a model with a larger context window.")
	case llm.StopFiltered:
		warn(w, "the answer was filtered or cut off by a guardrail", "")
	case llm.StopToolUse, llm.StopMalformed:
		warn(w, "the model tried to call a tool, but outcrop chat offers no tools", "")
	default:
		if r.text == "" {
			warn(w, "the model returned an empty answer", "")
		}
	}
	for _, warning := range r.meta.Warnings {
		if t.announced[warning] {
			continue
		}
		t.announced[warning] = true
		warn(w, warningText(warning), "")
	}
	if _, terminal := terminalOf(t.con.out); !t.verbose && (!terminal || !t.screen.terminal) {
		return
	}
	parts := []string{r.meta.Destination.ID + " in " + r.meta.Destination.Region, took.Round(time.Millisecond).String(), fmt.Sprintf("%d + %d tokens", r.usage.Prompt(), r.usage.Output)}
	cost := r.usage.Cost
	if !cost.Set && r.meta.Price != nil {
		cost.Value, cost.Set = r.meta.Price.Cost("", &r.usage)
	}
	if cost.Set {
		parts = append(parts, "$"+cost.Value.String())
	} else {
		parts = append(parts, "cost unknown")
	}
	fmt.Fprintln(w, t.screen.paint(faint, strings.Join(parts, ", ")))
}

// warningText returns a warning as a sentence.
func warningText(w llm.Warning) string {
	verb := map[string]string{
		llm.WarnDropped: " was dropped", llm.WarnChanged: " was changed", llm.WarnLegacy: ": the model is legacy", llm.WarnEnded: ": the model is retired",
	}[w.Code]
	text := w.Field + cmp.Or(verb, ": "+w.Code)
	if w.Detail != "" {
		text += ": " + w.Detail
	}
	return text
}
