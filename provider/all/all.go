// Package all is the one list of providers.
package all

import (
	"outcrop/provider"
	"outcrop/provider/bedrock"
)

// Providers lists every provider that there is.
func Providers() []provider.Info {
	return []provider.Info{bedrock.Provider()}
}
