"""What tests and benchmarks share; never imported by the product."""
