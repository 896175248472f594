package sse

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// all reads a stream to its end.
func all(body io.Reader) (events []string, err error) {
	r := NewReader(body)
	for {
		var ev Event
		if err := r.Next(&ev); err != nil {
			if again := r.Next(&ev); !errors.Is(again, err) || len(ev.Data) > 0 {
				return events, errors.New("another error after the end")
			}
			return events, err
		}
		events = append(events, string(ev.Name)+"="+string(ev.Data))
	}
}

func TestEventsAreReadAsTheStandardSays(t *testing.T) {
	large := strings.Repeat("granite ", 20_000)
	for _, tt := range []struct {
		name, body string
		want       []string
		err        error
	}{
		{"one", "data: a\n\n", []string{"=a"}, io.EOF},
		{"names", "event: start\ndata: {}\n\nevent: end\ndata: 1\n\n", []string{"start={}", "end=1"}, io.EOF},
		{"several lines of data", "data: a\ndata:  b\ndata\ndata:c\n\n", []string{"=a\n b\n\nc"}, io.EOF},
		{"carriage returns", "event: x\r\ndata: a\r\n\r\ndata: b\r\n\r\n", []string{"x=a", "=b"}, io.EOF},
		{"comments, ids and waits", ": hello\n\nid: 7\nretry: 10\n: more\ndata: a\n\n:\n\n", []string{"=a"}, io.EOF},
		{"an event without data", "event: ping\n\ndata: a\n\n", []string{"=a"}, io.EOF},
		{"blank lines", "\n\n\ndata: a\n\n\n\n", []string{"=a"}, io.EOF},
		{"a byte order mark", "\ufeffdata: a\n\n", []string{"=a"}, io.EOF},
		{"unknown fields", "datum: x\ndata: a\nbeta: y\n\n", []string{"=a"}, io.EOF},
		{"no blank line at the end", "data: a\n\ndata: [DONE]\n", []string{"=a", "=[DONE]"}, io.EOF},
		{"a large event", "data: " + large + "\n\ndata: b\n\n", []string{"=" + large, "=b"}, io.EOF},
		{"nothing", "", nil, io.EOF},
		{"cut inside a line", "data: a\n\ndata: {\"te", []string{"=a"}, io.ErrUnexpectedEOF},
		{"cut inside a comment", ": pi", nil, io.ErrUnexpectedEOF},
		{"not UTF-8", "data: a\n\ndata: \xff\n\n", []string{"=a"}, ErrMalformed},
	} {
		for how, reader := range map[string]func(io.Reader) io.Reader{
			"at once": func(r io.Reader) io.Reader { return r }, "by bytes": iotest.OneByteReader, "with the end": iotest.DataErrReader,
		} {
			t.Run(tt.name+" "+how, func(t *testing.T) {
				got, err := all(reader(strings.NewReader(tt.body)))
				if !errors.Is(err, tt.err) {
					t.Errorf("ended with %v", err)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

func TestAnErrorOfTheBodyComesAfterItsCompleteEvents(t *testing.T) {
	broken := errors.New("reset")
	got, err := all(io.MultiReader(strings.NewReader("data: a\n\ndata: b\n\ndata: c"), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) || len(got) != 2 {
		t.Errorf("read %q, then %v", got, err)
	}
}

func TestAnEndlessEventIsRefused(t *testing.T) {
	endless := io.MultiReader(strings.NewReader("data: "), io.LimitReader(letters{}, 2*maxEvent))
	if got, err := all(endless); !errors.Is(err, ErrTooLarge) || got != nil {
		t.Errorf("read %d events, then %v", len(got), err)
	}
}

type letters struct{}

func (letters) Read(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte{'a'}, len(p))), nil }

func TestMoreTellsWhetherNextWaits(t *testing.T) {
	read, write := io.Pipe()
	defer read.Close()
	defer write.Close()
	r := NewReader(read)
	send := func(text string) {
		t.Helper()
		go func() { _, _ = io.WriteString(write, text) }()
	}
	var ev Event
	send("data: a\n\n: comment\n\ndata: b\n\n: comment\n\nevent: ping\n\ndatabase: 1\n\nda")
	if err := r.Next(&ev); err != nil || string(ev.Data) != "a" || !r.More() {
		t.Fatalf("%q, %v, more %v", ev.Data, err, r.More())
	}
	if string(ev.Data) != "a" {
		t.Error("More changed the event")
	}
	if err := r.Next(&ev); err != nil || string(ev.Data) != "b" || r.More() {
		t.Fatalf("%q, %v, more %v", ev.Data, err, r.More())
	}
}

// arriving is a body of which one piece after the other has arrived; an empty one is a moment in which
// nothing has.
type arriving struct {
	pieces []string
	waits  int // calls of Read
}

func (a *arriving) Read(p []byte) (int, error) {
	a.waits++
	for len(a.pieces) > 0 && a.pieces[0] == "" {
		a.pieces = a.pieces[1:]
	}
	return a.ReadArrived(p)
}

func (a *arriving) ReadArrived(p []byte) (int, error) {
	if len(a.pieces) == 0 {
		return 0, io.EOF
	}
	n := copy(p, a.pieces[0])
	a.pieces = a.pieces[1:]
	return n, nil
}

func TestMoreReadsWhatHasArrived(t *testing.T) {
	body := &arriving{pieces: []string{"data: a\n\nda", "ta: b\n\n", "", "data: c\n\n"}}
	r := NewReader(body)
	var ev Event
	for _, want := range []struct {
		data string
		more bool
	}{{"a", true}, {"b", false}, {"c", true}} { // behind c is the end
		if err := r.Next(&ev); err != nil || string(ev.Data) != want.data {
			t.Fatalf("%q, %v", ev.Data, err)
		}
		if more := r.More(); more != want.more || string(ev.Data) != want.data {
			t.Errorf("more after %q: %v, and the event is %q", want.data, more, ev.Data)
		}
	}
	if err := r.Next(&ev); !errors.Is(err, io.EOF) || body.waits != 2 {
		t.Errorf("%v after %d reads that may wait", err, body.waits)
	}
}

// lending is a body that lends memory.
type lending struct {
	io.Reader
	lent, back int
	memory     []byte
}

func (l *lending) Lend() []byte {
	l.lent++
	return l.memory
}

func (l *lending) TakeBack(p []byte) {
	l.back++
	if &p[0] != &l.memory[0] || len(p) != len(l.memory) {
		panic("another memory comes back")
	}
	for i := range p {
		p[i] = '!'
	}
}

func TestMemoryIsGivenBackAtTheEnd(t *testing.T) {
	long := strings.Repeat("x", 5000)
	for _, tt := range []struct {
		name, body string
		memory     int
		lent, back int
	}{
		{"a stream", "data: a\n\ndata: b\n\ndata: c\n\n", 4096, 1, 1},
		{"nothing", "", 4096, 1, 1},
		{"a stream that breaks off", "data: a\n\nda", 4096, 1, 1},
		{"an event that is larger", "data: a\n\ndata: " + long + "\n\ndata: b\n\n", 4096, 1, 0},
		{"too little memory", "data: a\n\n", 16, 1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want, wantErr := all(strings.NewReader(tt.body))
			body := &lending{Reader: strings.NewReader(tt.body), memory: make([]byte, tt.memory)}
			r := NewReader(body)
			var got []string
			var ev Event
			var err error
			for {
				if err = r.Next(&ev); err != nil {
					break
				}
				_ = r.More() // which may read ahead
				if body.back > 0 {
					t.Error("memory is given back while an event is in it")
				}
				got = append(got, string(ev.Name)+"="+string(ev.Data))
			}
			if diff := cmp.Diff(want, got); diff != "" || !errors.Is(err, wantErr) {
				t.Errorf("%v, want %v (-want +got):\n%s", err, wantErr, diff)
			}
			if again := r.Next(&ev); !errors.Is(again, err) || r.More() {
				t.Errorf("behind the end: %v", again)
			}
			if body.lent != tt.lent || body.back != tt.back {
				t.Errorf("lent %d times, given back %d times", body.lent, body.back)
			}
		})
	}
}

// TestSplitsDoNotMatter reads random streams in random pieces.
func TestSplitsDoNotMatter(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"data: a\n", "data: b\r\n", "\n", "\r\n", "event: e\n", ": c\n", "data: " + strings.Repeat("x", 5000) + "\n"}
	for range 300 {
		var b strings.Builder
		for range rng.IntN(30) {
			b.WriteString(pieces[rng.IntN(len(pieces))])
		}
		want, wantErr := all(strings.NewReader(b.String()))
		got, gotErr := all(&random{[]byte(b.String()), rng})
		if diff := cmp.Diff(want, got); diff != "" || !errors.Is(gotErr, wantErr) {
			t.Fatalf("%q: %v %s", b.String(), gotErr, diff)
		}
	}
}

// random reads in pieces of random length.
type random struct {
	data []byte
	rng  *rand.Rand
}

func (r *random) Read(p []byte) (int, error) {
	if len(r.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.data[:min(len(r.data), 1+r.rng.IntN(700))])
	r.data = r.data[n:]
	return n, nil
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("event: a\ndata: b\n\n"))
	f.Add([]byte(": c\r\n\r\ndata\n\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		want, wantErr := all(bytes.NewReader(body))
		got, gotErr := all(iotest.OneByteReader(bytes.NewReader(body)))
		if diff := cmp.Diff(want, got); diff != "" || !errors.Is(gotErr, wantErr) {
			t.Fatalf("by bytes: %v, at once: %v %s", gotErr, wantErr, diff)
		}
	})
}

// waiting is a body that is read into memory which it takes when something arrives: each piece at once.
type waiting struct {
	lending
	pieces []string
}

func (w *waiting) ReadLent(m interface {
	Lend() []byte
	TakeBack(p []byte)
},
) (p []byte, n int, err error) {
	if w.lent != w.back {
		panic("memory is held while the next event is waited for")
	}
	if len(w.pieces) == 0 {
		return nil, 0, io.EOF
	}
	p = m.Lend()
	n = copy(p, w.pieces[0])
	w.pieces = w.pieces[1:]
	return p, n, nil
}

// TestNothingIsHeldBetweenEvents: a reader that has returned everything gives its memory back before it waits. What is not complete stays.
func TestNothingIsHeldBetweenEvents(t *testing.T) {
	body := &waiting{lending: lending{Reader: strings.NewReader("lf\n\n"), memory: make([]byte, 4096)}, pieces: []string{"data: a\n\n", "data: b\n\ndata: c\n\n", "data: ha"}}
	got, err := all(body)
	want, wantErr := all(strings.NewReader("data: a\n\ndata: b\n\ndata: c\n\ndata: half\n\n"))
	if !slices.Equal(got, want) || !errors.Is(err, wantErr) {
		t.Errorf("got %v, %v; want %v, %v", got, err, want, wantErr)
	}
	if body.lent != 3 || body.back != 3 {
		t.Errorf("memory was lent %d times and given back %d times; want 3", body.lent, body.back)
	}
}
