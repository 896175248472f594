package spend

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/rpc"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"outcrop/store"
)

// childFolder is the environment variable with the data folder of a child process of the test, and childStore
// the one with the socket of its store.
const (
	childFolder = "OUTCROP_TEST_JOURNAL"
	childStore  = "OUTCROP_TEST_STORE"
)

// Teller gives a ledger to other processes.
type Teller struct{ ledger *ledger }

// Batch is what Post posts.
type Batch struct {
	Replica string
	Upto    int64
	Rows    []store.Row
}

// Posted is Poster.Posted.
func (t *Teller) Posted(replica string, position *int64) (err error) {
	*position, err = t.ledger.Posted(context.Background(), replica)
	return err
}

// Post is Poster.Post.
func (t *Teller) Post(b *Batch, _ *struct{}) error {
	return t.ledger.Post(context.Background(), b.Replica, b.Upto, b.Rows)
}

// remote is a ledger in another process.
type remote struct{ client *rpc.Client }

func (r remote) Posted(_ context.Context, replica string) (position int64, err error) {
	err = r.client.Call("Teller.Posted", replica, &position)
	return position, err
}

func (r remote) Post(_ context.Context, replica string, upto int64, rows []store.Row) error {
	return r.client.Call("Teller.Post", &Batch{replica, upto, rows}, &struct{}{})
}

// child appends rows and prints their names, each after Append has returned, until it is killed.
func child() {
	fail := func(err error) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	client, err := rpc.Dial("unix", os.Getenv(childStore))
	if err != nil {
		fail(err)
	}
	opt := Options{Dir: os.Getenv(childFolder), Store: remote{client}, Logger: slog.New(slog.DiscardHandler), Every: time.Millisecond, segmentBytes: 20_000}
	j, err := Open(context.Background(), opt)
	if err != nil {
		fail(err)
	}
	row := sample()
	for i := 0; ; i++ {
		row.RequestID = fmt.Sprintf("%d-%d", os.Getpid(), i)
		if err := j.Append(row); err != nil {
			fail(err)
		}
		fmt.Println(row.RequestID)
	}
}

func TestAProcessThatIsKilledLosesNoRowAndPostsNoneTwice(t *testing.T) {
	l, dir := newLedger(), t.TempDir()
	socket := filepath.Join(t.TempDir(), "store")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := rpc.NewServer()
	if err := server.Register(&Teller{l}); err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() { defer close(served); server.Accept(listener) }()

	var names []string
	rounds := 20
	if testing.Short() {
		rounds = 5
	}
	for range rounds {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), childFolder+"="+dir, childStore+"="+socket)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		kill := 1 + rand.IntN(5000)
		lines := bufio.NewReader(out)
		for n := 1; ; n++ {
			line, err := lines.ReadString('\n')
			if err == io.EOF {
				break // a part of a line is of a row that may or may not be there
			} else if err != nil {
				t.Fatal(err)
			}
			names = append(names, line[:len(line)-1])
			if n == kill {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil || err.Error() != "signal: killed" {
			t.Fatalf("the child ended by itself: %v", err)
		}
	}
	mustClose(t, mustOpen(t, fast(dir, l)))
	if err := listener.Close(); err != nil {
		t.Error(err)
	}
	<-served

	for _, name := range names {
		if l.rows[name] == 0 {
			t.Errorf("row %s was lost", name)
		}
	}
	for name, n := range l.rows {
		if n > 1 {
			t.Errorf("row %s was posted %d times", name, n)
		}
	}
	if unknown := len(l.rows) - len(names); unknown < 0 || unknown > rounds {
		t.Errorf("%d rows were posted that no child has named", unknown)
	}
	t.Logf("%d rows of %d processes", len(names), rounds)
}
