"""Interfaces of others, in protobuf, and what protoc makes of them: `make protos`, checked in as made."""
