package eventstream_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"outcrop/wire/eventstream"
)

// frame makes a frame out of raw headers, so that it may be wrong.
func frame(headers, payload string) []byte {
	return sealed(uint32(16+len(headers)+len(payload)), uint32(len(headers)), headers+payload)
}

// sealed makes bytes with the lengths as given and the checksums right.
func sealed(total, headers uint32, body string) []byte {
	b := binary.BigEndian.AppendUint32(nil, total)
	b = binary.BigEndian.AppendUint32(b, headers)
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	b = append(b, body...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

// The specification's own bytes for a frame without headers and payload.
var emptyFrame = []byte{0, 0, 0, 0x10, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff}

func TestAppendWritesTheSpecifiedBytes(t *testing.T) {
	if got := eventstream.Append(nil, nil, nil); !bytes.Equal(got, emptyFrame) {
		t.Errorf("an empty frame is % x", got)
	}
	got := eventstream.Append([]byte("before"), []eventstream.Header{{Name: ":event-type", Value: "ping"}}, []byte("{}"))
	want := append([]byte("before"), frame("\x0b:event-type\x07\x00\x04ping", "{}")...)
	if !bytes.Equal(got, want) {
		t.Errorf("got % x\nwant % x", got, want)
	}
}

func TestAppendCutsAValueThatIsTooLong(t *testing.T) {
	b := eventstream.Append(nil, []eventstream.Header{{Name: "a", Value: strings.Repeat("x", 1<<16)}, {Name: "b", Value: "y"}}, nil)
	f, err := eventstream.NewDecoder(bytes.NewReader(b)).Next()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(f.Header("a")); n != 1<<15-1 || string(f.Header("b")) != "y" {
		t.Errorf("a has %d bytes, b is %q", n, f.Header("b"))
	}
}

func TestHeadersOfEveryType(t *testing.T) {
	f, err := eventstream.NewDecoder(bytes.NewReader(frame(
		"\x01t\x00"+"\x01f\x01"+"\x01b\x02\x01"+"\x01s\x03\x01\x02"+"\x01i\x04\x01\x02\x03\x04"+
			"\x01l\x05\x01\x02\x03\x04\x05\x06\x07\x08"+"\x01B\x06\x00\x02ab"+"\x04name\x07\x00\x05value"+
			"\x01T\x08\x01\x02\x03\x04\x05\x06\x07\x08"+"\x01u\x090123456789abcdef"+"\x04last\x07\x00\x00",
		"payload",
	))).Next()
	if err != nil {
		t.Fatal(err)
	}
	if got := string(f.Header("name")); got != "value" {
		t.Errorf("name is %q", got)
	}
	if got := f.Header("last"); got == nil || len(got) != 0 {
		t.Errorf("last is %v, not empty", got)
	}
	for _, name := range []string{"B", "t", "u", "none"} {
		if got := f.Header(name); got != nil {
			t.Errorf("%s is %q, though it is no string", name, got)
		}
	}
	if string(f.Payload) != "payload" {
		t.Errorf("the payload is %q", f.Payload)
	}
}

func TestBrokenStreams(t *testing.T) {
	whole := frame("\x01a\x07\x00\x01b", "{}")
	damaged := bytes.Clone(whole)
	damaged[len(damaged)-5] ^= 1
	prelude := bytes.Clone(whole)
	prelude[3] ^= 1
	tests := []struct {
		name  string
		after []byte // a whole frame
		want  error
	}{
		{"a stream that ends between frames", nil, io.EOF},
		{"an end inside the prelude", whole[:5], eventstream.ErrTruncated},
		{"an end behind the prelude", whole[:12], eventstream.ErrTruncated},
		{"an end before the last byte", whole[:len(whole)-1], eventstream.ErrTruncated},
		{"a changed byte in the payload", damaged, eventstream.ErrChecksum},
		{"a changed length", prelude, eventstream.ErrChecksum},
		{"what is no frame at all", []byte(`{"message":"The security token is invalid"}`), eventstream.ErrChecksum},
		{"a length above 16 MiB", sealed(16<<20+1, 0, ""), eventstream.ErrTooLarge},
		{"headers above 128 KiB", sealed(1<<20, 128<<10+1, ""), eventstream.ErrTooLarge},
		{"a length below the least", sealed(15, 0, ""), eventstream.ErrMalformed},
		{"headers longer than the frame", sealed(20, 5, "abcd"), eventstream.ErrMalformed},
		{"a header without a name", frame("\x00\x07\x00\x00", ""), eventstream.ErrMalformed},
		{"a name that runs out", frame("\x09ab", ""), eventstream.ErrMalformed},
		{"a header without a type", frame("\x01a", ""), eventstream.ErrMalformed},
		{"an unknown type", frame("\x01a\x0a", ""), eventstream.ErrMalformed},
		{"a value without its length", frame("\x01a\x07\x00", ""), eventstream.ErrMalformed},
		{"a value that runs out", frame("\x01a\x07\x00\x09b", ""), eventstream.ErrMalformed},
		{"a number that runs out", frame("\x01a\x05\x00", ""), eventstream.ErrMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			stream := append(bytes.Clone(whole), tt.after...)
			for _, r := range []io.Reader{
				bytes.NewReader(stream), iotest.OneByteReader(bytes.NewReader(stream)), iotest.DataErrReader(bytes.NewReader(stream)),
			} {
				d := eventstream.NewDecoder(r)
				if _, err := d.Next(); err != nil {
					t.Fatalf("the whole frame before: %v", err)
				}
				if _, err := d.Next(); !errors.Is(err, tt.want) {
					t.Errorf("got %v, want %v", err, tt.want)
				}
			}
		})
	}
}

func TestTheReadersOwnErrorComesThrough(t *testing.T) {
	broken := errors.New("connection reset")
	d := eventstream.NewDecoder(io.MultiReader(bytes.NewReader(emptyFrame[:7]), iotest.ErrReader(broken)))
	if _, err := d.Next(); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

type liar struct{}

func (liar) Read(p []byte) (int, error) { return len(p) + 1, nil }

func TestAReaderThatMiscountsIsAnError(t *testing.T) {
	if _, err := eventstream.NewDecoder(liar{}).Next(); err == nil {
		t.Error("no error")
	}
}

// A frame that claims 16 MiB and does not send them must not cost 16 MiB.
func TestAClaimedLengthAllocatesNothing(t *testing.T) {
	claim := sealed(16<<20, 0, "")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := eventstream.NewDecoder(bytes.NewReader(claim)).Next(); !errors.Is(err, eventstream.ErrTruncated) {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
		t.Errorf("%d bytes were allocated", got)
	}
}

// Decoders share buffers for large frames: what one gives back another may have, and
// each frame is whole all the same.
func TestLargeFramesShareBuffers(t *testing.T) {
	var stream []byte
	sizes := []int{0, 5000, 100, 8192 - 16, 8192, 3, 70_000, 4096 - 16, 4096}
	for i, n := range sizes {
		stream = eventstream.Append(stream, nil, bytes.Repeat([]byte{byte('a' + i)}, n))
	}
	var shared eventstream.Buffers
	var decoders []*eventstream.Decoder
	for _, r := range []io.Reader{bytes.NewReader(stream), iotest.HalfReader(bytes.NewReader(stream)), iotest.OneByteReader(bytes.NewReader(stream))} {
		d := eventstream.NewDecoder(r)
		d.Share(&shared)
		decoders = append(decoders, d)
	}
	for i, n := range sizes {
		for _, d := range decoders {
			f, err := d.Next()
			if err != nil || !bytes.Equal(f.Payload, bytes.Repeat([]byte{byte('a' + i)}, n)) {
				t.Fatalf("frame %d of %d bytes: %v", i, n, err)
			}
			d.Trim()
		}
	}
	for _, d := range decoders {
		if _, err := d.Next(); !errors.Is(err, io.EOF) {
			t.Errorf("the end is %v", err)
		}
	}
}

func TestFramesLargerThanTheBuffer(t *testing.T) {
	var stream []byte
	sizes := []int{0, 1, 5000, 100, 70_000, 3, 4096 - 16, 4096}
	for _, n := range sizes {
		stream = eventstream.Append(stream, nil, bytes.Repeat([]byte("x"), n))
	}
	for _, r := range []io.Reader{bytes.NewReader(stream), iotest.HalfReader(bytes.NewReader(stream)), iotest.OneByteReader(bytes.NewReader(stream))} {
		d := eventstream.NewDecoder(r)
		for _, n := range sizes {
			f, err := d.Next()
			if err != nil {
				t.Fatal(err)
			}
			if len(f.Payload) != n {
				t.Errorf("a payload of %d bytes has %d", n, len(f.Payload))
			}
		}
		if _, err := d.Next(); !errors.Is(err, io.EOF) {
			t.Errorf("got %v at the end", err)
		}
	}
}

func TestMoreTellsOfAWholeFrameAhead(t *testing.T) {
	second := eventstream.Append(nil, nil, []byte("two"))
	stream := append(bytes.Clone(emptyFrame), second...)
	d := eventstream.NewDecoder(bytes.NewReader(append(stream, second[:len(second)-1]...)))
	if d.More() {
		t.Error("more before anything was read")
	}
	for _, want := range []bool{true, false} {
		if _, err := d.Next(); err != nil {
			t.Fatal(err)
		}
		if d.More() != want {
			t.Errorf("More is %v", d.More())
		}
	}
	d.Release()
	if _, err := d.Next(); !errors.Is(err, io.EOF) || d.More() {
		t.Errorf("after Release: %v", err)
	}
}

// arriving is a stream of which one piece after the other has arrived; an empty one is a moment in which
// nothing has.
type arriving struct {
	pieces [][]byte
	waits  int // calls of Read
}

func (a *arriving) Read(p []byte) (int, error) {
	a.waits++
	for len(a.pieces) > 0 && len(a.pieces[0]) == 0 {
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
	one, two, three := eventstream.Append(nil, nil, []byte("one")), eventstream.Append(nil, nil, []byte("two")), eventstream.Append(nil, nil, []byte("three"))
	body := &arriving{pieces: [][]byte{append(bytes.Clone(one), two[:3]...), two[3:], nil, three}}
	d := eventstream.NewDecoder(body)
	for _, want := range []struct {
		payload string
		more    bool
	}{{"one", true}, {"two", false}, {"three", true}} { // behind three is the end
		frame, err := d.Next()
		if err != nil || string(frame.Payload) != want.payload {
			t.Fatalf("%v, want %q", err, want.payload)
		}
		if more := d.More(); more != want.more || string(frame.Payload) != want.payload {
			t.Errorf("more after %q: %v, and the frame has %q", want.payload, more, frame.Payload)
		}
	}
	if _, err := d.Next(); !errors.Is(err, io.EOF) || body.waits != 2 {
		t.Errorf("%v after %d reads that may wait", err, body.waits)
	}
}

// TestRecordedVectors decodes real bytes and writes them again. They are no part
// of the repository: without them the test is skipped.
func TestRecordedVectors(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "data", "eventstream-vectors.json"))
	if err != nil {
		t.Skip("no vectors here")
	}
	var file struct {
		Vectors []struct {
			Name, Base64 string
			Frames       []struct {
				Total   int
				Headers [][2]string
			}
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	for _, v := range file.Vectors {
		t.Run(v.Name, func(t *testing.T) {
			stream, err := base64.StdEncoding.DecodeString(v.Base64)
			if err != nil {
				t.Fatal(err)
			}
			var again []byte
			d := eventstream.NewDecoder(bytes.NewReader(stream))
			for i := 0; ; i++ {
				f, err := d.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				begin := len(again)
				again = eventstream.Append(again, headers(f), f.Payload)
				if i >= len(v.Frames) {
					continue
				}
				var want []eventstream.Header
				for _, h := range v.Frames[i].Headers {
					want = append(want, eventstream.Header{Name: h[0], Value: h[1]})
				}
				if diff := cmp.Diff(want, headers(f)); diff != "" || len(again)-begin != v.Frames[i].Total {
					t.Errorf("frame %d: %d bytes, headers (-want +got):\n%s", i, len(again)-begin, diff)
				}
			}
			if !bytes.Equal(stream, again) {
				t.Error("the frames written again are other bytes")
			}
		})
	}
}

func headers(f *eventstream.Frame) []eventstream.Header {
	var all []eventstream.Header
	for name, value := range f.Headers() {
		all = append(all, eventstream.Header{Name: string(name), Value: string(value)})
	}
	return all
}

func FuzzDecoder(f *testing.F) {
	f.Add(emptyFrame, false)
	f.Add(frame("\x01a\x07\x00\x01b\x01t\x00", "{}"), true)
	f.Add(sealed(16<<20, 0, ""), false)
	f.Fuzz(func(t *testing.T, stream []byte, slow bool) {
		var r io.Reader = bytes.NewReader(stream)
		if slow {
			r = iotest.OneByteReader(r)
		}
		read := 0
		for d := eventstream.NewDecoder(r); ; {
			frame, err := d.Next()
			if err != nil {
				if errors.Is(err, io.EOF) && read != len(stream) {
					t.Fatalf("a clean end after %d of %d bytes", read, len(stream))
				}
				return
			}
			read += int(binary.BigEndian.Uint32(stream[read:]))
			for range frame.Headers() {
				_ = frame.Header(":event-type")
			}
		}
	})
}

func FuzzAppend(f *testing.F) {
	f.Add("a", "b", "c", "d", []byte("{}"))
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2 string, payload []byte) {
		clip := func(s string, least, most int) string {
			for len(s) < least {
				s += "x"
			}
			return s[:min(len(s), most)]
		}
		want := []eventstream.Header{
			{Name: clip(name1, 1, 255), Value: clip(value1, 0, 1<<15-1)},
			{Name: clip(name2, 1, 255), Value: clip(value2, 0, 1<<15-1)},
		}
		d := eventstream.NewDecoder(bytes.NewReader(eventstream.Append(nil, want, payload)))
		got, err := d.Next()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, headers(got)); diff != "" || !bytes.Equal(got.Payload, payload) {
			t.Errorf("payload %q, headers (-want +got):\n%s", got.Payload, diff)
		}
		if _, err := d.Next(); !errors.Is(err, io.EOF) {
			t.Errorf("behind the frame: %v", err)
		}
	})
}

func BenchmarkDecoder(b *testing.B) {
	one := eventstream.Append(nil, []eventstream.Header{
		{Name: ":event-type", Value: "contentBlockDelta"},
		{Name: ":content-type", Value: "application/json"},
		{Name: ":message-type", Value: "event"},
	}, []byte(`{"contentBlockIndex":0,"delta":{"text":" capital of France"},"p":"abcdefghijklmnop"}`))
	r := bytes.NewReader(bytes.Repeat(one, 1000))
	b.SetBytes(int64(len(one)))
	b.ReportAllocs()
	d := eventstream.NewDecoder(r)
	for b.Loop() {
		f, err := d.Next()
		if err != nil {
			_, _ = r.Seek(0, io.SeekStart) // it cannot fail
			d = eventstream.NewDecoder(r)
			continue
		}
		if f.Header(eventstream.HeaderMessageType) == nil {
			b.Fatal("no header")
		}
	}
}
