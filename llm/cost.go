package llm

import "strconv"

// Cost is an amount of money, in 10⁻¹² USD: exact for every price by the token
// that a provider publishes.
type Cost int64

// costUnit is a US dollar in Costs.
const costUnit = 1_000_000_000_000

// USD is the cost in US dollars.
func (c Cost) USD() float64 { return float64(c) / costUnit }

// String is the cost in US dollars as a plain decimal, such as 0.0000153.
func (c Cost) String() string {
	var room [32]byte
	return string(c.Append(room[:0]))
}

// Append appends what String gives.
func (c Cost) Append(dst []byte) []byte {
	n := uint64(c)
	if c < 0 {
		dst, n = append(dst, '-'), -n
	}
	dst = strconv.AppendUint(dst, n/costUnit, 10)
	rest := n % costUnit
	if rest == 0 {
		return dst
	}
	dst = append(dst, '.')
	for digit := uint64(costUnit / 10); rest > 0; digit /= 10 {
		dst = append(dst, byte('0'+rest/digit))
		rest %= digit
	}
	return dst
}

// Pricer knows what calls of one model by one way cost.
type Pricer interface {
	// Cost is what usage costs under a service tier, in the provider's word for it
	// and empty for its default; not ok if a price that counts is not known.
	Cost(tier string, u *Usage) (c Cost, ok bool)
}
