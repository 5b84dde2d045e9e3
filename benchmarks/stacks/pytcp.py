"""PyTCP's stack as a way into a namespace. It is a program of its own: a peer, of which nothing is ours.

`python -P pytcp.py CLIENT SERVER ADDRESS/BITS PORT...`, with a Python that has the package pmd-pytcp, joins
the device tap0 of the network namespace CLIENT, a path, accepts on each PORT of ADDRESS, and relays to the
same port of the loopback address of SERVER.
"""

from __future__ import annotations

import asyncio
import ctypes
import importlib
import os
import sys
from contextlib import suppress
from typing import Any

_CLONE_NEWNET = 0x40000000
_READ_BYTES = 65_536
_LOOK_AGAIN_S = 0.1


def _enter(namespace: str) -> None:
    file = os.open(namespace, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).setns(file, _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), namespace)
    finally:
        os.close(file)


async def _listen(sockets: Any, address: str, port: int) -> None:
    listening = sockets.socket(sockets.AddressFamily.INET4, sockets.SocketType.STREAM)
    while True:
        try:
            listening.bind((address, port))
            break
        except OSError:  # the address is asked for in the network first
            await asyncio.sleep(_LOOK_AGAIN_S)
    listening.listen()
    print(f"listening on {port}", flush=True)
    relays = set()
    while True:
        client, _ = await listening.accept()
        relay = asyncio.create_task(_relay(client, port))
        relays.add(relay)
        relay.add_done_callback(relays.discard)


async def _relay(client: Any, port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with suppress(OSError):  # either end may go in the middle
        await asyncio.gather(_from_client(client, writer), _to_client(reader, client))
    writer.close()
    client.close()


async def _from_client(client: Any, writer: asyncio.StreamWriter) -> None:
    while data := await client.recv(_READ_BYTES):
        writer.write(data)
        await writer.drain()
    writer.write_eof()


async def _to_client(reader: asyncio.StreamReader, client: Any) -> None:
    while data := await reader.read(_READ_BYTES):
        while data:
            data = data[await client.send(data) :]
    client.shutdown(1)


async def _serve(client: str, server: str, address: str, ports: list[int]) -> None:
    stack: Any = importlib.import_module("pmd_pytcp.stack")
    sockets: Any = importlib.import_module("pmd_pytcp.socket")
    addresses: Any = importlib.import_module("pmd_net_addr")
    _enter(client)
    interface = stack.initialize_interface__tap("tap0")
    _enter(server)
    stack.init()
    stack.add_interface(
        **interface,
        ip4_support=True,
        ip4_host=addresses.Ip4IfAddr(address),
        ip4_dhcp=False,
        ip6_support=False,
        ip6_host=None,
        ip6_gua_autoconfig=False,
    )
    await stack.start()
    await asyncio.gather(*(_listen(sockets, address.partition("/")[0], port) for port in ports))


def main() -> None:
    """By the arguments."""
    client, server, address, *ports = sys.argv[1:]
    asyncio.run(_serve(client, server, address, [int(port) for port in ports]))


if __name__ == "__main__":
    main()
