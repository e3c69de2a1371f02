package report

import (
	"maps"
	"slices"
	"strings"
)

// maxBytes is GitHub's limit for the summary and for the text of a check run.
const maxBytes = 65535

// entry is one thing that is listed: it is shown whole or cut whole.
type entry struct {
	under string // the heading that it stands under; "" for none
	text  string // ends with a line feed
	must  bool   // cut only when all that need not be there is
	key   string // how it is counted when it is cut: "deletion", a rule's id
}

// section is a part of a Markdown text that may have to be cut.
type section struct {
	open, close string
	// forms are the same entries, told ever more briefly.
	forms [][]entry
	// floor is how many bytes the section keeps when others need room.
	floor int
	// rank orders cutting: the highest is cut first.
	rank int
}

// layout joins sections so that the whole has at most limit bytes: sections of
// high rank are told more briefly, then cut down to their floors, with a count
// of what is missing, before others lose anything. The floors must add up to
// less than the limit.
func layout(sections []section, limit int) string {
	texts := make([]string, len(sections))
	total := 0
	for i, s := range sections {
		texts[i] = s.render(s.forms[0], nil)
		total += len(texts[i])
	}
	order := make([]int, len(sections))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return sections[b].rank - sections[a].rank })
	for _, i := range order {
		s := sections[i]
		for _, form := range s.forms[1:] {
			if total <= limit {
				break
			}
			total -= len(texts[i])
			texts[i] = s.render(form, nil)
			total += len(texts[i])
		}
		if total > limit && len(texts[i]) > s.floor {
			total -= len(texts[i])
			texts[i] = s.fit(max(s.floor, limit-total))
			total += len(texts[i])
		}
	}
	return strings.Join(texts, "")
}

// render writes the entries, without those that are cut, and says what was.
func (s section) render(entries []entry, cut map[int]bool) string {
	var b strings.Builder
	b.WriteString(s.open)
	under := ""
	missing := map[string]int{}
	for i, e := range entries {
		if cut[i] {
			missing[e.key]++
			continue
		}
		if e.under != under {
			b.WriteString(e.under)
			under = e.under
		}
		b.WriteString(e.text)
	}
	if len(missing) > 0 {
		b.WriteString(cutLine(missing))
	}
	b.WriteString(s.close)
	return b.String()
}

// maxKeys is how many kinds of cut entries are counted apart.
const maxKeys = 12

// cutLine says how many entries were cut, by what they are.
func cutLine(missing map[string]int) string {
	all, rest := 0, 0
	var parts []string
	keys := slices.SortedFunc(maps.Keys(missing), func(a, b string) int {
		if missing[a] != missing[b] {
			return missing[b] - missing[a]
		}
		return strings.Compare(a, b)
	})
	for i, key := range keys {
		all += missing[key]
		if i < maxKeys {
			parts = append(parts, keyText(key)+" × "+thousands(missing[key]))
		} else {
			rest += missing[key]
		}
	}
	if rest > 0 {
		parts = append(parts, "others × "+thousands(rest))
	}
	return "\n**… and " + thousands(all) + " more, cut because GitHub shows no longer text:** " +
		strings.Join(parts, ", ") + ". `countersign review` lists them all.\n"
}

// cutRoom is what [cutLine] takes besides the keys.
const cutRoom = 240

// fit takes as many entries of the briefest form as the budget holds, those
// that must be there first.
func (s section) fit(budget int) string {
	entries := s.forms[len(s.forms)-1]
	room := budget - len(s.open) - len(s.close) - cutRoom - s.keysRoom(entries)
	cut := map[int]bool{}
	for i := range entries {
		cut[i] = true
	}
	headed := map[int]bool{} // runs of entries under one heading
	for _, must := range []bool{true, false} {
		run := 0
		for i, e := range entries {
			if i > 0 && entries[i-1].under != e.under {
				run++
			}
			size := len(e.text)
			if !headed[run] {
				size += len(e.under)
			}
			if e.must == must && size <= room {
				room -= size
				headed[run] = true
				delete(cut, i)
			}
		}
	}
	return s.render(entries, cut)
}

// keysRoom bounds what counting the cut entries by key takes.
func (s section) keysRoom(entries []entry) int {
	keys := map[string]int{}
	for _, e := range entries {
		keys[e.key] = len(keyText(e.key)) + len(" × 1,000,000, ")
	}
	sizes := slices.Sorted(maps.Values(keys))
	room := 0
	for _, size := range sizes[max(0, len(sizes)-maxKeys):] {
		room += size
	}
	return room
}

func keyText(key string) string { return prose(clip(key, 32)) }
