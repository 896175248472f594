package spend

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"strconv"
	"strings"

	"outcrop/store"
)

// A segment begins with a header that ends in the version of its records. A record is a checksum (CRC-32C) of
// the rest of the record, the length of the row, and the row; both numbers are of 4 bytes, little endian. Version 1
// has each row as a whole. In version 2, records refer to what rows have in common (see encoder).
const (
	header     = "outcropj" + string(rune(version))
	version    = 2
	oldest     = 1 // the oldest version that is read
	prefix     = 8
	maxRecord  = 4 << 20
	readBytes  = 1 << 20 // at first; most batches are smaller
	extension  = ".rows"
	nameDigits = 20
)

// errDamaged is returned for what is not a record.
var errDamaged = errors.New("the record is incomplete or damaged")

// reservedBytes is how large a segment is at least, in bytes, as long as a process writes it in memory that it shares with the file: the last
// record of a full one goes beyond what makes it full. Behind the last record it is zero until the process closes it.
const reservedBytes = segmentBytes + 256<<10

// errEnd is returned for zeros where a record could begin.
var errEnd = errors.New("there are zeros")

// segment is a file of rows with consecutive numbers.
type segment struct {
	first int64 // the number of the first row
	last  int64 // the number of the last row; unknown for those of earlier processes
	size  int64 // in bytes; what is behind it is not part of the segment
}

func (s *segment) name() string { return fmt.Sprintf("%0*d%s", nameDigits, s.first, extension) }

// parseName is the number of a segment's first row.
func parseName(name string) (int64, bool) {
	digits, isSegment := strings.CutSuffix(name, extension)
	first, err := strconv.ParseInt(digits, 10, 64)
	return first, isSegment && len(digits) == nameDigits && err == nil && first > 0
}

// castagnoli is a table for the checksums.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// seal writes what is before the row of the record that begins at a place of b, and ends with b.
func seal(b []byte, start int) {
	binary.LittleEndian.PutUint32(b[start+4:], uint32(len(b)-start-prefix))
	binary.LittleEndian.PutUint32(b[start:], crc32.Checksum(b[start+4:], castagnoli()))
}

// nextRecord is the row at the beginning of b, and the length of its record. It is nil if there is only a part of
// a record, and the error is errEnd if there is none.
func nextRecord(b []byte) (row []byte, size int, err error) {
	if len(b) < prefix {
		return nil, 0, nil
	}
	if binary.LittleEndian.Uint64(b) == 0 {
		return nil, 0, errEnd
	}
	length := int(binary.LittleEndian.Uint32(b[4:]))
	if length == 0 || length > maxRecord {
		return nil, 0, errDamaged
	}
	if size = prefix + length; len(b) < size {
		return nil, 0, nil
	}
	if binary.LittleEndian.Uint32(b) != crc32.Checksum(b[4:size], castagnoli()) {
		return nil, 0, errDamaged
	}
	return b[prefix:size], size, nil
}

// readHeader is the version of a segment. It returns errDamaged for what is no segment.
func readHeader(r io.ReaderAt) (byte, error) {
	got := make([]byte, len(header))
	if _, err := r.ReadAt(got, 0); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	n := len(header) - 1
	switch of := got[n]; {
	case string(got[:n]) != header[:n] || of == 0:
		return 0, errDamaged
	case of < oldest || of > version:
		return 0, fmt.Errorf("its version is %d, and this release knows %d to %d only: post it with the release that wrote it", of, oldest, version)
	default:
		return of, nil
	}
}

// load reads at most batchRows rows from an offset on, of a segment of some size. next is the offset behind them.
// An error is about what is there, behind the rows that are returned. The rows are the decoder's: the next load
// overwrites them.
func (d *decoder) load(r io.ReaderAt, offset, size int64) (rows []store.Row, next int64, err error) {
	wanted, most := min(size-offset, readBytes), min(size-offset, prefix+maxRecord)
	b, err := d.read(r, offset, wanted)
	if err == nil && int64(len(b)) == wanted && wanted < most && count(b) < batchRows {
		wanted = most
		b, err = d.read(r, offset, wanted)
	}
	if err != nil {
		return nil, offset, err
	}
	if int64(len(b)) < wanted { // the file is shorter than it was
		size = offset + int64(len(b))
	}
	text := string(b)
	d.begin(count(b))
	for next = offset; len(d.rows) < batchRows; {
		at := int(next - offset)
		row, n, err := nextRecord(b[at:])
		switch {
		case errors.Is(err, errEnd) && isReserved(r, next, size):
			return d.rows, size, nil
		case errors.Is(err, errEnd):
			return d.rows, next, errDamaged
		case err != nil:
			return d.rows, next, err
		case row == nil && offset+int64(len(b)) == size && at < len(b):
			if isReserved(r, next, size) {
				return d.rows, size, nil
			}
			return d.rows, next, errDamaged
		case row == nil:
			return d.rows, next, nil
		}
		if err := d.row(text[at+prefix : at+n]); err != nil {
			return d.rows, next, err
		}
		next += int64(n)
	}
	return d.rows, next, nil
}

// isReserved reports whether a segment of some size has nothing but reserved space from an offset on, which a process that was killed has
// not given back.
func isReserved(r io.ReaderAt, offset, size int64) bool {
	if size < reservedBytes {
		return false
	}
	b := make([]byte, 64<<10)
	for offset < size {
		n, err := r.ReadAt(b[:min(int64(len(b)), size-offset)], offset)
		if len(bytes.Trim(b[:n], "\x00")) > 0 || err != nil && (n == 0 || !errors.Is(err, io.EOF)) {
			return false
		}
		offset += int64(n)
	}
	return true
}

// count is how many records b has, of at most batchRows, if none is damaged.
func count(b []byte) (n int) {
	for n < batchRows && len(b) >= prefix {
		size := prefix + int64(binary.LittleEndian.Uint32(b[4:]))
		if size > int64(len(b)) {
			break
		}
		n, b = n+1, b[size:]
	}
	return n
}

// write writes a row. j.mu is held.
func (j *Journal) write(row *store.Row) error {
	if j.mustRoll() {
		if err := j.roll(); err != nil {
			return fmt.Errorf("%w: %w", ErrFull, err)
		}
	}
	j.buf = j.encoder.record(j.buf[:0], row)
	size := int64(len(j.buf))
	switch {
	case size > prefix+maxRecord:
		return fmt.Errorf("%w: its row of %d bytes is longer than %d", ErrFull, size, maxRecord)
	case j.bytes+size > j.opt.MaxBytes:
		return fmt.Errorf("%w: %d bytes wait to be posted, of at most %d", ErrFull, j.bytes, j.opt.MaxBytes)
	}
	s := j.segments[len(j.segments)-1]
	if n, err := j.file.Write(j.buf); err != nil {
		if n > 0 && j.file.Truncate(s.size) != nil { // nothing may follow a part of a record
			_ = j.file.Close()
			j.file = nil
		}
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	j.encoder.written()
	j.last++
	j.bytes += size
	s.last, s.size = j.last, s.size+size
	return nil
}

// mustRoll reports whether the next row begins a new segment. j.mu is held.
func (j *Journal) mustRoll() bool {
	return j.file == nil || j.segments[len(j.segments)-1].size >= j.opt.segmentBytes
}

// roll begins a new segment. j.mu is held.
func (j *Journal) roll() error {
	if j.file != nil {
		if j.opt.Sync {
			j.synchronized(j.last, j.file.Sync())
		}
		err := j.file.Close()
		if j.file = nil; err != nil {
			j.opt.Logger.Error("a segment of the journal cannot be closed", slog.String("error", err.Error()))
		}
	}
	s := &segment{first: j.last + 1, last: j.last, size: int64(len(header))}
	f, err := j.disk.create(s.name(), j.opt.Sync)
	if err != nil {
		return err
	}
	if _, err := f.Write([]byte(header)); err != nil {
		return errors.Join(err, f.Close(), j.disk.remove(s.name()))
	}
	if n := len(j.segments); n > 0 && j.segments[n-1].last < j.segments[n-1].first { // it had the same name
		j.segments = j.segments[:n-1]
		j.bytes -= s.size
	}
	j.encoder.begin()
	j.file, j.segments = f, append(j.segments, s)
	j.bytes += s.size
	return nil
}

// sync returns when the disk has the rows up to a number, or an attempt to write them to it has failed, which is
// logged. One caller's attempt is for all rows that have been written by then. j.mu is held, except while the disk is
// waited for.
func (j *Journal) sync(number int64) {
	for j.onDisk < number {
		if j.syncing {
			j.synced.Wait()
			continue
		}
		f, upto := j.file, j.last
		if f == nil {
			return
		}
		j.syncing = true
		j.mu.Unlock()
		err := f.Sync()
		j.mu.Lock()
		j.syncing = false
		j.synchronized(upto, err)
	}
}

// synchronized notes the outcome of an attempt for the rows up to a number. j.mu is held.
func (j *Journal) synchronized(upto int64, err error) {
	if err != nil && !j.unsynced {
		j.opt.Logger.Error("the disk does not confirm what is written to the journal: a power failure would lose it", slog.String("error", err.Error()))
	}
	j.onDisk, j.unsynced = max(j.onDisk, upto), err != nil
	j.synced.Broadcast()
}
