// Package services is the list of services that check texts, and nothing else.
package services

import (
	"log/slog"
	"time"

	"outcrop/guard"
	"outcrop/guard/bedrock"
	"outcrop/guard/generic"
	"outcrop/guard/lakera"
	"outcrop/guard/moderation"
	"outcrop/guard/presidio"
	"outcrop/upstream"
)

// Settings are those of one service; the others are nil.
type Settings struct {
	Bedrock    *bedrock.Settings
	Presidio   *presidio.Settings
	Lakera     *lakera.Settings
	Generic    *generic.Settings
	Moderation *moderation.Settings
}

// Options are what services have beside their settings.
type Options struct {
	Client  *upstream.Client
	Environ func(string) string
	Logger  *slog.Logger
	Now     func() time.Time
}

// Open returns the check of a service. It calls nobody. end is called when it is not used any more.
func (s *Settings) Open(opt Options) (check guard.Checker, end func(), err error) {
	nothing := func() {}
	switch {
	case s.Bedrock != nil:
		c, err := bedrock.New(*s.Bedrock, bedrock.Options(opt))
		if err != nil {
			return nil, nil, err
		}
		return c, c.Close, nil
	case s.Presidio != nil:
		check, err = presidio.New(*s.Presidio, opt.Client)
	case s.Lakera != nil:
		check, err = lakera.New(*s.Lakera, opt.Client)
	case s.Generic != nil:
		check, err = generic.New(*s.Generic, opt.Client)
	default:
		check, err = moderation.New(*s.Moderation, opt.Client)
	}
	return check, nothing, err
}
