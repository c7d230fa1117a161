"""The callback for TensorBoard writes event files that hold the history."""

import builtins
import struct

import numpy as np
import pytest

import gparticles
from gparticles import Progress


def events(folder):
    """The scalars of an event file: (name, step) to value, by the file's own framing."""
    from tensorboardX.proto.event_pb2 import Event

    (path,) = folder.iterdir()
    data, found = path.read_bytes(), {}
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        event = Event.FromString(data[12 : 12 + length])
        data = data[16 + length :]
        found |= {(value.tag, event.step): value.simple_value for value in event.summary.value}
    return found


def progress(step, **latest):
    return Progress(step, 10, 0.1, latest, lambda: np.zeros((1, 2)))


def test_it_writes_what_it_sees(tmp_path):
    pytest.importorskip("tensorboardX")
    watch = gparticles.TensorBoard(tmp_path / "logs")
    for step, value in ((2, 0.5), (4, 0.25)):
        assert not watch(progress(step, divergence=value, held_out=float("nan")))
    watch.close()
    assert events(tmp_path / "logs") == {("divergence", 2): 0.5, ("divergence", 4): 0.25}


def test_a_flow_takes_it(tmp_path):
    pytest.importorskip("tensorboardX")
    watch = gparticles.TensorBoard(tmp_path)
    flow = gparticles.transport(np.zeros((4, 2)), np.ones((3, 2)), steps=3, callbacks=[watch])
    watch.close()
    last = events(tmp_path)["divergence", 3]
    assert last == pytest.approx(flow.history["divergence"][-1])


def test_without_the_extra(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name == "tensorboardX":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(gparticles.InputError, match=r"pip install 'gparticles\[tensorboard\]'"):
        gparticles.TensorBoard(tmp_path)
