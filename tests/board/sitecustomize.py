"""Lets the real Picamera2 open libcamera's virtual camera; Python imports this at its start where it finds it.

Livegate stays as it is. What the virtual camera of libcamera 0.4 lacks: a raw stream, of which Picamera2 asks the
modes; buffers that Picamera2 may bring along; and a word of how many bytes of a buffer were used. And Debian has no
pykms, which only a preview on the display needs; nor has every root PiDNG, which only DNG files need.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import mmap
import sys
import types


class _Any:
    def __getattr__(self, _):
        return self


class _WholePlanes:
    """A buffer, mapped in full."""

    def __init__(self, _allocator, buffer, _write):
        self._planes = buffer.planes
        self._map = None

    def __enter__(self):
        self._map = mmap.mmap(self._planes[0].fd, sum(plane.length for plane in self._planes))
        return self._map

    def __exit__(self, *_):
        self._map.close()


def _adapt(picamera2):
    import libcamera
    from picamera2 import allocators

    real = picamera2.Picamera2

    class VirtualCamera(real):
        def __init__(self, camera_num=0):
            super().__init__(camera_num, allocator=allocators.Allocator())
            self.allocator = allocators.LibcameraAllocator(self.camera)
            self.allocator.sync = _WholePlanes

        def _get_raw_modes(self):
            role = libcamera.StreamRole.VideoRecording
            stream = self.camera.generate_configuration([role]).at(0)
            return [{"format": str(stream.pixel_format), "size": (stream.size.width, stream.size.height)}]

    picamera2.Picamera2 = VirtualCamera


class _AfterLoading(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != "picamera2":
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is not None:
            load = spec.loader.exec_module

            def load_and_adapt(module):
                load(module)
                _adapt(module)

            spec.loader.exec_module = load_and_adapt
        return spec


sys.modules["pykms"] = pykms = types.ModuleType("pykms")
pykms.PixelFormat = _Any()
if importlib.util.find_spec("pidng") is None:
    for module, name in (("pidng", "core"), ("pidng.camdefs", "Picamera2Camera"), ("pidng.core", "PICAM2DNG")):
        sys.modules[module] = types.ModuleType(module)
        setattr(sys.modules[module], name, _Any())
sys.meta_path.insert(0, _AfterLoading())
