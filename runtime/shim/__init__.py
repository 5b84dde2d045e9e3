"""The shim: one small process per pod that makes runm's containers and keeps their exit codes and logs.

It speaks containerd's shim v2 interface (containerd, core/runtime/v2/README.md), to llm-containerd and to a
stock containerd alike, and outlives both. Begin with `tasks.py`.
"""
