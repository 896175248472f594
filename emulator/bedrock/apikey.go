package bedrock

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A short-term API key is a presigned call: this prefix and, in base64, the URL
// bedrock.amazonaws.com/?Action=CallWithBearerToken&... without its scheme, with
// Version=1 added after the signature. AWS's own token generators make it in this form.
const shortTermPrefix = "bedrock-api-key-"

const (
	shortTermHost  = "bedrock.amazonaws.com"
	shortTermLimit = 12 * time.Hour // the longest lifetime that a generator may request
	dateTime       = "20060102T150405Z"
)

// authenticateShortTerm checks that a short-term key was made for the region by a known
// key pair and has not expired. A host without a region is served in the key's region.
func (e *Emulator) authenticateShortTerm(c *call, key, named string) error {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(key, shortTermPrefix))
	if err != nil {
		return invalidAPIKey()
	}
	query, ok := strings.CutPrefix(string(raw), shortTermHost+"/?")
	if !ok {
		return invalidAPIKey()
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return invalidAPIKey()
	}
	credential := values.Get("X-Amz-Credential")
	parts := strings.Split(credential, "/")
	signed, dateErr := time.Parse(dateTime, values.Get("X-Amz-Date"))
	seconds, lifeErr := strconv.Atoi(values.Get("X-Amz-Expires"))
	life := time.Duration(seconds) * time.Second
	if len(parts) != 5 || parts[3] != "bedrock" || dateErr != nil || lifeErr != nil || life <= 0 || life > shortTermLimit ||
		values.Get("Action") != "CallWithBearerToken" {
		return invalidAPIKey()
	}
	if named == "" {
		c.region = parts[2]
	}
	if parts[2] != c.region || !c.catalogue.HasRegion(c.region) {
		return invalidAPIKey()
	}
	now := e.options.Now()
	if now.After(signed.Add(life)) {
		return denied("Bearer Token has expired")
	}
	pair, known := e.key(c.state, parts[0], now)
	c.principal, c.session = cmp.Or(pair.Principal, c.principal), pair.session
	if e.options.AnyCredentials {
		return nil
	}
	if !known || values.Get("X-Amz-Security-Token") != string(pair.SessionToken) ||
		!hmac.Equal([]byte(values.Get("X-Amz-Signature")), []byte(presignature(query, parts, values.Get("X-Amz-Date"), pair.SecretAccessKey))) {
		return invalidAPIKey()
	}
	if !pair.Expires.IsZero() && !now.Before(pair.Expires) {
		return &refusal{status: http.StatusForbidden, kind: "ExpiredTokenException", message: "The security token included in the request is expired"}
	}
	return nil
}

// presignature is the SigV4 signature of the presigned POST that a short-term
// key is, for the query as it stands in the key and the parts of its credential
// (key, day, region, service, end).
func presignature(query string, credential []string, date string, secret Secret) string {
	var signed []string
	for parameter := range strings.SplitSeq(query, "&") {
		if !strings.HasPrefix(parameter, "X-Amz-Signature=") && !strings.HasPrefix(parameter, "Version=") {
			signed = append(signed, parameter)
		}
	}
	slices.Sort(signed)
	empty := sha256.Sum256(nil)
	canonical := sha256.Sum256([]byte("POST\n/\n" + strings.Join(signed, "&") + "\nhost:" + shortTermHost + "\n\nhost\n" + hex.EncodeToString(empty[:])))
	text := "AWS4-HMAC-SHA256\n" + date + "\n" + strings.Join(credential[1:], "/") + "\n" + hex.EncodeToString(canonical[:])
	key := []byte("AWS4" + string(secret))
	for _, part := range credential[1:] {
		key = mac(key, part)
	}
	return hex.EncodeToString(mac(key, text))
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
