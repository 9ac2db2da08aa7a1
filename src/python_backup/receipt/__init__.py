"""Receipts: signed statements of what a drill showed, chained; bytes alone, no files and no servers."""
