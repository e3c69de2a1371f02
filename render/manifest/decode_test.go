package manifest

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/countersign-dev/countersign/render"
)

func decodeOne(t testing.TB, text string) map[string]any {
	t.Helper()
	docs, failure := Decode("a.yaml", []byte(text), Limits{})
	if failure != nil {
		t.Fatalf("decode: %+v", failure)
	}
	object, ok := docs[0].Value.(map[string]any)
	if !ok {
		t.Fatalf("not a mapping: %v", docs[0].Value)
	}
	return object
}

// kustomized is what kustomize prints for a manifest, decoded from its output.
func kustomized(t *testing.T, manifest string) map[string]any {
	t.Helper()
	files := filesys.MakeFsInMemory()
	for name, content := range map[string]string{
		"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": manifest,
	} {
		if err := files.WriteFile(name, []byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, ".")
	if err != nil {
		t.Fatal(err)
	}
	printed, err := built.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	err = yaml.Unmarshal(printed, &object, func(d *json.Decoder) *json.Decoder { d.UseNumber(); return d })
	if err != nil {
		t.Fatal(err)
	}
	return object
}

func TestValuesAreTypedAsKustomizePrintsThem(t *testing.T) {
	for _, scalar := range []string{
		"yes", "no", "on", "off", "y", "n", "Yes", "true", "True", "TRUE", "~", "null", "Null", "",
		"0", "1", "-1", "+1", "0644", "0o644", "0x1F", "0b101", "1_000", "08", "-0", "00",
		"9223372036854775807", "9223372036854775808", "18446744073709551615", "-9223372036854775808",
		"1.0", "1.5", "-0.0", "1e3", "1e21", "1e-7", "1.", ".5", "1.10", "100000000000000000000000.5",
		"2001-01-01", "2001-01-01T10:00:00Z", "2001-12-14t21:59:43.10-05:00", "12:30", "190:20:30",
		`"1"`, "'yes'", "!!str 123", "!!int 7", "!!float 3", "!custom text", "1.2.3", "1.28", "v1.28", "=", "<<x",
		"{}", "[]", "{a: }", "{a}", "{a: {b: }, c: [{d: }]}", "{a: ~, b: null}", "\n    a:\n    b: {c: }",
		"!!binary aGVsbG8=", "0.1", "1e400x", "0x", "1__0", "_1", "|\n    a\n    b\n",
		">-\n    a\n    b\n", `"\u00e9\t"`, "123456789012345678", "-0644", "1E5", "12e03", "0.0000001",
	} {
		t.Run(scalar, func(t *testing.T) {
			text := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\nextra:\n  v: " + scalar + "\n"
			want := kustomized(t, text)
			if diff := cmp.Diff(want, decodeOne(t, text)); diff != "" {
				t.Errorf("-kustomize +ours:\n%s", diff)
			}
		})
	}
}

func TestMergesAreResolvedAsKustomizeDoes(t *testing.T) {
	text := `apiVersion: v1
kind: ConfigMap
metadata: {name: x}
a: &a {x: 1, y: 1, z: {q: 1}}
b: &b {x: 2, w: 2, z: {r: 1}}
one: {<<: *a, y: 9}
two: {y: 9, <<: [*a, *b]}
three: &c {<<: *b, k: 1}
four: {<<: *c, w: 3}
list: [*a, *b]
empty: &e {n: , m: {o: }}
five:
  <<: *e
six: {<<: *e}
seven: &f
  g:
  h: ~
eight: [*f]
nine:
  <<: *f
ten: {<<: *f}
`
	if diff := cmp.Diff(kustomized(t, text), decodeOne(t, text)); diff != "" {
		t.Errorf("-kustomize +ours:\n%s", diff)
	}
}

func TestLongIntegersKeepTheirDigits(t *testing.T) {
	got := decodeOne(t, "a: 123456789012345678901234567890\nb: -99999999999999999999\n")
	want := map[string]any{
		"a": json.Number("123456789012345678901234567890"), "b": json.Number("-99999999999999999999"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestKeysBecomeText(t *testing.T) {
	got := decodeOne(t, "1: a\ntrue: b\n1.5: c\n2001-01-01: d\nyes: e\n")
	want := map[string]any{"1": "a", "true": "b", "1.5": "c", "2001-01-01": "d", "yes": "e"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeRefuses(t *testing.T) {
	deep := strings.Repeat("[", 300) + strings.Repeat("]", 300)
	for _, test := range []struct {
		name, text string
		cause      render.Cause
		line       int
		message    string
	}{
		{"AC-054 cycle", "data: &a {k: *a}\n", render.CauseHostile, 1, "alias"},
		{"cycle in a list", "a:\n- &x\n  - *x\n", render.CauseHostile, 3, "alias"},
		{"cycle by merge", "a: &x\n  <<: *x\n", render.CauseHostile, 2, "alias"},
		{"cycle in a key", "a: &x {*x : 1}\n", render.CauseHostile, 1, "alias"},
		{"AC-055 bomb", bomb(9), render.CauseLimit, 0, "1000000 YAML nodes"},
		{"bomb of text", textBomb(), render.CauseLimit, 0, "bytes after alias expansion"},
		{"deep", "a: " + deep, render.CauseLimit, 1, "levels of nesting"},
		{"very deep", strings.Repeat("[", 20000), render.CauseSyntax, 0, "nested too deeply"},
		{"deep by aliases", deepAliases(250), render.CauseLimit, 0, "levels of nesting"},
		{"large", strings.Repeat("# comment\n", 110_000), render.CauseLimit, 0, "larger"},
		{"duplicate", "a: 1\nb: 2\na: 3\n", render.CauseSyntax, 3, `duplicate key "a" in one mapping, first at line 1`},
		{"duplicate by text", "1: a\n\"1\": b\n", render.CauseSyntax, 2, "duplicate key in one mapping"},
		{"duplicate below", "x:\n  - y: {a: 1, 'a': 2}\n", render.CauseSyntax, 2, "duplicate"},
		{"null key", "~: 1\n", render.CauseSyntax, 1, "a key that is null"},
		{"map key", "? {a: 1}\n: 2\n", render.CauseSyntax, 1, "a key that is null, a list"},
		{"NUL", "a: 1\nb: \x00\n", render.CauseSyntax, 2, "NUL"},
		{"not UTF-8", "a: 1\nb: \xff\n", render.CauseSyntax, 2, "UTF-8"},
		{"UTF-16", "\xff\xfea\x00:\x00 \x001\x00", render.CauseSyntax, 1, ""},
		{"nan", "a: .nan\n", render.CauseSyntax, 1, ".nan"},
		{"placeholder", "a: [${A}]\n", render.CauseSyntax, 1, ""},
		{"unknown alias", "a: 1\nb: *nope\n", render.CauseSyntax, 2, "without an anchor"},
		{"control character", "a: 1\nb: \x01\n", render.CauseSyntax, 2, "control"},
		{"indentation", "a:\n  b: 1\n c: 2\n", render.CauseSyntax, 0, "indentation"},
		{"tab", "a:\n\tb: 1\n", render.CauseSyntax, 2, ""},
		{"merge of text", "a:\n  <<: text\n", render.CauseSyntax, 2, "\"<<\""},
		{"binary", "a: !!binary /w==\n", render.CauseSyntax, 1, "!!binary"},
		{"wrong tag", "a: !!int secret\n", render.CauseSyntax, 1, "tag"},
		{"LFS", "version https://git-lfs.github.com/spec/v1\noid sha256:x\n", render.CauseUnreadable, 1, "LFS"},
	} {
		t.Run(test.name, func(t *testing.T) {
			start := time.Now()
			_, failure := Decode("dir/a.yaml", []byte(test.text), Limits{})
			if failure == nil {
				t.Fatal("accepted")
			}
			if failure.Cause != test.cause || !strings.Contains(failure.Message, test.message) {
				t.Errorf("%+v", failure)
			}
			if failure.Source.File != "dir/a.yaml" || test.line != 0 && failure.Source.Line != test.line {
				t.Errorf("source %+v, want line %d", failure.Source, test.line)
			}
			if strings.ContainsAny(failure.Message+failure.Remedy, "\n\r") || failure.Remedy == "" {
				t.Errorf("text %q %q", failure.Message, failure.Remedy)
			}
			if spent := time.Since(start); spent > 2*time.Second {
				t.Errorf("took %v", spent)
			}
		})
	}
}

func bomb(levels int) string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x,x,x,x,x,x,x,x,x]\n")
	for i := 1; i <= levels; i++ {
		item := fmt.Sprintf("*a%d", i-1)
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(item+",", 9), ","))
	}
	return b.String()
}

func textBomb() string {
	return "a: &a " + strings.Repeat("x", 1<<16) + "\nb: [" + strings.Repeat("*a,", 1000) + "]\n"
}

func deepAliases(levels int) string {
	var b strings.Builder
	b.WriteString("a0: &a0 x\n")
	for i := 1; i <= levels; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [*a%d]\n", i, i, i-1)
	}
	return b.String()
}

func TestBombsCostNothing(t *testing.T) {
	for name, text := range map[string]string{"cycle": "data: &a {k: *a}\n", "laughs": bomb(9)} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		result := testing.Benchmark(func(b *testing.B) {
			for b.Loop() {
				if _, failure := Decode("a.yaml", []byte(text), Limits{}); failure == nil {
					b.Fatal("accepted")
				}
			}
		})
		runtime.ReadMemStats(&after)
		if result.NsPerOp() > 5_000_000 || result.AllocedBytesPerOp() > 1<<20 {
			t.Errorf("%s: %s", name, result.String()+result.MemString())
		}
		t.Logf("%s: %s %s", name, result, result.MemString())
	}
}

func TestProblemsQuoteNoSecret(t *testing.T) {
	const secret = "hunter2SECRETvalue99"
	for _, text := range []string{
		secret + ": 1\n" + secret + ": 2\n",
		"a: *" + secret + "\n",
		"a: !!int " + secret + "\n",
		"a: [" + secret + "\n",
		"a: \"" + secret + "\n",
		"a: !" + secret + "!x y\n",
		"apiVersion: v1\nkind: " + secret + "\n",
		"apiVersion: v1\nkind: Secret\nmetadata: {generateName: " + secret + "}\n",
	} {
		docs, failure := Decode("a.yaml", []byte(text), Limits{})
		if failure == nil {
			_, failure = Canonical(docs[0].Value.(map[string]any), testKey, nil)
		}
		if failure == nil {
			t.Errorf("accepted: %q", text)
			continue
		}
		if strings.Contains(failure.Message+failure.Remedy, secret) {
			t.Errorf("quotes the file: %+v", failure)
		}
	}
}

func TestParse(t *testing.T) {
	got, failure := Parse(".countersign.yaml", []byte("# c\nmode: enforce\nroots:\n  include:\n  - a\n"))
	if failure != nil {
		t.Fatal(failure)
	}
	want := []string{"mode 2", "roots 3", "roots.include 4", "roots.include[0] 5"}
	var lines []string
	for _, position := range got.Positions {
		lines = append(lines, fmt.Sprintf("%s %d", position.Path, position.Source.Line))
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
	for text, message := range map[string]string{
		"a: 1\n---\nb: 2\n": "second YAML document", "a: 1\na: 2\n": "duplicate", "a: 1\n--- \n": "second",
	} {
		if _, failure := Parse("c.yaml", []byte(text)); failure == nil || !strings.Contains(failure.Message, message) {
			t.Errorf("AC-042 %q: %+v", text, failure)
		}
	}
	for _, text := range []string{"", "# only\n"} {
		if got, failure := Parse("c.yaml", []byte(text)); failure != nil || got.Value != nil {
			t.Errorf("%q: %v %v", text, got, failure)
		}
	}
}

func TestPositionsAreBounded(t *testing.T) {
	text := strings.Repeat("[", 150) + strings.Repeat("1,", 200_000) + strings.Repeat("]", 150)
	docs, failure := Decode("a.yaml", []byte(text), Limits{})
	if failure != nil {
		t.Fatal(failure)
	}
	if got := len(docs[0].Positions()); got == 0 || got > positionSteps/100 {
		t.Errorf("%d positions", got)
	}
	if line := docs[0].Line(render.Path{0, 0, "x"}); line != 1 {
		t.Errorf("line %d", line)
	}
}

func FuzzDecode(f *testing.F) {
	for _, text := range []string{
		"a: &x {b: *x}", bomb(3), "a: [${A}]", "{\"a\": 1e5}", "<<: {a: 1}", "? a\n: b", "--- |\n x",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		docs, failure := Decode("a.yaml", content, Limits{})
		if failure != nil {
			if docs != nil || strings.ContainsAny(failure.Message, "\n\x00") || failure.Source.File == "" {
				t.Fatalf("%v %+v", docs, failure)
			}
			return
		}
		for _, doc := range docs {
			encoded := AppendCanonical(nil, doc.Value)
			var back any
			decoder := json.NewDecoder(strings.NewReader(string(encoded)))
			decoder.UseNumber()
			if err := decoder.Decode(&back); err != nil {
				t.Fatalf("%v: %s", err, encoded)
			}
			if diff := cmp.Diff(doc.Value, back); diff != "" {
				t.Fatal(diff)
			}
			_ = doc.Positions()
		}
	})
}
