package cache_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"outcrop/cache"
)

// rest reads what is left of a stream.
func rest(t *testing.T, f *cache.Flight, offset int64) (string, error) {
	t.Helper()
	var b strings.Builder
	for {
		part, err := f.Next(t.Context(), offset)
		if err != nil {
			return b.String(), err
		}
		b.Write(part)
		offset += int64(len(part))
	}
}

// A stream is passed on from its beginning, whenever a follower comes.
func TestAStreamIsPassedOn(t *testing.T) {
	answers := open(t, cache.Options{Store: cache.NewMemory(1<<20, 0, nil), MaxItem: 100})
	f, _ := answers.Join("k")
	first, _ := answers.Join("k")
	if f.Send(nil); !f.Begun() {
		t.Error("a part is none")
	}
	f.Describe(&cache.Answer{Model: "m"})
	if !f.Send([]byte("one ")) {
		t.Error("nobody wants the stream")
	}
	if out, err := first.Wait(t.Context()); err != nil || !out.Streams {
		t.Fatalf("%+v %v", out, err)
	}
	second, leads := answers.Join("k")
	if leads {
		t.Fatal("a stream that has begun is not joined")
	}
	f.Send([]byte("two "))
	got := make(chan string)
	go func() {
		text, err := rest(t, second, 0)
		if !errors.Is(err, io.EOF) {
			t.Error(err)
		}
		got <- text
	}()
	if part, err := first.Next(t.Context(), 4); string(part) != "two " || err != nil {
		t.Errorf("%q %v", part, err)
	}
	f.Send([]byte("three"))
	answers.Land("k", f, cache.Outcome{Answer: &cache.Answer{Input: 1}})
	if text := <-got; text != "one two three" || string(f.Whole()) != text {
		t.Errorf("%q, %q", text, f.Whole())
	}
	if out := second.Outcome(); out.Answer == nil || out.Answer.Input != 1 {
		t.Errorf("%+v", out)
	}
	if _, leads := answers.Join("k"); !leads {
		t.Error("a stream that is over is joined")
	}
}

// No more of a stream is held than of an answer that is kept. Those who are far behind get an error.
func TestAStreamIsHeldInPart(t *testing.T) {
	answers := open(t, cache.Options{Store: cache.NewMemory(1<<20, 0, nil), MaxItem: 100})
	f, _ := answers.Join("k")
	slow, _ := answers.Join("k")
	all := bytes.Repeat([]byte("0123456789"), 30)
	for at := 0; at < len(all); at += 30 {
		f.Send(all[at : at+30])
	}
	if _, err := slow.Next(t.Context(), 0); err == nil || errors.Is(err, io.EOF) {
		t.Error(err)
	}
	part, err := slow.Next(t.Context(), 250)
	if string(part) != string(all[250:]) || err != nil || f.Whole() != nil {
		t.Errorf("%q %v", part, err)
	}
	if late, leads := answers.Join("k"); !leads || late == f {
		t.Error("a stream is joined whose beginning is gone")
	}
	f.Send(bytes.Repeat([]byte("x"), 250))
	if part, err := slow.Next(t.Context(), 450); string(part) != strings.Repeat("x", 100) || err != nil {
		t.Errorf("%q %v", part, err)
	}
	answers.Land("k", f, cache.Outcome{})
}

// The call goes on without its client as long as somebody follows it.
func TestACallEndsWhenNobodyWantsIt(t *testing.T) {
	answers := open(t, cache.Options{Store: cache.NewMemory(1<<20, 0, nil)})
	lead := func(followers int) (f *cache.Flight, ctx context.Context, leave func()) {
		f, leads := answers.Join("k")
		if !leads {
			t.Fatal("somebody leads")
		}
		for range followers {
			answers.Join("k")
		}
		client, leave := context.WithCancel(t.Context())
		return f, f.Lead(client), leave
	}
	f, ctx, leave := lead(0)
	leave()
	<-ctx.Done()
	g, leads := answers.Join("k")
	if !leads || g == f {
		t.Error("a call that has been given up is joined")
	}
	answers.Land("k", g, cache.Outcome{})
	answers.Land("k", f, cache.Outcome{Gone: true})
	f, ctx, leave = lead(2)
	leave()
	f.Leave()
	if ctx.Err() != nil {
		t.Error("a call that somebody follows has ended")
	}
	f.Leave()
	<-ctx.Done()
	answers.Land("k", f, cache.Outcome{Gone: true})
	f, ctx, leave = lead(1)
	f.Release()
	<-ctx.Done()
	answers.Land("k", f, cache.Outcome{})
	leave()
	// It is not shared after all.
	f, ctx, leave = lead(1)
	answers.Land("k", f, cache.Outcome{})
	if ctx.Err() != nil {
		t.Error("a call that is not shared has ended")
	}
	leave()
	<-ctx.Done()
}
