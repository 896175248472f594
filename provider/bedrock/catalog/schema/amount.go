package schema

import "outcrop/catalog/schema"

// Amount is the price of a token, as in the catalogue of all providers.
type Amount = schema.Amount

// Dollars is the price of a thing, as there.
type Dollars = schema.Dollars

// Source is an origin of facts, as there.
type Source = schema.Source
