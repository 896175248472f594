package bearer

import (
	"slices"
	"strings"
	"time"

	"outcrop/internal/jsonx"
)

// Fields are the claims that have what a token's calls belong to, in the notation of LiteLLM's litellm_jwtauth: a dot
// leads into an object, and a backslash before a dot makes it part of the name. Empty for what no claim has.
type Fields struct {
	User, Email, Team, Teams, Organization, Customer string
	// Roles and UserRoles are lists, or one text. Object is the id of a team or a user, which the role says.
	Roles, UserRoles, Object string
	// DefaultTeam is the team of a token that has no claim Team.
	DefaultTeam string
	// AdminScope is the scope of tokens of those who run the gateway; empty for none.
	AdminScope string
}

// Identity is what a verified token says of who sends it.
type Identity struct {
	Issuer, Subject string
	// User, Team, Organization and Customer are ids; empty for none.
	User, Team, Organization, Customer string
	// UserClaimed is whether the claim of Fields.User has the user's id, and not the e-mail address.
	UserClaimed bool
	// Roles, UserRoles and Object are the claims of these fields, and Scopes that of scope.
	Roles, UserRoles, Scopes []string
	Object                   string
	// Email is the user's address; empty if there is none, or if the token says that it is not verified.
	Email string
	// Teams are several teams, of which the first one that may make a call makes it.
	Teams []string
	// Admin is whether the token has the scope of those who run the gateway.
	Admin bool
	// Expires is when the token ends.
	Expires time.Time
}

// identity reads what claims say.
func (f *Fields) identity(claims jsonx.Raw) *Identity {
	id := &Identity{
		Issuer: text(find(claims, "iss")), Subject: text(find(claims, "sub")), User: text(find(claims, f.User)), Organization: text(find(claims, f.Organization)),
		Customer: text(find(claims, f.Customer)), Teams: texts(find(claims, f.Teams)),
		Roles: texts(find(claims, f.Roles)), UserRoles: texts(find(claims, f.UserRoles)), Object: text(find(claims, f.Object)),
	}
	id.UserClaimed = id.User != ""
	if string(find(claims, "email_verified")) != "false" {
		id.Email = text(find(claims, f.Email))
	}
	if id.User == "" {
		id.User = id.Email
	}
	team := find(claims, f.Team)
	if id.Team = text(team); id.Team == "" {
		if list := texts(team); len(list) > 0 {
			id.Team = list[0]
		}
	}
	if team == nil {
		id.Team = f.DefaultTeam
	}
	slices.Sort(id.Teams) // LiteLLM asks them in this order
	id.Teams = slices.Compact(id.Teams)
	id.Scopes = texts(find(claims, "scope"))
	if scope := text(find(claims, "scope")); scope != "" {
		id.Scopes = strings.Fields(scope)
	}
	id.Admin = f.AdminScope != "" && slices.Contains(id.Scopes, f.AdminScope)
	return id
}

// find returns the claim at a path; nil if there is none.
func find(claims jsonx.Raw, path string) jsonx.Raw {
	if path == "" {
		return nil
	}
	path = strings.TrimPrefix(path, "metadata.") // as LiteLLM does (dot_notation_indexing.py, get_nested_value)
	for claims.Kind() == '{' {
		members, err := jsonx.Members(claims)
		if err != nil {
			return nil
		}
		name, rest, more := segment(path)
		claims = jsonx.Find(members, name)
		if !more {
			if claims.Kind() == 'n' {
				return nil
			}
			return claims
		}
		path = rest
	}
	return nil
}

// segment cuts a path at its first dot that has no backslash before it.
func segment(path string) (name, rest string, more bool) {
	var b strings.Builder
	for {
		i := strings.IndexByte(path, '.')
		if i < 0 {
			return b.String() + path, "", false
		}
		if i == 0 || path[i-1] != '\\' {
			return b.String() + path[:i], path[i+1:], true
		}
		b.WriteString(path[:i-1] + ".")
		path = path[i+1:]
	}
}

// text is a claim that is a text or a number, as providers write ids; empty for any other.
func text(claim jsonx.Raw) string {
	switch claim.Kind() {
	case '"':
		var s string
		if jsonx.Unmarshal(claim, &s) != nil || len(s) > maxID {
			return ""
		}
		return s
	case '0':
		return string(claim)
	default:
		return ""
	}
}

// texts are the elements of a claim that is a list, or a claim that is one text.
func texts(claim jsonx.Raw) []string {
	if s := text(claim); s != "" {
		return []string{s}
	}
	var list []jsonx.Raw
	if claim.Kind() != '[' || jsonx.Unmarshal(claim, &list) != nil {
		return nil
	}
	var found []string
	for _, item := range list[:min(len(list), maxList)] {
		if s := text(item); s != "" {
			found = append(found, s)
		}
	}
	return found
}

// Bounds of what is read of a claim.
const (
	maxID   = 1024 // bytes
	maxList = 256
)
