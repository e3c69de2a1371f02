package symbol

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/render"
)

var known = map[string]string{"SET": "value", "NUM": "3", "EMPTY": "", "NEST": "${SET}", "QUOTED": `"3"`}

func TestResolveScalar(t *testing.T) {
	tests := []struct {
		text  string
		want  any
		names []string
	}{
		{"plain", "plain", nil},
		{"${X}", "${X}", []string{"X"}},
		{"${X:=d}", "d", nil},
		{"${X:-d}", "d", nil},
		{"${X=d}", "d", nil},
		{"${X-d}", "d", nil},
		{"${ X }", "${ X }", []string{"X"}},
		{"${ X := d }", "${ X := d }", []string{"X"}},
		{"${ SET }", "${ SET }", []string{"SET"}},
		{"${SET }", "${SET }", []string{"SET"}},
		{"${X :=d}", "${X :=d}", []string{"X"}},
		{"${X:= d }", "d", nil},
		{"${ }", "${ }", []string{""}},
		{"${SET}", "value", nil},
		{"${SET:=d}", "value", nil},
		{"${SET-d}", "value", nil},
		{"${EMPTY:=d}", "d", nil},
		{"${EMPTY-d}", nil, nil},
		{"${EMPTY=d}", nil, nil},
		{"${X:?must}", "${X:?must}", []string{"X"}},
		{"${SET:?must}", "value", nil},
		{"${X:+alt}", "${X:+alt}", []string{"X"}},

		{`${X:=""}`, "", nil},
		{`${X:=''}`, "", nil},
		{"${X:=}", nil, nil},
		{"${X:=~}", nil, nil},
		{"${X:=3}", json.Number("3"), nil},
		{"${X:=-3}", json.Number("-3"), nil},
		{"${X:=0.25}", json.Number("0.25"), nil},
		{`${X:="3"}`, "3", nil},
		{"${X:='it''s'}", "it's", nil},
		{"${NUM}", json.Number("3"), nil},
		{"${QUOTED}", "3", nil},
		{"${X:=true}", true, nil},
		{"${X:=False}", false, nil},
		{"${X:=0644}", "0644", nil},
		{"${X:=v1.32.5}", "v1.32.5", nil},
		{"${X:=1.2.3}", "1.2.3", nil},
		{"${X:=[]}", []any{}, nil},
		{"${X:=192.168.0.0/16}", "192.168.0.0/16", nil},
		{"${X:=[a, b]}", "${X:=[a, b]}", []string{"X"}},
		{"${X:=*anchor}", "${X:=*anchor}", []string{"X"}},
		{"${X:=a: b}", "${X:=a: b}", []string{"X"}},
		{"${X:=a # b}", "${X:=a # b}", []string{"X"}},
		{`${X:="open}`, `${X:="open}`, []string{"X"}},

		{"a-${X:=3}", "a-3", nil},
		{"a-${X}-${Y:=y}", "a-${X}-y", []string{"X"}},
		{"${A:=${B:=deep}}", "deep", nil},
		{"${A:=${B}}", "${B}", []string{"B"}},
		{"${A:=${B}-x}", "${B}-x", []string{"B"}},
		{`${A:="${B}-x"}`, "${B}-x", []string{"B"}},

		{"$${X:=d}", "$${X:=d}", nil},
		{"a$$b", "a$$b", nil},
		{"$X", "$X", nil},
		{"${X", "${X", nil},
		{"${X:=${Y}", "${X:=${Y}", nil},
		{"${X/a/b}", "${X/a/b}", []string{"X"}},
		{"${X//+/_}", "${X//+/_}", []string{"X"}},
		{"${X%.*}", "${X%.*}", []string{"X"}},
		{"${SET/a/b}", "${SET/a/b}", []string{"SET"}},
		{"${#X}", "${#X}", []string{"#X"}},
		{"${1}", "${1}", []string{"1"}},
		{"${}", "${}", []string{""}},
		{"${NEST}", "${NEST}", []string{"NEST"}},
		// What would join into a placeholder that nobody wrote stays.
		{"${A:=$}{B:=d}", "${A:=$}{B:=d}", []string{"A"}},
		{`${A:="\u0024{B:=d\u007d"}`, `${A:="\u0024{B:=d\u007d"}`, []string{"A"}},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			got, names := resolveScalar(test.text, known)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("value (-want +got):\n%s", diff)
			}
			if !slices.Equal(names, test.names) {
				t.Errorf("names: got %q, want %q", names, test.names)
			}
		})
	}
}

func TestResolve(t *testing.T) {
	untouched := map[string]any{"a": []any{"x", "${X}"}}
	object := map[string]any{
		"metadata": map[string]any{"name": "${X}", "labels": map[string]any{"${K}": "v"}},
		"spec": map[string]any{
			"replicas":             "${N:=3}",
			"keep":                 untouched,
			"preKubeadmCommands":   []any{"echo ${HOME:=/root}"},
			"bootstrapCommands":    []any{"${X}"},
			"files":                []any{map[string]any{"path": "${P:=/etc/x}", "content": "${C}"}},
			"content":              "${C:=no file}",
			"text":                 "#!/bin/sh\necho ${X:=y}\n",
			"block":                "${X:=y}\n",
			"args":                 []any{"--gate=${GATE:=false}"},
			"userData":             "${U}",
			"patch":                map[string]any{"op": "add", "path": "/spec/preKubeadmCommands/-", "value": "${S}"},
			"patchOfSomethingElse": map[string]any{"op": "add", "path": "/spec/x", "value": "${V:=1}"},
		},
	}
	before := fmt.Sprint(object)
	got, holes := Resolve(object, nil)
	if fmt.Sprint(object) != before {
		t.Fatal("the object that came in was changed")
	}
	spec := got["spec"].(map[string]any)
	want := maps.Clone(object["spec"].(map[string]any))
	want["replicas"] = json.Number("3")
	want["content"] = "no file"
	want["block"] = "y\n"
	want["args"] = []any{"--gate=false"}
	want["files"] = []any{map[string]any{"path": "/etc/x", "content": "${C}"}}
	want["patchOfSomethingElse"] = map[string]any{"op": "add", "path": "/spec/x", "value": json.Number("1")}
	if diff := cmp.Diff(want, spec); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
	if &untouched["a"].([]any)[0] != &spec["keep"].(map[string]any)["a"].([]any)[0] {
		t.Error("an unchanged part was copied")
	}
	wantHoles := []engine.Placeholder{
		{Path: render.Path{"metadata", "labels", "${K}"}, Symbol: "K"},
		{Path: render.Path{"metadata", "name"}, Symbol: "X"},
		{Path: render.Path{"spec", "keep", "a", 1}, Symbol: "X"},
	}
	if diff := cmp.Diff(wantHoles, holes); diff != "" {
		t.Errorf("placeholders (-want +got):\n%s", diff)
	}
}

// soup draws texts of the pieces that placeholders are made of.
func soup() *rapid.Generator[string] {
	pieces := []string{"$", "{", "}", "${", "$$", "A", "B", ":=", "-", "=",
		`"`, "'", "\\u0024", "\\u007d", "1", " ", "[", "]", "/", "x"}
	return rapid.Map(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 14), func(parts []string) string {
		return strings.Join(parts, "")
	})
}

func TestResolvingTwiceChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkStable(t, soup().Draw(t, "text"), map[string]string{"A": soup().Draw(t, "A")})
	})
}

func FuzzResolveScalar(f *testing.F) {
	for _, seed := range []string{"${X:=1}", "a${B:=${A}}b", "$${A}", `${A:="x"}`, "${A", "${A:=$}{B}", "${B=$}{}",
		"${A//x/${B}}"} {
		f.Add(seed, "value")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		checkStable(t, text, map[string]string{"A": value})
	})
}

// checkStable holds what must hold of every text: what is resolved stays so,
// what is unresolved is said, and nothing else is.
func checkStable(t rapid.TB, text string, values map[string]string) {
	first, names := resolveScalar(text, values)
	out, isText := first.(string)
	if !isText {
		if len(names) > 0 {
			t.Fatalf("%q became %v and still has %q", text, first, names)
		}
		return
	}
	again, left := resolveScalar(out, values)
	if again != any(out) {
		t.Fatalf("%q became %q, then %q", text, out, again)
	}
	if !slices.Equal(names, left) {
		t.Fatalf("%q became %q: names %q, then %q", text, out, names, left)
	}
}

func TestHostileNesting(t *testing.T) {
	deep := strings.Repeat("${A:=", 100_000) + strings.Repeat("}", 100_000)
	if _, names := resolveScalar(deep, nil); len(names) != 1 {
		t.Errorf("deep nesting: %d names, want 1", len(names))
	}
	resolveScalar(strings.Repeat("${A:=", 300_000), nil)
	resolveScalar(strings.Repeat("${A}", 300_000), nil)
}

func TestTrim(t *testing.T) {
	for text, want := range map[string]string{
		"plain": "plain", "${X}": "${X}", "${ X }": "${X}", "a-${ X}-${Y\t}-b": "a-${X}-${Y}-b",
		"${ X := d }": "${ X := d }", "${ 1 }": "${ 1 }", "$ { X }": "$ { X }", "${ X": "${ X",
	} {
		if got := Trim(text); got != want {
			t.Errorf("Trim(%q) = %q, want %q", text, got, want)
		}
	}
}
