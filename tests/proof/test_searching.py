from __future__ import annotations

import base64
import json
import secrets
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.proof.marks import AMPLITUDE, BLOCK, Marks, plant
from tests.proof.search import look


def gradient(height=96, width=128):
    """A picture without detail, as a wall is."""
    across = np.linspace(60, 200, width)
    down = np.linspace(0, 40, height)
    return np.repeat((across[None] + down[:, None]).astype(np.uint8)[..., None], 3, axis=2)


PICTURE = plant(gradient(), seed=1)
MARKS = Marks()
MARKS.add_frame("a frame", PICTURE)
# 24 pixels of a row that is looked for, from a place that is none in particular.
PIECE = PICTURE[50, 37 : 37 + 24].tobytes()


def told(content: bytes, **how) -> list[str]:
    return [str(finding) for finding in look(content, MARKS, **how)]


def test_planting_changes_a_picture_by_little_outside_the_block():
    narrowed = np.rint(8 + gradient() * (239 / 255))
    change = np.abs(PICTURE - narrowed)
    assert change[BLOCK:].max() == AMPLITUDE
    assert change[:BLOCK, :BLOCK].max() > 50


def test_other_seeds_make_other_marks():
    assert MARKS.find(plant(gradient(), seed=2).tobytes()) == []


@given(before=st.integers(0, 40), at=st.integers(0, 47), left=st.integers(0, 128 - 24))
@settings(max_examples=60, deadline=None)
def test_any_piece_of_24_pixels_of_every_second_row_is_found_at_any_place(before, at, left):
    piece = PICTURE[2 * at, left : left + 24].tobytes()
    (found,) = MARKS.find(b"\xa5" * before + piece + b"\xa5" * 9)
    assert found.name == "a frame"
    assert before <= found.first < before + 72


def test_pieces_are_found_where_a_search_goes_on_from_one_stretch_to_the_next():
    for before in range((1 << 20) - 80, (1 << 20) + 8, 3):
        assert MARKS.find(bytes(before) + PIECE), before


@pytest.mark.parametrize(
    "pixels",
    [PICTURE[..., ::-1], cv2.cvtColor(PICTURE, cv2.COLOR_BGR2GRAY), PICTURE[10:60, 20:90]],
    ids=["the other colour order", "luma", "a part of it"],
)
def test_a_picture_is_found_in_other_forms(pixels):
    (found,) = MARKS.find(np.ascontiguousarray(pixels).tobytes())
    assert found.count > 90


def test_numbers_of_a_networks_input_are_found_by_their_bytes():
    marks = Marks()
    stored = PICTURE.astype(np.float32) / np.float32(127.5) - np.float32(1)
    marks.add_rows("an input", stored)
    assert marks.find(stored[3:5].tobytes())[0].name == "an input"
    assert marks.find(PICTURE.tobytes()) == []


def test_a_file_is_found_by_its_own_bytes():
    marks = Marks()
    encoded = cv2.imencode(".jpg", PICTURE)[1].tobytes()
    marks.add_bytes("a reference", encoded)
    assert marks.find(b"x" + encoded[100:200])[0].name == "a reference"


def test_flat_pixels_are_no_marks():
    marks = Marks()
    marks.add_frame("black", np.zeros((64, 64, 3), np.uint8))
    assert len(marks) == 0
    assert marks.find(bytes(1 << 16)) == []


FORMS = {
    "as it is": PIECE,
    "base64": base64.b64encode(PIECE),
    "base64, after one byte": base64.b64encode(b"1" + PIECE),
    "base64, after two bytes": base64.b64encode(b"12" + PIECE),
    "base64 for URLs in JSON": json.dumps({"crop": base64.urlsafe_b64encode(PIECE).decode()}).encode(),
    "base64 after a word of its alphabet": b"crop/" + base64.b64encode(PIECE),
    "base64 in base64": base64.b64encode(b'{"a":"' + base64.b64encode(PIECE) + b'"}'),
    "hexadecimal": PIECE.hex().encode(),
    "hexadecimal, after a digit": b"0" + PIECE.hex().upper().encode(),
    "numbers": str(list(PIECE)).encode(),
    "an array's text": str(PICTURE[50, 37:61]).encode(),
    "Python's bytes": repr(PIECE).encode(),
    "Python's bytes in JSON": json.dumps({"event": repr(PIECE)}).encode(),
    "text of Latin-1": PIECE.decode("latin-1").encode(),
    "text in JSON": json.dumps(PIECE.decode("latin-1")).encode(),
}


@pytest.mark.parametrize("content", FORMS.values(), ids=FORMS.keys())
def test_a_piece_of_a_picture_is_found_however_it_is_written(content):
    assert any("marks of a frame" in finding for finding in told(content))


ENCODED = {
    "JPEG": cv2.imencode(".jpg", PICTURE)[1].tobytes(),
    "PNG": cv2.imencode(".png", PICTURE)[1].tobytes(),
    "WebP": cv2.imencode(".webp", PICTURE)[1].tobytes(),
    "BMP": cv2.imencode(".bmp", PICTURE)[1].tobytes(),
    "TIFF": cv2.imencode(".tiff", PICTURE)[1].tobytes(),
    "JPEG 2000": cv2.imencode(".jp2", PICTURE)[1].tobytes(),
    "PNM": cv2.imencode(".ppm", PICTURE)[1].tobytes(),
    "GIF": b"GIF89a" + bytes(20),
    "MP4": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom",
    "Matroska": b"\x1aE\xdf\xa3" + bytes(8),
    "H.264": bytes.fromhex("00000001674200 1e9a7405 0000000168ce3c80".replace(" ", "")),
    "NumPy": b"\x93NUMPY\x01\0",
    "data URL": b"data:image/png,x",
}


@pytest.mark.parametrize("name", ENCODED)
def test_formats_are_known_by_their_beginnings_also_within_something_else(name):
    for content in (ENCODED[name], b"x" * 7 + ENCODED[name], base64.b64encode(b"01234567" * 6 + ENCODED[name][:400])):
        assert any(f"the beginning of {name}" in finding or name in finding for finding in told(content)), content[:60]


def test_what_is_compressed_or_sealed_is_a_blob():
    for content in (
        secrets.token_bytes(1600),
        zlib.compress(PICTURE.tobytes()),
        base64.b64encode(secrets.token_bytes(1600)),
    ):
        assert any("a blob" in finding for finding in told(content))


def test_a_sealed_image_may_be_a_blob_and_nothing_else():
    sealed = json.dumps({"sealed": base64.urlsafe_b64encode(secrets.token_bytes(4000)).decode()}).encode()
    assert told(sealed, sealed=True) == []
    assert told(b"\xff\xd8\xff\xd9" + secrets.token_bytes(60), sealed=True) == []
    assert told(sealed + ENCODED["JPEG"][:40] + PIECE, sealed=True) != []


def test_what_a_terminal_says_is_nothing_of_the_kind():
    signature = base64.urlsafe_b64encode(secrets.token_bytes(64)).decode().rstrip("=")
    claims = base64.urlsafe_b64encode(json.dumps({f"field{n}": n / 7 for n in range(200)}).encode()).decode()
    message = json.dumps({"decision": {"a": [1.25, 3.5] * 50}, "jws": f"eyJhbGciOiJFZERTQSJ9.{claims}.{signature}"})
    assert told(message.encode() * 3) == []
