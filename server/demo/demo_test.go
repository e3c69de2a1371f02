package demo_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/render/child"
	"github.com/countersign-dev/countersign/server/demo"
)

func TestMain(m *testing.M) {
	child.Enter("render-child")
	os.Exit(m.Run())
}

func start(t *testing.T) (*demo.Demo, *bytes.Buffer) {
	t.Helper()
	out := &bytes.Buffer{}
	d, err := demo.Start(t.Context(), demo.Options{Version: "test", RenderArgs: []string{"render-child"}, Out: out})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d, out
}

// The walk tells the story that the README promises, in this order.
func TestWalk(t *testing.T) {
	d, out := start(t)
	if err := d.Walk(t.Context()); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	rest := text
	for _, want := range []string{
		"✓ countersign (main)",           // 1 is clean
		"✗ countersign (main)",           // 2 violates
		"! countersign (main): Waiting",  // 3 waits
		"✗ countersign (main)",           // 4 is hostile
		"CS-SSH-001",                     // what 2 must fix
		"GitHub refuses",                 // nobody merges 3 yet
		"✓ countersign (main): Approved", // carol was the second
		"! countersign (main)",           // sixty are not six
		"✓ countersign (main): Approved",
		"merged #3",
		"! countersign (main)", // 2 without its key
		"countersign reacts: rocket",
		"169.254.169.254", // what 4 wanted
		"GitHub refuses",
	} {
		before, after, ok := strings.Cut(rest, want)
		if !ok {
			t.Fatalf("no %q after what came before it; the walk:\n%s", want, text)
		}
		_, rest = before, after
	}
}

// What a person types by mistake is answered, and ends nothing.
func TestTalk(t *testing.T) {
	d, out := start(t)
	in := strings.NewReader("\nhelp\nshow\nshow 9\nfly 2\napprove 3\napprove 3 nobody\npush 1\nmerge x\nprs\nquit\n")
	if err := d.Talk(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"show N", `"show" is not known, or lacks`, `no pull request "9"`, `"fly" is not known`,
		`"approve" is not known, or something is missing`, "nobody", "nothing more is prepared for #1", `no pull request "x"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
}
