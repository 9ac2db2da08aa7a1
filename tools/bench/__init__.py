"""The benchmark: `python -m bench`, with ``tests`` and ``tools`` on the path; see docs/benchmarks.md."""
