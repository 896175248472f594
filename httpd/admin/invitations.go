package admin

import (
	"errors"
	"time"

	"outcrop/store"
)

// invitationFor is how long an invitation can be accepted, as in LiteLLM.
const invitationFor = 7 * 24 * time.Hour

// newInvitation serves /invitation/new: an invitation of a user to LiteLLM's user interface, kept for its clients.
func (x *exchange) newInvitation() ([]byte, error) {
	given, err := x.given([]field{{name: "user_id", form: text}})
	if err != nil {
		return nil, err
	}
	user, err := x.userNamed(given)
	if err != nil {
		return nil, err
	}
	if !x.caller.admin() {
		if err := x.ofMine(user); err != nil {
			return nil, err
		}
	}
	t := x.create(store.KindInvitation, newID(), given, nil)
	t.UserID = user.ID
	t.doc.put("id", t.ID)
	t.doc.put("user_id", user.ID)
	t.doc.set("is_accepted", truthOf(false))
	t.doc.set("accepted_at", nil)
	t.doc.set("expires_at", moment(x.now.Add(invitationFor)))
	if err := x.add(nil, t); err != nil {
		return nil, err
	}
	return x.invitationShown(t), nil
}

func (x *exchange) invitationShown(t *thing) []byte {
	d := x.shown(t)
	d.drop("spend")
	return d.bytes()
}

// invitation reads an invitation.
func (x *exchange) invitation(id string) (*thing, error) {
	t, err := x.entity(store.KindInvitation, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, refused("invitation_id", "Invitation id does not exist in the database.")
	}
	return t, err
}

// getInvitation serves /invitation/info.
func (x *exchange) getInvitation() ([]byte, error) {
	t, err := x.invitation(x.r.URL.Query().Get("invitation_id"))
	if err != nil {
		return nil, err
	}
	return x.invitationShown(t), nil
}

// updateInvitation serves /invitation/update.
func (x *exchange) updateInvitation() ([]byte, error) {
	t, given, err := x.invitationOfBody()
	if err != nil {
		return nil, err
	}
	if given.get("is_accepted") == nil {
		return nil, invalid("is_accepted", "is_accepted must be given.")
	}
	t.doc.set("is_accepted", given.get("is_accepted"))
	t.doc.set("accepted_at", nil)
	if given.yes("is_accepted") {
		t.doc.set("accepted_at", moment(x.now))
	}
	x.touch(t)
	if err := x.put(t); err != nil {
		return nil, err
	}
	return x.invitationShown(t), nil
}

// invitationOfBody reads the invitation that a body names.
func (x *exchange) invitationOfBody() (*thing, *document, error) {
	body, err := x.object()
	if err != nil {
		return nil, nil, err
	}
	given, err := x.take(body, []field{{name: "invitation_id", form: text}, {name: "is_accepted", form: truth}})
	if err != nil {
		return nil, nil, err
	}
	t, err := x.invitation(given.text("invitation_id"))
	return t, given, err
}

// deleteInvitation serves /invitation/delete.
func (x *exchange) deleteInvitation() ([]byte, error) {
	t, _, err := x.invitationOfBody()
	if err != nil {
		return nil, err
	}
	if !x.caller.admin() && t.doc.text("created_by") != x.caller.UserID {
		return nil, forbidden("invitation_id", "Only proxy admins can delete the invitations of others.")
	}
	if err := x.change(store.Change{Delete: []store.Ref{{Kind: t.Kind, ID: t.ID}}}); err != nil {
		return nil, err
	}
	return x.invitationShown(t), nil
}
