package cli

import (
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// screen is what a command writes to, as far as its layout depends on it.
type screen struct {
	terminal bool
	width    int // in columns; 0 if it is not bounded
	colours  bool
}

// screenOf looks at where a command writes. Colours are for terminals, unless
// NO_COLOR is set (https://no-color.org) or the terminal is dumb.
func screenOf(w io.Writer) screen {
	fd, ok := terminalOf(w)
	if !ok {
		return screen{}
	}
	s := screen{terminal: true, colours: os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
	if width, _, err := term.GetSize(fd); err == nil {
		s.width = width
	}
	return s
}

// terminalOf gives the descriptor of a stream that is a terminal.
func terminalOf(stream any) (fd int, ok bool) {
	if queued, is := stream.(interface{ Writer() io.Writer }); is {
		stream = queued.Writer()
	}
	f, ok := stream.(*os.File)
	if !ok {
		return 0, false
	}
	fd = int(f.Fd())
	return fd, term.IsTerminal(fd)
}

// style is how a text is shown on a terminal.
type style string

// Styles, as parameters of the control sequence SGR (ECMA-48, 8.3.117).
const (
	bold   style = "1"
	faint  style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
)

// paint gives a text in a style, where there are colours.
func (s screen) paint(how style, text string) string {
	if !s.colours || text == "" {
		return text
	}
	return "\x1b[" + string(how) + "m" + text + "\x1b[0m"
}

// hang puts a text behind a prefix and wraps it under its own beginning.
func (s screen) hang(prefix, text string) string {
	if s.width <= 0 {
		return prefix + text
	}
	at := len([]rune(prefix))
	inner := screen{width: max(s.width-at, 20)}
	return prefix + strings.ReplaceAll(inner.wrap(text, ""), "\n", "\n"+strings.Repeat(" ", at))
}

// wrap breaks a text between words into lines that fit the screen, with indent in
// front of all but the first. A word that does not fit has a line of its own.
func (s screen) wrap(text, indent string) string {
	if s.width <= 0 {
		return text
	}
	var b strings.Builder
	at := 0
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			b.WriteByte('\n')
			at = 0
		}
		rest := strings.TrimLeft(line, " ")
		b.WriteString(line[:len(line)-len(rest)])
		at += len(line) - len(rest)
		for j, word := range strings.Fields(rest) {
			switch {
			case j == 0:
			case at+1+len([]rune(word)) > s.width:
				b.WriteString("\n" + indent)
				at = len(indent)
			default:
				b.WriteByte(' ')
				at++
			}
			b.WriteString(word)
			at += len([]rune(word))
		}
	}
	return b.String()
}
