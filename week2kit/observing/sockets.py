"""Who answers at a port of this machine: a connection among the processes of one command is no network.

A notebook is run so: Jupyter speaks to its kernel over TCP.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

#: An address of this machine, with its port.
LOOPBACK: Final = re.compile(r"(?:127\.[0-9.]+|\[(?:::ffff:127\.[0-9.]+|::1)\]):(?P<port>[0-9]+)")

_LISTENS: Final = "0A"


def answered_by(address: str, processes: Iterable[int]) -> bool | None:
    """Whether some of these processes alone answer at an address; None where it is not of this machine, or nobody does.

    Raises:
        OSError: /proc does not tell.
    """
    match = LOOPBACK.fullmatch(address)
    listening = _sockets_at(int(match["port"])) if match is not None else set()
    return listening <= _sockets_of(processes) if listening else None


def _sockets_at(port: int) -> set[str]:
    """The sockets that listen at a port for TCP, or have it for UDP."""
    found = set[str]()
    for kind in ("tcp", "tcp6", "udp", "udp6"):
        with contextlib.suppress(FileNotFoundError):  # no IPv6 here
            for line in Path(f"/proc/self/net/{kind}").read_text().splitlines()[1:]:
                fields = line.split()
                if int(fields[1].rpartition(":")[2], 16) == port and (fields[3] == _LISTENS or kind.startswith("udp")):
                    found.add(fields[9])
    return found


def _sockets_of(processes: Iterable[int]) -> set[str]:
    found = set[str]()
    for pid in processes:
        with contextlib.suppress(OSError):  # it has ended
            for name in os.listdir(f"/proc/{pid}/fd"):  # noqa: PTH208
                with contextlib.suppress(OSError):
                    link = os.readlink(f"/proc/{pid}/fd/{name}")  # noqa: PTH115
                    if link.startswith("socket:["):
                        found.add(link[8:-1])
    return found
