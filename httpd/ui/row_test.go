package ui

import "testing"

func BenchmarkRowsOfCalls(b *testing.B) {
	rows := make([]row, 100)
	for i := range rows {
		rows[i] = row{ID: "01a22cdddc8de3da3e3e88915b57b5cc", Iso: "2026-11-30T14:31:07.149535737Z", Clock: "14:31:07", Status: 200, Model: "claude-sonnet-5", Key: "search-indexer", Region: "us-east-1", Warnings: i % 3, Input: "1,200", Output: "300", Cost: "$0.0021", Took: "820 ms"}
	}
	b.ReportAllocs()
	for b.Loop() {
		_ = rowsHTML(rows)
	}
}
