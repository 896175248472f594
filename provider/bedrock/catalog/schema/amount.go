package schema

import "outcrop/catalog/schema"

// Amount, Dollars and Source have the form that they have in the catalogue of all providers.
type (
	Amount  = schema.Amount
	Dollars = schema.Dollars
	Source  = schema.Source
)
