package gateway

import (
	"cmp"

	"outcrop/llm"
)

// price sets the cost of usage: what the provider says, otherwise the price under the tier that served, or
// the requested tier if the provider does not report one.
func (c *Call) price(u *llm.Usage, tier string) {
	if at := c.record.Meta.Bill; at != "" {
		if cost, ok := u.StatedCost(at); ok {
			u.Cost, c.record.CostStated = llm.Some(c.adjust(cost)), true
			return
		}
	}
	p := c.record.Meta.Price
	if p == nil {
		return
	}
	if cost, ok := p.Cost(tier, u); ok {
		u.Cost, c.charged, c.tier = llm.Some(c.adjust(cost)), cost, tier
	}
}

// Charged is what the provider charges for the call, before it is adjusted, and the parts of that; false if there are no parts, because
// the provider has stated the cost, or something other than tokens has a price.
func (c *Call) Charged() (cost llm.Cost, parts llm.Parts, ok bool) {
	p, ok := c.record.Meta.Price.(llm.PartsPricer)
	if !ok || !c.record.Usage.Cost.Set || c.record.CostStated {
		return 0, parts, false
	}
	parts, ok = p.Parts(c.tier, &c.record.Usage)
	return c.charged, parts, ok && parts.Sum() == c.charged
}

// adjust is what the caller is charged for what the provider charges.
func (c *Call) adjust(cost llm.Cost) llm.Cost {
	if c.g.adjustments.None() {
		return cost
	}
	c.adjusted = c.g.adjustments.Of(c.provider(), cmp.Or(c.record.Meta.Destination.ID, c.record.Model), cost)
	return c.adjusted.Cost
}

// provider is the name of the provider that served the call.
func (c *Call) provider() string { return cmp.Or(c.record.Meta.Destination.Provider, "bedrock") }

// Adjusted is what the cost of the call is made of; false if it is not adjusted, or the sum of several.
func (c *Call) Adjusted() (llm.Adjusted, bool) {
	cost := c.record.Usage.Cost
	return c.adjusted, !c.g.adjustments.None() && cost.Set && cost.Value == c.adjusted.Cost
}

// Cost is the cost of the call; unset as long as it is unknown.
func (c *Call) Cost() llm.Opt[llm.Cost] { return c.record.Usage.Cost }

// estimate sets the usage of a response without reported usage, from the characters of prompt and
// response: about four per token.
func (c *Call) estimate(prompt, out int64, tier string) {
	c.record.Usage = about(prompt, out)
	c.price(&c.record.Usage, tier)
	c.record.Estimated = true
}

// answerLength is the number of characters of a response.
func answerLength(r *llm.Response) (n int64) {
	for i := range r.Blocks {
		n += int64(len(r.Blocks[i].Text))
		if use := r.Blocks[i].ToolUse; use != nil {
			n += int64(len(use.Input))
		}
	}
	return n
}

func promptLength(req *llm.Request) (n int64) {
	count := func(blocks []llm.Block) {
		for i := range blocks {
			b := &blocks[i]
			n += int64(len(b.Text))
			if b.ToolUse != nil {
				n += int64(len(b.ToolUse.Input))
			}
			if b.ToolResult != nil {
				for j := range b.ToolResult.Content {
					n += int64(len(b.ToolResult.Content[j].JSON) + len(b.ToolResult.Content[j].Block.Text))
				}
			}
		}
	}
	count(req.System)
	for i := range req.Turns {
		count(req.Turns[i].Blocks)
	}
	for i := range req.Tools {
		n += int64(len(req.Tools[i].Description) + len(req.Tools[i].Schema))
	}
	return n
}
