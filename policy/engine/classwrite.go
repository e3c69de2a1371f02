package engine

// applyClassWrites corrects what rules said of a template by what ClusterClass
// patches write into it. A finding at, above or below a written path is
// conditional: the patch may mend it or make it. A finding that a field is
// absent is dropped where a patch sets exactly that field for every cluster,
// unless the field is a collection that lacks something. A patch that sets
// something above it may leave the field out, so there the finding stays,
// conditional.
func applyClassWrites(hits []Hit, writes []ClassWrite) []Hit {
	if len(writes) == 0 {
		return hits
	}
	kept := hits[:0]
	for _, hit := range hits {
		mended := false
		for i := range writes {
			write := &writes[i]
			if !hit.Path.HasPrefix(write.Path) && !write.Path.HasPrefix(hit.Path) {
				continue
			}
			mended = mended || hit.Absent && !hit.Collection && !write.Conditional && write.Op != "remove" &&
				hit.Path.Compare(write.Path) == 0
			if hit.ClassWrite == nil {
				hit.ClassWrite = write
			}
			if hit.Confidence == Certain {
				hit.Confidence = Conditional
			}
		}
		if !mended {
			kept = append(kept, hit)
		}
	}
	return kept
}
