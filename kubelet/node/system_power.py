"""What macOS says before it sleeps and when it is back (IOKit, IORegisterForSystemPower). Not run on macOS.

A process that is told of sleep may hold it up for a while: as long as it takes to say goodbye. What is told
comes on a run loop of Core Foundation, which has a thread of its own.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import sys
import threading
from collections.abc import Awaitable, Callable
from enum import Enum

_FRAMEWORK = "/System/Library/Frameworks/{0}.framework/{0}"
_HELD_UP_S = 10.0  # macOS itself gives up after 30
_log = logging.getLogger(__name__)


class PowerMessage(Enum):
    """Messages of IOKit/IOMessage.h."""

    CAN_SLEEP = 0xE0000270
    """May it? It is idle."""
    WILL_SLEEP = 0xE0000280
    """It will, once everybody has answered."""
    HAS_POWERED_ON = 0xE0000300


class SystemPower:
    """Asks nothing of the machine; answers its questions."""

    def __init__(
        self,
        on_sleep: Callable[[], Awaitable[None]],
        on_wake: Callable[[], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """Both are called on `loop`; sleep is held up until `on_sleep` has ended, within limits."""
        self._on_sleep, self._on_wake, self._loop = on_sleep, on_wake, loop

    def react(self, number: int, allow: Callable[[], None]) -> None:
        """To one message, on whatever thread it came. `allow` lets the machine go on."""
        if number == PowerMessage.CAN_SLEEP.value:
            allow()
        elif number == PowerMessage.WILL_SLEEP.value:
            try:
                asyncio.run_coroutine_threadsafe(self._say_goodbye(), self._loop).result(_HELD_UP_S)
            except Exception as error:  # whatever it is, the machine must sleep
                _log.warning("the cluster may not know that this machine sleeps: %r", error)
            allow()
        elif number == PowerMessage.HAS_POWERED_ON.value:
            self._loop.call_soon_threadsafe(self._on_wake)

    def listen(self) -> bool:
        """From now on, until the process ends; whether this system tells anything."""
        if sys.platform != "darwin":
            return False
        threading.Thread(target=self._run, name="system power", daemon=True).start()
        return True

    async def _say_goodbye(self) -> None:
        await self._on_sleep()

    def _run(self) -> None:
        try:
            _receive(self.react)
        except (OSError, AttributeError) as error:
            _log.warning("this machine does not tell when it sleeps: %s", error)


def _receive(react: Callable[[int, Callable[[], None]], None]) -> None:
    """Runs this thread's run loop. OSError, AttributeError."""
    io_kit, foundation = (ctypes.CDLL(_FRAMEWORK.format(name)) for name in ("IOKit", "CoreFoundation"))
    callback_type = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_void_p)
    port, notifier = ctypes.c_void_p(), ctypes.c_uint32()
    io_kit.IORegisterForSystemPower.restype = ctypes.c_uint32
    io_kit.IONotificationPortGetRunLoopSource.restype = ctypes.c_void_p
    io_kit.IONotificationPortGetRunLoopSource.argtypes = [ctypes.c_void_p]
    io_kit.IOAllowPowerChange.argtypes = [ctypes.c_uint32, ctypes.c_long]
    foundation.CFRunLoopGetCurrent.restype = ctypes.c_void_p
    foundation.CFRunLoopAddSource.argtypes = [ctypes.c_void_p] * 3

    def on_message(_: int, __: int, number: int, argument: int | None) -> None:
        react(number, lambda: io_kit.IOAllowPowerChange(root, argument or 0))

    callback = callback_type(on_message)
    root = io_kit.IORegisterForSystemPower(None, ctypes.byref(port), callback, ctypes.byref(notifier))
    if not root:
        raise OSError("IORegisterForSystemPower gave no port")
    foundation.CFRunLoopAddSource(
        foundation.CFRunLoopGetCurrent(),
        io_kit.IONotificationPortGetRunLoopSource(port),
        ctypes.c_void_p.in_dll(foundation, "kCFRunLoopCommonModes"),
    )
    foundation.CFRunLoopRun()
