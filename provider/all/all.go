// Package all is the one list of providers.
package all

import (
	"outcrop/provider"
	"outcrop/provider/bedrock"
	"outcrop/provider/openaicompat"
)

// Providers lists every provider that there is.
func Providers() []provider.Info {
	return append([]provider.Info{
		bedrock.Provider(),
	}, openaicompat.Providers()...)
}
