package gateway

import (
	"context"
	"math"

	"outcrop/llm"
)

// allowance is how much text a stream may make before the budgets of its call have to pay for more. A part of a
// response costs one comparison; the budgets are asked only when what they have reserved is used up.
type allowance struct {
	ctx    context.Context //nolint:containedctx // of the call: a stream's Next has none
	made   int64           // characters so far
	enough int64           // characters that are paid for
}

// unlimited ends the questions: nothing more is made, or no budget ends the stream.
func (a *allowance) unlimited() { a.enough = math.MaxInt64 }

// sample is the number of tokens from which the price of one is found.
const sample = 1024

// afford has the budgets pay for a stream whose usage is used so far, and sets how much more it may make. The error,
// an *llm.Error, says which budget is used up.
func (a *allowance) afford(c *Call, used llm.Usage, tier string) error {
	used.Cost = llm.Opt[llm.Cost]{}
	more := used
	more.Output += sample
	c.price(&used, tier)
	c.price(&more, tier)
	each := more.Cost.Value - used.Cost.Value
	if c.charge == nil || !used.Cost.Set || each <= 0 {
		a.unlimited()
		return nil
	}
	covered, err := c.charge.Cover(a.ctx, used.Cost.Value)
	if err != nil {
		return err
	}
	characters := 4 * sample * (float64(covered-used.Cost.Value) / float64(each))
	if characters > math.MaxInt64/2 {
		a.unlimited()
		return nil
	}
	a.enough = a.made + int64(characters)
	return nil
}

// about is the usage of a response as estimated from the characters of prompt and response: about four for a token.
func about(prompt, out int64) llm.Usage { return llm.Usage{Input: prompt / 4, Output: (out + 3) / 4} }
