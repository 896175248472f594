package vault

import "time"

// SetNow sets the clock of a manager.
func (m *Manager) SetNow(now func() time.Time) { m.now = now }
