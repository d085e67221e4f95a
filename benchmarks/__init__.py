"""Benchmarks: ratios within one run, interleaved, medians. `make bench` runs all, `make bench ARGS=ingest` one."""
