"""Several processes, on one machine or on many, that carry out one flow together.

JAX joins them. It says nothing when one of them dies: the others wait in their next sum, and are
aborted minutes later. So every process also holds a connection to the first, which the system
closes with whoever held it.
"""

import os
import secrets
import select
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress

import jax
import numpy as np
from jax.experimental import multihost_utils

from gparticles.errors import InputError

# what MPI's launchers tell each process of itself
_COUNT = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_SIZE")
_INDEX = ("OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK")
_LEAVING = b"."
# JAX's own limit, for machines that vanish without closing a connection
_SILENCE = 40
_GRACE = 2.0
# how long processes wait for each other at the beginning
_PATIENCE = 60
# bytes by which a process says its number
_NUMBER = 8


@contextmanager
def joined(
    coordinator: str | None = None, count: int | None = None, index: int | None = None
) -> Iterator[bool]:
    """Makes one of several processes out of this one; ``devices="all"`` are then those of all.

    To be entered before anything else asks JAX for devices. Where a process dies, the others end
    within seconds, with one line on stderr and status 1.

    Args:
        coordinator: host:port of the first process, at a port that is free there. None under
            Slurm, whose steps JAX knows, and where there is one process only.
        count, index: how many processes there are and which one this is, from 0; None under Slurm
            and under MPI launchers, which say so in the environment.

    Yields:
        Whether there are several.

    Raises:
        InputError: something is missing, or the first process is not reached.
    """
    coordinator, count, index = _described(coordinator, count, index, os.environ)
    slurm = coordinator is None and count is not None
    if count is None or count == 1:
        yield False
        return
    if coordinator is not None:
        assert index is not None
        _met(coordinator, count, index)
    try:
        jax.distributed.initialize(
            coordinator,
            None if slurm else count,
            None if slurm else index,
            heartbeat_timeout_seconds=_SILENCE,
            initialization_timeout=_PATIENCE,
        )
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"the processes did not find each other ({reason}); start all of them, with one "
            "coordinator that each of them reaches"
        ) from None
    peers = _connected(None if coordinator is None else coordinator.rsplit(":", 1)[0])
    watch = threading.Thread(target=_watch, args=(peers,), daemon=True)
    watch.start()
    try:
        yield True
    except jax.errors.JaxRuntimeError:
        # a sum that failed since another process died: the watch ends this one
        watch.join(timeout=10)
        raise
    # an exception ends this process without a goodbye, and so the others
    for peer in peers:
        with suppress(OSError):
            peer.sendall(_LEAVING)
    jax.distributed.shutdown()


def _described(
    coordinator: str | None, count: int | None, index: int | None, environment: Mapping[str, str]
) -> tuple[str | None, int | None, int | None]:
    """What was given, completed by what launchers say."""
    steps = environment.get("SLURM_STEP_NUM_TASKS")
    if coordinator is None and count is None and index is None and steps is not None:
        return None, int(steps), None
    count = _first(_COUNT, environment) if count is None else count
    index = _first(_INDEX, environment) if index is None else index
    if count is None and index is None and coordinator is None:
        return None, None, None
    if count == 1:
        return None, 1, 0
    missing = {"coordinator": coordinator, "processes": count, "process": index}
    absent = [f"--{name}" for name, value in missing.items() if value is None]
    if absent:
        raise InputError(
            f"several processes: {' and '.join(absent)} missing; give host:port of the first "
            "process, how many there are, and which one this is, from 0"
        )
    assert coordinator is not None
    assert count is not None
    assert index is not None
    if not 0 <= index < count:
        raise InputError(f"process is {index}: with {count} processes it is 0 to {count - 1}")
    if not coordinator.rpartition(":")[2].isdigit() or not coordinator.rpartition(":")[0]:
        raise InputError(f"coordinator is {coordinator!r}: give host:port, such as node1:29500")
    return coordinator, count, index


def _first(names: tuple[str, ...], environment: Mapping[str, str]) -> int | None:
    return next((int(environment[name]) for name in names if name in environment), None)


def _met(coordinator: str, count: int, index: int) -> None:
    """Waits until all processes have come to the first one's port: JAX aborts who waits in vain.

    Raises:
        InputError: one of them has not come in time.
    """
    host, _, port = coordinator.rpartition(":")
    try:
        missing = _awaited(int(port), count) if index == 0 else _reached(host, int(port), index)
    except OSError as error:
        raise InputError(
            f"coordinator {coordinator}: {error.strerror or error}; give host:port of the first "
            "process, at a port that is free there"
        ) from None
    if missing:
        names = ", ".join(map(str, missing))
        raise InputError(
            f"process {names} of {count} did not come to {coordinator} within {_PATIENCE} s; start "
            "all of them, with one coordinator that each of them reaches"
        )


def _awaited(port: int, count: int) -> list[int]:
    """The processes that do not come to this port; the others are sent on once all are there."""
    peers: dict[int, socket.socket] = {}
    ends = time.monotonic() + _PATIENCE
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("", port), backlog=count))
        while len(peers) < count - 1 and (left := ends - time.monotonic()) > 0:
            server.settimeout(left)
            # whoever else knocks at the port says no number
            with suppress(TimeoutError, ValueError):
                peer = stack.enter_context(server.accept()[0])
                peer.settimeout(5)
                number = int(peer.recv(_NUMBER, socket.MSG_WAITALL))
                if 0 < number < count:
                    peers[number] = peer
        missing = [number for number in range(1, count) if number not in peers]
        for peer in [] if missing else peers.values():
            peer.sendall(_LEAVING)
        return missing


def _reached(host: str, port: int, index: int) -> list[int]:
    """[0] where the first process does not answer, and nothing where it sends this one on."""
    ends = time.monotonic() + _PATIENCE
    while (left := ends - time.monotonic()) > 0:
        with suppress(OSError), socket.create_connection((host, port), timeout=left) as first:
            first.sendall(str(index).encode().rjust(_NUMBER))
            # with some time for its own answer about those that are missing
            first.settimeout(left + _GRACE)
            if first.recv(1) == _LEAVING:
                return []
        time.sleep(0.1)
    return [0]


def _connected(host: str | None) -> list[socket.socket]:
    """The first process's connections to all others, or this one's to the first."""
    first = jax.process_index() == 0
    server = socket.create_server(("", 0), backlog=jax.process_count()) if first else None
    port = 0 if server is None else server.getsockname()[1]
    mine = f"{port} {secrets.token_hex(8)} {host or socket.getfqdn()}".encode().ljust(320)
    shared = multihost_utils.broadcast_one_to_all(np.frombuffer(mine, np.uint8).astype(np.int32))
    port_of_first, token, address = bytes(np.asarray(shared).astype(np.uint8)).split()
    if server is None:
        peers = [socket.create_connection((address.decode(), int(port_of_first)), timeout=60)]
        peers[0].sendall(token)
    else:
        server.settimeout(60)
        peers = []
        while len(peers) < jax.process_count() - 1:
            peer, _ = server.accept()
            peer.settimeout(10)
            # whoever else knocks at the port is no process of this run
            with suppress(OSError):
                if peer.recv(len(token), socket.MSG_WAITALL) == token:
                    peers.append(peer)
        server.close()
    for peer in peers:
        peer.settimeout(None)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return peers


def _watch(peers: list[socket.socket]) -> None:
    """Ends this process where another one has ended without a goodbye."""
    here = list(peers)
    while here:
        for peer in select.select(here, [], [])[0]:
            with suppress(OSError):
                if peer.recv(1) == _LEAVING:
                    here.remove(peer)
                    continue
            # what every process refuses, each of them says itself
            time.sleep(_GRACE)
            sys.stderr.write(
                "another process of this run has ended, and so does this one; the last "
                "checkpoint is kept: start all of them again, with --resume\n"
            )
            sys.stderr.flush()
            # the main thread waits for the dead one's part of a sum, and cannot be interrupted
            os._exit(1)
