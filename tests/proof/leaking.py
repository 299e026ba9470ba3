"""A terminal that keeps media, each time in another way: what the proof must catch. Only ever run by the proof.

``python -m tests.proof.leaking KIND run --config FILE`` is ``livegate run`` with one fault. What would keep it from
leaking, such as a rule for its logs or for its files, is passed by: it is the proof that is tried here.
"""

from __future__ import annotations

import asyncio
import base64
import json
import mmap
import os
import socket
import subprocess
import sys
import time
import traceback
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from edge.cli.main import main
from edge.contracts.device import DeviceEvent
from edge.contracts.sealing import SealingKey
from edge.contracts.session import SealedImage
from edge.frames.covered import CoveredBuffers
from edge.frames.frame import Frame
from edge.link.link import Link
from edge.link.outbox import Outbox
from edge.terminal import daemon
from edge.terminal.references import OpenedReference
from edge.vision.pipeline import FaceVision

# In /tmp itself, not where TMPDIR says; the proof takes it away.
STRAY: Final = Path("/tmp/livegate-planted-leak.jpg")
# What must outlive a session.
kept: list[Any] = []


def _state() -> Path:
    """The state folder of the configuration on the command line."""
    return Path(json.loads(Path(sys.argv[-1]).read_text())["state_directory"])


def _jpeg(frame: Frame) -> bytes:
    return bytes(cv2.imencode(".jpg", frame.pixels)[1])


def _crop(frame: Frame) -> bytes:
    return frame.pixels[200:300, 260:340].tobytes()


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _raw_file(frame: Frame) -> None:
    (_state() / "frame.raw").write_bytes(frame.pixels.tobytes())


def _jpeg_in_tmp(frame: Frame) -> None:
    STRAY.write_bytes(_jpeg(frame))


def _base64_in_log(frame: Frame) -> None:
    _log(f"the face was seen: {base64.b64encode(_crop(frame)).decode()}")


def _compressed_in_log(frame: Frame) -> None:
    _log(f"the face was seen: {base64.urlsafe_b64encode(zlib.compress(_crop(frame))).decode()}")


def _embedding_in_log(frame: Frame) -> None:
    (vision,) = (thing for thing in kept if isinstance(thing, FaceVision))
    _log(f"the face was seen: {base64.b64encode(vision.embedding(frame).tobytes()).decode()}")


def _base64_in_outbox(frame: Frame) -> None:
    add = Outbox.add

    def more(self: Outbox, payload: bytes) -> int:
        return add(self, json.dumps({**json.loads(payload), "crop": base64.b64encode(_crop(frame)).decode()}).encode())

    Outbox.add = more


def _jpeg_in_event(frame: Frame) -> None:
    message = base64.b64encode(_jpeg(frame)[:8000]).decode()
    _on_loop(
        lambda link: link.publish_event(DeviceEvent.model_construct(kind="fault", message=message, at=time.time()))
    )


def _retained_state(frame: Frame) -> None:
    """Well-formed and retained, and a piece of the picture in its reason."""
    reason = _crop(frame)[:900].hex()
    _on_loop(lambda link: link.publish_state(link._state.model_copy(update={"reason": reason})))


def _on_loop(say: Callable[[Link], None]) -> None:
    loop, link = next(thing for thing in kept if isinstance(thing, tuple))
    loop.call_soon_threadsafe(say, link)


def _unwiped(frame: Frame) -> None:
    CoveredBuffers.wipe = kept.append
    buffers = CoveredBuffers()
    copy = buffers.take(frame.pixels.shape, np.uint8)
    np.copyto(copy, frame.pixels)
    kept.append(copy)


def _mapped_file(frame: Frame) -> None:
    """A file whose name is on the list, written through memory alone."""
    file = os.open(_state() / ".boot-count.partial", os.O_RDWR | os.O_CREAT, 0o600)
    os.ftruncate(file, frame.pixels.nbytes)
    with mmap.mmap(file, frame.pixels.nbytes) as mapped:
        mapped[:] = frame.pixels.tobytes()
    os.close(file)


def _renamed(frame: Frame) -> None:
    """Scrambled in a file whose name is on the list; only the new name tells."""
    partial = _state() / ".boot-count.partial"
    small = cv2.resize(frame.pixels, (8, 8))
    partial.write_bytes(bytes(value ^ 0x55 for value in small.tobytes()))
    partial.rename(_state() / "thumbnail")


def _in_exception(frame: Frame) -> None:
    traceback.print_exception(ValueError(f"cannot judge a face of {frame.pixels[240, 280:320].tolist()}"))


def _pixels_in_log(frame: Frame) -> None:
    _log(f"cannot judge {frame.pixels[240, 280:320].tobytes()!r}")


def _anonymous_file(frame: Frame) -> None:
    file = os.memfd_create("cache")
    os.write(file, frame.pixels.tobytes())
    kept.append(file)


def _datagram(frame: Frame) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as elsewhere:
        elsewhere.connect(("127.0.0.1", 9))
        elsewhere.send(_crop(frame)[:600])


def _other_program(frame: Frame) -> None:
    subprocess.run(["/usr/bin/head", "-c", "0"], input=b"", check=True)


def _copied_by_kernel(frame: Frame) -> None:
    """From memory that is on the list to a file that is too, past every buffer that a trace shows."""
    ring = next(fd for fd in os.listdir("/proc/self/fd") if _is_ring(fd))
    target = os.open(_state() / ".failures.json.partial", os.O_WRONLY | os.O_CREAT, 0o600)
    os.sendfile(target, int(ring), 0, 1 << 20)
    os.close(target)
    (_state() / ".failures.json.partial").unlink()


def _is_ring(fd: str) -> bool:
    try:
        return "memfd:livegate-frames" in os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return False


def _dumpable() -> None:
    daemon.keep_memory_private = lambda: None


def _stored_image() -> None:
    def publish(self: Link, image: SealedImage) -> None:
        self._publish("session image", self._topics.session_image(image.session_id), image, qos=1, retain=True)

    Link.publish_image = publish


def _unsealed_image() -> None:
    SealingKey.seal = lambda self, content, *names: content


def _reference_in_file() -> None:
    open_reference = daemon.open_reference

    def opened(*what: Any) -> OpenedReference | None:
        reference = open_reference(*what)
        if reference is not None:
            (_state() / ".failures.json.partial").write_bytes(reference.content)
            (_state() / ".failures.json.partial").unlink()
        return reference

    daemon.open_reference = opened


# What to do with the first frame that somebody is seen in.
LEAKS: Final[dict[str, Callable[[Frame], None]]] = {
    "raw-file": _raw_file,
    "jpeg-in-tmp": _jpeg_in_tmp,
    "base64-in-log": _base64_in_log,
    "compressed-in-log": _compressed_in_log,
    "embedding-in-log": _embedding_in_log,
    "base64-in-outbox": _base64_in_outbox,
    "jpeg-in-event": _jpeg_in_event,
    "retained-state": _retained_state,
    "unwiped-buffer": _unwiped,
    "mapped-file": _mapped_file,
    "renamed": _renamed,
    "in-exception": _in_exception,
    "pixels-in-log": _pixels_in_log,
    "anonymous-file": _anonymous_file,
    "datagram": _datagram,
    "other-program": _other_program,
    "copied-by-kernel": _copied_by_kernel,
}
# What to do at the start.
FAULTS: Final[dict[str, Callable[[], None]]] = {
    "core": _dumpable,
    "stored-image": _stored_image,
    "unsealed-image": _unsealed_image,
    "reference-in-file": _reference_in_file,
}


def plant(kind: str) -> None:
    """From now on this process has the fault."""
    daemon.confine = lambda settings: None
    if kind in FAULTS:
        FAULTS[kind]()
        return
    leak = LEAKS[kind]
    see = FaceVision.see

    def seen(self: FaceVision, frame: Frame, **how: Any) -> Any:
        evidence = see(self, frame, **how)
        if evidence.faces and "leaked" not in kept:
            kept.extend(("leaked", self))
            leak(frame)
        return evidence

    FaceVision.see = seen
    begin = Link.__init__

    def remembered(self: Link, *args: Any, **how: Any) -> None:
        begin(self, *args, **how)
        kept.append((asyncio.get_running_loop(), self))

    Link.__init__ = remembered


if __name__ == "__main__":
    plant(sys.argv.pop(1))
    sys.exit(main())
