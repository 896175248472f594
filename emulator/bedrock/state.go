package bedrock

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"outcrop/emulator/bedrock/account"
	"outcrop/emulator/bedrock/catalogue"
	"outcrop/emulator/bedrock/policy"
)

// Secret is a string that is redacted when printed.
type Secret = account.Secret

// state is the state of an account: its set-up, and what calls have changed since.
// Another set-up gets a new state.
type state struct {
	setup *account.Setup
	// configured is set if there is a set-up; without one, every call is allowed.
	configured bool
	keys       map[string]credential // by access key id
	apiKeys    map[string]string     // principals by long-term API key

	mu            sync.Mutex
	useCase       []byte // the form; nil if it is missing
	retention     string
	retentionAt   time.Time            // when it was changed; zero if it was not
	subscriptions map[string]time.Time // since when, by model id
	used          map[string][]*use    // by region and model
}

// someUseCase is the form submitted before the emulator started.
const someUseCase = `{"companyName":"Example Corp","intendedUsers":"0"}`

// newState returns the initial state of a set-up, which may be nil.
func (e *Emulator) newState(s *account.Setup) (*state, error) {
	st := &state{
		setup: s, configured: s != nil, keys: map[string]credential{}, apiKeys: map[string]string{},
		useCase: []byte(someUseCase), retention: account.RetentionInherit, subscriptions: map[string]time.Time{}, used: map[string][]*use{},
	}
	if s == nil {
		st.setup = new(account.Setup)
		return st, nil
	}
	if err := s.Check(); err != nil {
		return nil, err
	}
	all := e.catalogue.Load().All()
	for i, m := range s.Models {
		if !slices.ContainsFunc(all, func(model *catalogue.Model) bool { return fits(m.Model, model.ID) }) {
			return nil, fmt.Errorf("models[%d].model: %q fits no model", i, m.Model)
		}
	}
	if s.UseCase == account.Missing {
		st.useCase = nil
	}
	st.retention = cmp.Or(s.DataRetention, account.RetentionInherit)
	for i := range s.Users {
		u := &s.Users[i]
		arn := e.principalARN(&u.Principal, "user")
		for _, k := range u.Keys {
			st.keys[k.AccessKeyID] = credential{Key: Key{AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey, SessionToken: k.SessionToken, Principal: arn}}
		}
		for _, k := range u.APIKeys {
			st.apiKeys[string(k)] = arn
		}
	}
	for i := range s.Roles {
		r := &s.Roles[i]
		for _, k := range r.Keys {
			st.keys[k.AccessKeyID] = credential{Key: Key{
				AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey, SessionToken: k.SessionToken,
				Principal: "arn:" + partition(e.options.Region) + ":sts::" + e.options.Account + ":assumed-role/" + r.Name + "/" + cmp.Or(k.Session, "emulated"),
			}, session: k.Policy}
		}
	}
	return st, nil
}

// SetAccount replaces the account's set-up, and resets what calls have changed since
// the last one: subscriptions, forms, used quotas. nil removes the set-up. Sessions of
// roles remain, but a removed role is allowed nothing. Calls in progress keep the
// set-up that they started with. It fails, and changes nothing, if the set-up
// contradicts itself; the error names the field as in JSON.
func (e *Emulator) SetAccount(s *account.Setup) error {
	st, err := e.newState(s)
	if err != nil {
		return err
	}
	e.state.Store(st)
	e.authorizations.Store(nil)
	return nil
}

// principalARN is the ARN of a user or a role of the set-up.
func (e *Emulator) principalARN(p *account.Principal, kind string) string {
	return "arn:" + partition(e.options.Region) + ":iam::" + e.options.Account + ":" + kind + cmp.Or(p.Path, "/") + p.Name
}

// fits reports whether a model's id matches a pattern of the set-up.
func fits(pattern, id string) bool {
	ok, err := path.Match(pattern, id)
	return ok && err == nil // Check rejects patterns that are invalid for path.Match
}

// about returns the set-up of a model; nil if there is none.
func (s *state) about(id string) *account.Model {
	for i := range s.setup.Models {
		if fits(s.setup.Models[i].Model, id) {
			return &s.setup.Models[i]
		}
	}
	return nil
}

// caller is a principal as IAM sees it.
type caller struct {
	// arn is the ARN of the caller: a user, or a session of a role.
	arn string
	// identity is the user or role that has the policies, and kind its
	// aws:PrincipalType.
	identity, kind string
	// name is the user's, or the session's.
	name string
	// principal has the policies; nil for an administrator, whose identity policies
	// allow everything.
	principal *account.Principal
	session   *policy.Policy // passed to AssumeRole; nil for none
	unknown   bool           // the set-up has roles, but not this one
}

// caller returns the user or role of an ARN, which may also be that of a role itself.
// Credentials of the options whose user is not in the set-up are an administrator's,
// and so are roles if the set-up has none.
func (s *state) caller(arn string, session *policy.Policy) caller {
	c := caller{arn: arn, identity: arn, kind: "User", session: session}
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 {
		return c
	}
	kind, rest, _ := strings.Cut(parts[5], "/")
	switch kind {
	case "user":
		c.name = rest[strings.LastIndexByte(rest, '/')+1:]
		for i := range s.setup.Users {
			if u := &s.setup.Users[i].Principal; u.Name == c.name {
				c.principal = u
			}
		}
	case "assumed-role", "role":
		c.kind = "AssumedRole"
		role := rest[strings.LastIndexByte(rest, '/')+1:]
		if kind == "assumed-role" {
			role, c.name, _ = strings.Cut(rest, "/")
		}
		c.identity = "arn:" + parts[1] + ":iam::" + parts[4] + ":role/" + role
		if len(s.setup.Roles) > 0 {
			c.principal, c.unknown = new(account.Principal), true
		}
		for i := range s.setup.Roles {
			if r := &s.setup.Roles[i].Principal; r.Name == role {
				c.principal, c.unknown = r, false
				c.identity = "arn:" + parts[1] + ":iam::" + parts[4] + ":role" + cmp.Or(r.Path, "/") + r.Name
			}
		}
	}
	return c
}
