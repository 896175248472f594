package app

import (
	"outcrop/secrets"
	managers "outcrop/secrets/all"
)

// openVault opens the secret manager for keys that are made, without calling it; nil if they are not kept there.
func openVault(opt *Options) (*secrets.Keeper, error) {
	if opt.Config == nil {
		return nil, nil //nolint:nilnil // there is none
	}
	m := opt.Config.General.KeyManagement
	if m == nil || !m.StoreKeys {
		return nil, nil //nolint:nilnil // there is none
	}
	manager, err := managers.Open(m.Settings)
	if err != nil {
		return nil, err
	}
	return secrets.NewKeeper(manager, m.KeyPrefix, opt.Logger), nil
}

func (a *App) closeVault() {
	if a.vault != nil {
		a.vault.Close()
	}
}
