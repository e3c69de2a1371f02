package fleet

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/policy/fleet/field"
	"github.com/countersign-dev/countersign/policy/fleet/reference"
	"github.com/countersign-dev/countersign/policy/fleet/symbol"
	"github.com/countersign-dev/countersign/render"
)

// principals returns the cloud identities that an object works with, as far as
// they can be followed: the role, the client, or the very values of a Secret.
func (c *collector) principals(n *node) []use {
	var uses []use
	for _, l := range n.links {
		if l.role != reference.RoleIdentity {
			continue
		}
		if l.found == FoundMissing {
			u := newUse(n, ShareIdentity, identityText(l.target), l.path)
			u.key += "\x00" + n.spot.destination
			uses = append(uses, u)
			continue
		}
		who, known := c.names[l.targets[0]]
		if !known {
			who.key, who.words = principal(l.targets[0])
			c.names[l.targets[0]] = who
		}
		uses = append(uses, use{ShareIdentity, who.key, who.words, "", n, l.path})
	}
	return uses
}

// principal says who an identity object is: equal keys are the same one.
func principal(n *node) (key, words string) {
	own := field.At(n.object, "spec")
	switch n.spot.Kind {
	case "AWSClusterRoleIdentity":
		words = prefixed("AWS role ", field.Text(own, "roleARN"))
	case "AzureClusterIdentity":
		words = prefixed("Azure client ", field.Text(own, "clientID"))
	case "Secret":
		if values := secretValues(n); values != "" {
			return values, identityText(n.spot.Identity)
		}
	}
	if words != "" && !symbol.Holds(words) {
		return words, words
	}
	words = cmp.Or(words, identityText(n.spot.Identity))
	return words + "\x00" + n.spot.destination + "\x00" + identityText(n.spot.Identity), words
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

// secretValues sums up the values of a Secret; "" when it holds none that
// anybody could compare.
func secretValues(n *node) string {
	var digests []string
	for _, m := range n.res.Masked {
		if telling(m.Class) {
			digests = append(digests, m.Path.String()+"="+m.Digest)
		}
	}
	if len(digests) == 0 {
		return ""
	}
	slices.Sort(digests)
	sum := sha256.Sum256([]byte(strings.Join(digests, "\x00")))
	return hex.EncodeToString(sum[:])
}

// telling reports whether equal digests of a class mean equal secrets.
func telling(class render.SecretClass) bool {
	switch class {
	case render.SecretCA, render.SecretPrivateKey, render.SecretKubeconfig, render.SecretToken, render.SecretLiteral:
		return true
	}
	return false
}

// accounts returns the cloud accounts that an object's resources lie in.
func accounts(n *node) []use {
	chain := base(n)
	own := n.below(chain)
	var uses []use
	switch provider(n.spot.Kind) {
	case "aws":
		for _, l := range n.links {
			if l.role != reference.RoleIdentity || l.found == FoundMissing {
				continue
			}
			arn := strings.Split(field.Text(l.targets[0].object, "spec", "roleARN"), ":")
			if len(arn) > 5 && arn[4] != "" {
				uses = append(uses, newUse(n, ShareAccount, "AWS account "+arn[4], l.path))
			}
		}
	case "azure":
		if id := field.Text(own, "subscriptionID"); id != "" {
			uses = append(uses, newUse(n, ShareAccount, "Azure subscription "+id,
				field.Path(append(chain, "subscriptionID")...)))
		}
	case "gcp":
		if id := field.Text(own, "project"); id != "" {
			uses = append(uses, newUse(n, ShareAccount, "GCP project "+id, field.Path(append(chain, "project")...)))
		}
	}
	return uses
}

// authorities returns where the certificate authorities of a cluster come
// from, for an object that supplies one of them.
func authorities(n *node) []use {
	secret := secretMade(n)
	if secret == "" || strings.HasSuffix(secret, "-kubeconfig") {
		return nil
	}
	switch n.spot.Kind {
	case "Secret":
		return keyMaterial(n)
	case "ExternalSecret":
		return externalKeys(n)
	case "VaultStaticSecret":
		words := "Vault secret " + field.Text(n.object, "spec", "mount") + "/" + field.Text(n.object, "spec", "path")
		return []use{newUse(n, ShareCA, words, field.Path("spec", "path"))}
	case "Certificate":
		return issuers(n)
	}
	return nil
}

// keyMaterial reads the key of a Secret, or its certificate when the key is
// not there. Bundles of public certificates under other names are no authority.
func keyMaterial(n *node) []use {
	for _, wanted := range []string{"tls.key", "tls.crt"} {
		for _, m := range n.res.Masked {
			if len(m.Path) == 2 && m.Path[1] == wanted && telling(m.Class) {
				words := "the " + wanted + " of " + identityText(n.spot.Identity)
				return []use{{ShareCA, m.Digest, words, "", n, m.Path}}
			}
		}
	}
	return nil
}

// externalKeys reads where an ExternalSecret takes its values from.
func externalKeys(n *node) []use {
	store := field.Text(n.object, "spec", "secretStoreRef", "name")
	var uses []use
	add := func(path render.Path, ref any) {
		key, property := field.Text(ref, "key"), field.Text(ref, "property")
		if key == "" || property == "tls.crt" || property == "ca.crt" {
			return
		}
		words := "external secret " + key + prefixed("#", property) + prefixed(" of store ", store)
		uses = append(uses, newUse(n, ShareCA, words, path))
	}
	field.Visit(n.object, field.Keys("spec.data.*.remoteRef"), add)
	field.Visit(n.object, field.Keys("spec.dataFrom.*.extract"), add)
	return uses
}

// issuers reads who signs an authority's certificate; one that signs itself
// shares nothing.
func issuers(n *node) []use {
	if field.At(n.object, "spec", "isCA") != true {
		return nil
	}
	var uses []use
	for _, l := range n.links {
		if l.role != reference.RoleIssuer {
			continue
		}
		where := n.spot.destination
		if l.found != FoundMissing {
			if field.At(l.targets[0].object, "spec", "selfSigned") != nil {
				continue
			}
			where = l.targets[0].spot.destination
		}
		u := newUse(n, ShareCA, identityText(l.target), l.path)
		u.key = u.words + "\x00" + where
		uses = append(uses, u)
	}
	return uses
}
