package cli

import (
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// screen holds the properties of an output that determine its layout.
type screen struct {
	terminal bool
	width    int // in columns; 0 if unlimited
	colours  bool
}

// screenOf returns the properties of an output. It has colours if it is a terminal,
// unless NO_COLOR is set (https://no-color.org) or the terminal is dumb.
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

// terminalOf returns the file descriptor of a stream that is a terminal.
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

// style is the style of a text on a terminal.
type style string

// Styles, as parameters of the control sequence SGR (ECMA-48, 8.3.117).
const (
	bold   style = "1"
	faint  style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
)

// paint styles a text if the screen has colours.
func (s screen) paint(how style, text string) string {
	if !s.colours || text == "" {
		return text
	}
	return "\x1b[" + string(how) + "m" + text + "\x1b[0m"
}

// hang puts a prefix before a text and wraps the text with a hanging indent.
func (s screen) hang(prefix, text string) string {
	if s.width <= 0 {
		return prefix + text
	}
	at := len([]rune(prefix))
	inner := screen{width: max(s.width-at, 20)}
	return prefix + strings.ReplaceAll(inner.wrap(text, ""), "\n", "\n"+strings.Repeat(" ", at))
}

// wrap wraps a text at spaces to the width of the screen, with indent before all lines
// but the first. A word that is too long gets its own line.
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
