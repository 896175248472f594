package alphamask_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"testing"

	"outcrop/internal/alphamask"
)

func encode(t *testing.T, i image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, i); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestTransparentPartsAreToBeEdited(t *testing.T) {
	mask := image.NewNRGBA(image.Rect(0, 0, 2, 1))
	mask.Set(0, 0, color.NRGBA{R: 9, A: 255})
	mask.Set(1, 0, color.NRGBA{R: 9, A: 0})
	out, err := alphamask.Flatten(encode(t, mask), 0, 255)
	if err != nil {
		t.Fatal(err)
	}
	got, err := png.Decode(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	for x, want := range []uint32{0xffff, 0} {
		if r, g, b, a := got.At(x, 0).RGBA(); r != want || g != want || b != want || a != 0xffff {
			t.Errorf("pixel %d is %d %d %d %d", x, r, g, b, a)
		}
	}
}

func TestAMaskWithoutTransparencyStaysAsItIs(t *testing.T) {
	given := encode(t, image.NewGray(image.Rect(0, 0, 2, 2)))
	if out, err := alphamask.Flatten(given, 0, 255); err != nil || !bytes.Equal(out, given) {
		t.Errorf("%d bytes, %v", len(out), err)
	}
}

func TestWhatIsNoMaskIsAnError(t *testing.T) {
	huge := encode(t, image.NewGray(image.Rect(0, 0, 1, 1)))
	copy(huge[16:], "\x00\x10\x00\x00\x00\x10\x00\x00") // a header of 2^20 pixels square
	for _, mask := range [][]byte{nil, []byte("GIF89a"), huge} {
		if _, err := alphamask.Flatten(mask, 0, 255); err == nil {
			t.Errorf("%.10q is a mask", mask)
		}
	}
}
