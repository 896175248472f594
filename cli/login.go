package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"outcrop/config"
	"outcrop/internal/jsonx"
)

// loginCommand signs a person in at the gateway's identity provider.
type loginCommand struct {
	URL      string        `name:"url" env:"OUTCROP_URL" default:"http://127.0.0.1:4000" placeholder:"URL" help:"The gateway's address."`
	Team     string        `placeholder:"TEAM" help:"The id of the team that the key is for, if you are in several."`
	Show     bool          `help:"Print the key of the last login, for another program; do not sign in."`
	Interval time.Duration `hidden:"" default:"2s"`
}

// logoutCommand forgets the key of a login.
type logoutCommand struct {
	URL string `name:"url" env:"OUTCROP_URL" default:"http://127.0.0.1:4000" placeholder:"URL" help:"The gateway's address."`
}

// session is what a login has left.
type session struct {
	Key     string `json:"key"`
	User    string `json:"user"`
	Expires string `json:"expires"`
}

// sessionsFile is where the sessions are, by the address of the gateway.
func sessionsFile() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", &hinted{"there is no folder for the key: " + err.Error(), "Set XDG_CONFIG_HOME or HOME."}
	}
	return filepath.Join(dir, "outcrop", "login.json"), nil
}

// sessions reads the sessions; there are none if the file cannot be read as such.
func sessions() map[string]session {
	all := map[string]session{}
	file, err := sessionsFile()
	if err != nil {
		return all
	}
	text, err := os.ReadFile(file)
	if err != nil || jsonx.Unmarshal(text, &all) != nil {
		return map[string]session{}
	}
	return all
}

// keep writes the sessions, for the user's eyes only.
func keep(all map[string]session) (file string, err error) {
	if file, err = sessionsFile(); err != nil {
		return "", err
	}
	text, err := jsonx.Marshal(all)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o700)
	}
	if err != nil {
		return "", err
	}
	fresh, err := os.CreateTemp(filepath.Dir(file), "login") // which nobody else can read
	if err != nil {
		return "", err
	}
	_, err = fresh.Write(text)
	if err = errors.Join(err, fresh.Close()); err == nil {
		err = os.Rename(fresh.Name(), file)
	}
	if err != nil {
		return "", errors.Join(err, os.Remove(fresh.Name()))
	}
	return file, nil
}

// sessionKey is the key of a login at a gateway; empty if there is none that still works.
func sessionKey(base string) config.Secret {
	s := sessions()[base]
	if ends, err := time.Parse(time.RFC3339, s.Expires); err != nil || !time.Now().Before(ends) {
		return ""
	}
	return config.Secret(s.Key)
}

// Run signs in.
func (c *loginCommand) Run(ctx context.Context, con console) error {
	m, err := (&adminFlags{gatewayFlag: gatewayFlag{URL: c.URL}}).open(ctx, con.err)
	if err != nil {
		return err
	}
	defer m.close()
	if c.Show {
		key := sessionKey(m.base)
		if key == "" {
			return &hinted{"nobody is logged in at " + m.base + ", or the key has ended", "Run outcrop login."}
		}
		_, err := fmt.Fprintln(con.out, key.Reveal())
		return err
	}
	m.key, m.source = "", "" // the gateway gives one
	answer, err := m.post(ctx, "/sso/cli/start", &object{})
	if err != nil {
		return loginFault(err)
	}
	var begun struct {
		ID     string `json:"login_id"`
		Secret string `json:"poll_secret"`
		Code   string `json:"user_code"`
		Ends   int    `json:"expires_in"`
	}
	if err := jsonx.Unmarshal(answer, &begun); err != nil || begun.ID == "" {
		return m.stranger()
	}
	_, err = fmt.Fprintf(con.out, "Open this address in your browser, and sign in:\n\n  %s\n\nThen enter this code there: %s\n", m.base+"/sso/key/generate?source=litellm-cli&key="+url.QueryEscape(begun.ID), printable(begun.Code))
	if err != nil {
		return err
	}
	s, err := c.wait(ctx, m, begun.ID, begun.Secret, time.Duration(begun.Ends)*time.Second)
	if err != nil {
		return err
	}
	all := sessions()
	all[m.base] = *s
	file, err := keep(all)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(con.out, "\nYou are logged in as %s until %s. The key is in %s; outcrop login --show prints it.\n", printable(s.User), printable(s.Expires), file)
	return err
}

// loginFault gives a refusal of the gateway its next step.
func loginFault(err error) error {
	if e, ok := errors.AsType[*apiError](err); ok {
		return &hinted{capitalless(strings.TrimSuffix(e.message, ".")), "Run outcrop login again, or ask the gateway's operator."}
	}
	return err
}

// wait asks for the key until the person has signed in.
func (c *loginCommand) wait(ctx context.Context, m *manager, id, secret string, most time.Duration) (*session, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, most, &hinted{"the time to sign in is over", "Run outcrop login again."})
	defer cancel()
	tick := time.NewTicker(max(c.Interval, time.Millisecond))
	defer tick.Stop()
	path := "/sso/cli/poll/" + url.PathEscape(id)
	if c.Team != "" {
		path += "?team_id=" + url.QueryEscape(c.Team)
	}
	for {
		select {
		case <-ctx.Done():
			if e, ok := errors.AsType[*hinted](context.Cause(ctx)); ok {
				return nil, e
			}
			return nil, errInterrupted
		case <-tick.C:
		}
		answer, err := m.poll(ctx, path, secret)
		if err != nil {
			return nil, loginFault(err)
		}
		var s struct {
			Status  string   `json:"status"`
			Key     string   `json:"key"`
			User    string   `json:"user_id"`
			Expires string   `json:"expires"`
			Teams   []string `json:"teams"`
			Choose  bool     `json:"requires_team_selection"`
		}
		switch err := jsonx.Unmarshal(answer, &s); {
		case err != nil:
			return nil, m.stranger()
		case s.Status == "pending":
		case s.Choose:
			return nil, &hinted{"you are in several teams: " + printable(strings.Join(s.Teams, ", ")), "Run outcrop login --team with one of them."}
		case s.Key == "":
			return nil, m.stranger()
		default:
			return &session{s.Key, s.User, s.Expires}, nil
		}
	}
}

// poll asks for the key of a login.
func (m *manager) poll(ctx context.Context, path, secret string) (jsonx.Raw, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.base+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("X-Litellm-Cli-Poll-Secret", secret)
	res, err := m.client.Do(req)
	if err != nil {
		return nil, m.unreachable(ctx, err)
	}
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return nil, m.unreachable(ctx, err)
	}
	switch {
	case !jsonx.Valid(answer):
		return nil, m.stranger()
	case res.StatusCode == http.StatusForbidden:
		return nil, &hinted{"the gateway refuses the key" + said(answer), "Check --team, and run outcrop login again."}
	case res.StatusCode != http.StatusOK:
		return nil, m.refused(res.StatusCode, answer)
	}
	return answer, nil
}

// said is the message of a refusal.
func said(answer jsonx.Raw) string {
	var body struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if jsonx.Unmarshal(answer, &body) != nil || body.Error.Message == "" {
		return ""
	}
	return ": " + printable(strings.TrimSuffix(body.Error.Message, "."))
}

// Run forgets the key. It works at the gateway until it ends.
func (c *logoutCommand) Run(con console) error {
	all := sessions()
	base := strings.TrimRight(c.URL, "/")
	if _, there := all[base]; !there {
		_, err := fmt.Fprintln(con.out, "Nobody is logged in at "+base+".")
		return err
	}
	delete(all, base)
	if _, err := keep(all); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	_, err := fmt.Fprintln(con.out, "The key is forgotten here. At the gateway it works until it ends; an admin can delete it before.")
	return err
}
