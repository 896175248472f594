// Package alphamask makes masks of images black and white. OpenAI's masks say by transparency where an
// image is to be edited; other APIs have masks in two colours.
package alphamask

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
)

// maxPixels bounds the memory for a mask; it is more than any model takes.
const maxPixels = 4096 * 4096

// Flatten returns a PNG in which the parts of a mask that are more transparent than not have the grey value
// edit, and the others keep. A mask without any transparency is returned as it is. The error is for a
// mask that is no PNG, or too large.
func Flatten(mask []byte, edit, keep uint8) ([]byte, error) {
	config, err := png.DecodeConfig(bytes.NewReader(mask))
	switch {
	case err != nil:
		return nil, fmt.Errorf("it is not a PNG: %w", err)
	case config.Width <= 0 || config.Height <= 0 || config.Width > maxPixels/config.Height:
		return nil, fmt.Errorf("it has %d by %d pixels, which is too much", config.Width, config.Height)
	}
	from, err := png.Decode(bytes.NewReader(mask))
	if err != nil {
		return nil, fmt.Errorf("it is not a PNG: %w", err)
	}
	if o, ok := from.(interface{ Opaque() bool }); ok && o.Opaque() {
		return mask, nil
	}
	bounds := from.Bounds()
	to := image.NewGray(bounds)
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			_, _, _, alpha := from.At(x, y).RGBA()
			value := keep
			if alpha < 0x8000 {
				value = edit
			}
			to.SetGray(x, y, color.Gray{Y: value})
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, to); err != nil {
		return nil, errors.New("it cannot be written in black and white")
	}
	return out.Bytes(), nil
}
