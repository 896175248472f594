package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestALongStreamHasEventsUntilItIsReleased(t *testing.T) {
	address := startBeating(t, time.Millisecond)
	asked := kind{model: modelLong, stream: true}.proxy()
	streams, err := hold(t.Context(), address, asked, 1)
	defer streams.close()
	if err != nil {
		t.Fatal(err)
	}
	c := streams[0]
	piece := make([]byte, 4<<10)
	for !bytes.Contains(c.body, []byte(beatText)) {
		n, err := c.rest.Read(piece)
		if err != nil {
			t.Fatal(err)
		}
		c.body = append(c.body, piece[:n]...)
	}
	b := &bench{upstream: &process{address: address}}
	if n, err := b.release(t.Context()); n != 1 || err != nil {
		t.Errorf("%d streams were released, %v; want one", n, err)
	}
	rest, err := c.finish(asked)
	if err != nil {
		t.Fatal(err)
	}
	all, err := b.number(t.Context(), pathBeats)
	if got := bytes.Count(append(c.body, rest...), []byte(beatText)); got != all || err != nil {
		t.Errorf("%d events of %d have arrived, %v", got, all, err)
	}
}

func TestLongStreamsAreHeldAndCounted(t *testing.T) {
	b := startBench(t)
	b.hold = 10 * time.Millisecond
	l, err := b.holdLong(t.Context(), b.two()[0], 20)
	if err != nil {
		t.Fatal(err)
	}
	if l.files < 40 || l.goroutines < 20 || len(l.open) != 2 || l.open[0].rss < l.open[0].anonymous {
		t.Errorf("got %+v; want 20 streams, seen when they were open and at the end", l)
	}
	if s := l.report(b.hold, b.every).String(); !strings.Contains(s, "20 streams held for 10ms") || strings.Contains(s, "proxy") {
		t.Errorf("the report says %q", s)
	}
}

func TestRowsThatTakeLongAreMeasuredOnlyIfTheyAreNamed(t *testing.T) {
	all, err := chosen("")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if r.alone {
			t.Errorf("%s is in every run", r.name)
		}
	}
	if named, err := chosen("soak-streams"); len(named) != 1 || err != nil {
		t.Errorf("got %v, %v; want the row", named, err)
	}
}
