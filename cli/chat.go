package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"outcrop"
	"outcrop/config"
	"outcrop/llm"
)

type chatCommand struct {
	configFlags
	Prompt    []string `arg:"" optional:"" help:"The question; - stands for standard input. Without a question one is read from standard input, or on a terminal a conversation begins."`
	Model     string   `short:"m" env:"OUTCROP_MODEL" help:"Model id, profile id, ARN, or a name of the configuration. Default: its first name, or nova-lite."`
	System    string   `short:"s" help:"Instructions for the model."`
	MaxTokens *int64   `name:"max-tokens" help:"Limit of the answer, in tokens; 1 or more."`
	Verbose   bool     `short:"v" help:"Say behind each answer which model gave it, how many tokens it took and what it cost."`
	Debug     bool     `help:"Log the call."`

	in io.Reader // standard input; tests have their own
}

// maxInput bounds what is read from standard input, in bytes.
const maxInput = 32 << 20

// Run asks and prints the answer as it comes, or holds a conversation.
func (c *chatCommand) Run(ctx context.Context, con console) error {
	if c.MaxTokens != nil && *c.MaxTokens < 1 {
		return &usageError{fmt.Sprintf("--max-tokens must be 1 or more, not %d", *c.MaxTokens), "Leave it out for the model's own limit."}
	}
	c.in = cmp.Or[io.Reader](c.in, os.Stdin)
	_, terminal := terminalOf(c.in)
	prompt, err := c.prompt(terminal)
	if err != nil {
		return err
	}
	cfg, err := c.load(con.err)
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
		err = t.converse(ctx, c.in)
	} else {
		err = t.ask(ctx, prompt)
	}
	if ctx.Err() != nil {
		err = errInterrupted
	}
	return errors.Join(err, client.Close())
}

// prompt is the question; empty if there shall be a conversation.
func (c *chatCommand) prompt(terminal bool) (string, error) {
	words := slices.Clone(c.Prompt)
	at := slices.Index(words, "-")
	if len(words) == 0 && terminal {
		return "", nil
	}
	if len(words) == 0 || at >= 0 {
		data, err := io.ReadAll(io.LimitReader(c.in, maxInput+1))
		if err != nil {
			return "", fmt.Errorf("standard input: %w", err)
		}
		if len(data) > maxInput {
			return "", &usageError{fmt.Sprintf("standard input has more than %d MiB", maxInput>>20), ""}
		}
		text := strings.TrimRight(string(data), "\n")
		if at < 0 {
			words = []string{text}
		} else {
			words[at] = "\n\n" + text
		}
	}
	prompt := strings.TrimSpace(strings.ReplaceAll(strings.Join(words, " "), " \n\n", "\n\n"))
	if prompt == "" {
		return "", &usageError{"the question is empty", `Ask one: outcrop chat "What is granite?"`}
	}
	return prompt, nil
}

// defaultModel is the model of whoever names none: the first that the configuration
// has a name for, or a small one behind its first wildcard.
func defaultModel(cfg *config.Config) string {
	const small = "nova-lite"
	for i := range cfg.Models {
		if name := cfg.Models[i].Name; !strings.Contains(name, "*") {
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

// talk is what has been said with a model.
type talk struct {
	con       console
	client    *outcrop.Client
	screen    screen
	verbose   bool
	req       outcrop.Request
	announced map[llm.Warning]bool // warnings that have been shown
}

// leave are the words that end a conversation.
func leave(line string) bool {
	return slices.Contains([]string{"/bye", "/exit", "/quit", "exit", "quit"}, line)
}

// converse asks what is read, line by line, until there is no more.
func (t *talk) converse(ctx context.Context, in io.Reader) error {
	fmt.Fprintln(t.con.err, t.screen.paint(faint, "Talking with "+t.req.Model+"; Ctrl-D or /bye ends."))
	lines, ended := make(chan string), make(chan error, 1)
	go func() { // ends with the input, or with the process: a terminal cannot be asked to stop waiting
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
		case line, ok := <-lines:
			line = strings.TrimSpace(line)
			switch {
			case !ok:
				fmt.Fprintln(t.con.err)
				return <-ended
			case leave(line):
				return nil
			case line == "":
				continue
			}
			if err := t.ask(ctx, line); err != nil && ctx.Err() == nil {
				failed(t.con.err, err) // the next question may fare better
			}
		}
	}
}

// ask puts one question and keeps question and answer for the next.
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

// reply is an answer and what came with it.
type reply struct {
	text  string
	meta  llm.Meta
	stop  llm.StopReason
	usage llm.Usage
}

// answer makes the call and prints the text as it comes.
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

// notes says what one would miss behind an answer: that it was cut short, what was
// changed or left out, and with --verbose or on a terminal what it cost.
func (t *talk) notes(r *reply, took time.Duration) {
	w := t.con.err
	switch r.stop {
	case llm.StopMaxTokens:
		warn(w, "the answer was cut off by the limit of tokens", "Ask for more with --max-tokens.")
	case llm.StopContextWindow:
		warn(w, "the answer was cut off: the model's context window is full", "Begin a new conversation, or take a model with a larger window.")
	case llm.StopFiltered:
		warn(w, "the answer was filtered or cut off by a guardrail", "")
	case llm.StopToolUse, llm.StopMalformed:
		warn(w, "the model wanted to call a tool; outcrop chat gives it none", "")
	default:
		if r.text == "" {
			warn(w, "the model answered nothing", "")
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

// warningText is a warning as a sentence.
func warningText(w llm.Warning) string {
	verb := map[string]string{
		llm.WarnDropped: " was left out", llm.WarnChanged: " was changed", llm.WarnLegacy: ": the model is legacy", llm.WarnEnded: ": the model is retired",
	}[w.Code]
	text := w.Field + cmp.Or(verb, ": "+w.Code)
	if w.Detail != "" {
		text += ": " + w.Detail
	}
	return text
}
