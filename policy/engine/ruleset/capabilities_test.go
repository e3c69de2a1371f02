package ruleset

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/ast"
)

// refused reads the builtins that rules may not call.
func refused(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/refused.txt")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(text))
}

// TestEveryBuiltinIsDecidedOn fails when an upgrade of OPA brings a builtin:
// it goes into builtins.txt or testdata/refused.txt, with a reason in review.
func TestEveryBuiltinIsDecidedOn(t *testing.T) {
	var all []string
	for _, builtin := range ast.CapabilitiesForThisVersion().Builtins {
		all = append(all, builtin.Name)
	}
	decided := slices.Concat(strings.Fields(allowed), refused(t))
	slices.Sort(all)
	slices.Sort(decided)
	if diff := cmp.Diff(all, decided); diff != "" {
		t.Errorf("OPA's builtins (-) and those decided on (+):\n%s", diff)
	}
}

// TestAllowed pins the list itself, so that a line is not added in passing.
func TestAllowed(t *testing.T) {
	caps, err := capabilities()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, builtin := range caps.Builtins {
		got = append(got, builtin.Name)
	}
	const want = `
		abs and array.concat array.flatten array.reverse array.slice assign ceil concat contains count div
		endswith eq equal floor format_int glob.match glob.quote_meta graph.reachable gt gte indexof indexof_n
		internal.member_2 internal.member_3 internal.print intersection is_array is_boolean is_null is_number
		is_object is_set is_string json.filter json.marshal json.remove lower lt lte max min minus mul neq
		numbers.range object.filter object.get object.keys object.remove object.subset object.union
		object.union_n or plus print regex.find_all_string_submatch_n regex.find_n regex.match regex.replace
		regex.split rem replace round semver.compare semver.is_valid sort split sprintf startswith
		strings.any_prefix_match strings.any_suffix_match strings.count strings.replace_n strings.reverse
		substring sum time.parse_duration_ns time.parse_rfc3339_ns to_number trim trim_left trim_prefix
		trim_right trim_space trim_suffix type_name union upper walk`
	if diff := cmp.Diff(strings.Fields(want), got); diff != "" {
		t.Errorf("builtins that rules may call (-pinned +now):\n%s", diff)
	}
	if caps.AllowNet == nil || len(caps.AllowNet) != 0 {
		t.Errorf("AllowNet is %v: nil means every host", caps.AllowNet)
	}
	for _, builtin := range caps.Builtins {
		if builtin.Nondeterministic {
			t.Errorf("%s is not deterministic", builtin.Name)
		}
	}
}

func TestUnknownAllowedBuiltinIsAnError(t *testing.T) {
	if _, err := capabilities("no.such"); err == nil || !strings.Contains(err.Error(), `"no.such"`) {
		t.Errorf("got %v", err)
	}
}
