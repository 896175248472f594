package gateway

import "outcrop/llm"

// Batch prices what a batch at a deployment has used, by the provider's model, and records that. The cost of
// the call that looks at the batch is another matter: it is made as often as the client asks. ok is false if
// the price is unknown; estimated is as in llm.Prices.Batch.
func (c *Call) Batch(deployment, model string, u *llm.Usage) (cost llm.Cost, estimated, ok bool) {
	p, ok := c.g.router.PriceAt(deployment, model).(*llm.Prices)
	if !ok {
		return 0, false, false
	}
	cost, estimated, ok = p.Batch(u)
	if ok {
		cost = c.g.adjustments.Of(c.provider(), model, cost).Cost
		c.record.BatchCost, c.record.BatchEstimated = llm.Some(cost), estimated
	}
	return cost, estimated, ok
}
