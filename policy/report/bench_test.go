package report

import "testing"

func BenchmarkMarkdownOfHuge(b *testing.B) {
	r := fixtures()["huge"]
	for b.Loop() {
		r.Markdown()
	}
}

func BenchmarkTextOfHuge(b *testing.B) {
	r := fixtures()["huge"]
	for b.Loop() {
		r.Text(false)
	}
}
