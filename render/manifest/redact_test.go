package manifest

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/countersign-dev/countersign/render"
)

func TestRedact(t *testing.T) {
	var seen Seen
	for _, content := range []string{
		"apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {a: hunter2hunter2, short: word}\n",
		"apiVersion: v1\nkind: Secret\nmetadata: {name: b}\ndata: {a: c2VjcmV0c2VjcmV0MTIz, b: " +
			"\"${PLACEHOLDER_NAME}\"}\n",
		"apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  stringData: {a: listedlisted1}\n",
		"secretGenerator:\n- name: x\n  literals: [a=literalliteral, 'b=\"quotedquoted\"']\n",
		"kind: Secret\napiVersion: v1\nx: [${X}]\nstringData:\n  a: brokenbroken1\n  b: |\n    blockblockblock\n",
		"user=x\npassword=envpassword1\n",
		pemKey,
	} {
		seen.Observe([]byte(content))
	}
	for text, want := range map[string]string{
		"bad value hunter2hunter2 at line 3":               "bad value [secret] at line 3",
		"short word stays":                                 "short word stays",
		"c2VjcmV0c2VjcmV0MTIz and secretsecret123":         "[secret] and [secret]",
		"aHVudGVyMmh1bnRlcjI=":                             "[secret]",
		"listedlisted1 literalliteral quotedquoted":        "[secret] [secret] [secret]",
		"brokenbroken1 blockblockblock":                    "[secret] [secret]",
		"envpassword1":                                     "[secret]",
		"MIIEowIBAAKCAQEAtestTESTtestTEST0123456789abcdef": "[secret]",
		"${PLACEHOLDER_NAME} stays":                        "${PLACEHOLDER_NAME} stays",
		"token " + jwt + " unseen":                         "token [secret] unseen",
		"a\x1b[31m\tb\n\nc\u202e\u200b":                    "a[31m b c",
		"a\xffb":                                           "ab",
		"":                                                 "",
	} {
		if got := Redact(text, &seen); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if got := Redact("nil "+awsKey, nil); got != "nil [secret]" {
		t.Error(got)
	}
}

func TestRedactWithTooManySecrets(t *testing.T) {
	var seen Seen
	for i := range seenValues + 1 {
		seen.Add(fmt.Sprintf("value-number-%d", i))
	}
	if got := Redact("value-number-20000", &seen); strings.Contains(got, "20000") {
		t.Error(got)
	}
}

func TestRedactedTextIsOneShortLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		got := Redact(strings.Repeat(rapid.String().Draw(t, "text"), rapid.IntRange(1, 200).Draw(t, "times")), nil)
		if len(got) > redactedText || !utf8.ValidString(got) || strings.ContainsFunc(got, unicode.IsControl) {
			t.Fatalf("%q", got)
		}
	})
}

func TestConfusables(t *testing.T) {
	for _, test := range []struct {
		identity render.Identity
		want     []string
	}{
		{render.Identity{Group: "apps", Kind: "Deployment", Namespace: "a-b", Name: "${CLUSTER_NAME}-x.y"}, nil},
		{
			render.Identity{Kind: "Pod", Name: "pr\u043ed"},
			[]string{`confusable name "pr\u043ed": it mixes letters of several scripts`},
		},
		{
			render.Identity{Kind: "Pod", Name: "\u0440\u043e\u0440"},
			[]string{`confusable name "\u0440\u043e\u0440": it has characters that look like others`},
		},
		{
			render.Identity{Kind: "P\u200bod", Name: "a"},
			[]string{`confusable kind "P\u200bod": it holds an invisible character`},
		},
		{render.Identity{Kind: "Pod", Namespace: "a\u202eb", Name: "a\x00"}, []string{
			`confusable namespace "a\u202eb": it holds a character that changes the direction of text`,
			`confusable name "a\x00": it holds an invisible character`,
		}},
		{
			render.Identity{Kind: "Pod", Name: "\uff50\uff52\uff4f\uff44"},
			[]string{`confusable name "\uff50\uff52\uff4f\uff44": it has characters that look like others`},
		},
		{
			render.Identity{Kind: "Pod", Name: "cafe\u0301"},
			[]string{`confusable name "cafe\u0301": it has characters that look like others`},
		},
		{render.Identity{Kind: "Pod", Name: "a b"}, nil},
	} {
		var got []string
		for _, notice := range Confusables(test.identity) {
			if notice.Cause != render.CauseHostile || notice.Remedy == "" {
				t.Errorf("AC-066 %+v", notice)
			}
			got = append(got, notice.Message)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Error("AC-066", diff)
		}
	}
}
