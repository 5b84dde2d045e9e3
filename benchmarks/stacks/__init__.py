"""The userspace TCP/IP stack beside others, in one run: `python -m benchmarks.stacks`."""
