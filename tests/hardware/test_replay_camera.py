from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.config.choices import Pace
from edge.contracts.enums import CaptureKind
from edge.errors import InputError
from edge.frames.frame import ColourOrder
from edge.hardware.ports import EndOfSource
from edge.hardware.replay import PlaylistCamera, ReplayCamera
from tests.hardware.contracts.camera import CameraContract, read_frames
from tests.hardware.recordings import HEIGHT, WIDTH, cut, shade, write_folder, write_picture, write_video


class TestReplayOfAVideo(CameraContract):
    finite = True

    @pytest.fixture(params=[("video.avi", "MJPG"), ("video.mp4", "mp4v"), ("video.mov", "mp4v"), ("video.mkv", "mp4v")])
    def camera(self, request, tmp_path):
        name, codec = request.param
        return ReplayCamera(write_video(tmp_path / name, 6, codec=codec))


class TestReplayOfAFolder(CameraContract):
    finite = True

    @pytest.fixture
    def camera(self, tmp_path):
        return ReplayCamera(write_folder(tmp_path / "sequence", 6))


class TestReplayOfAStill(CameraContract):
    finite = True

    @pytest.fixture
    def camera(self, tmp_path):
        return ReplayCamera(write_picture(tmp_path / "still.png", shade(4)))


class TestPlaylist(CameraContract):
    finite = True

    @pytest.fixture
    def camera(self, tmp_path):
        return PlaylistCamera([ReplayCamera(write_folder(tmp_path / "only", 6))])


@contextmanager
def without_privileges():
    """As another user where the tests run as root, whom no permission stops."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


class RecordedClock:
    """A clock that only sleeping moves."""

    def __init__(self, now):
        self.now = now
        self.slept = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


def play(path, **options):
    with ReplayCamera(path, **options) as camera:
        return read_frames(camera, 1000)


def refusal(path):
    with pytest.raises(InputError) as caught:
        play(path)
    return str(caught.value)


def test_a_replay_signs_as_a_replay_and_has_no_exposure_metadata(tmp_path):
    camera = ReplayCamera(write_picture(tmp_path / "person.png", shade(1)))
    assert camera.traits.capture is CaptureKind.REPLAY
    assert camera.traits.exposure_metadata is False
    assert camera.traits.name == "person.png"


def test_frames_are_bgr(tmp_path):
    blue = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    blue[:, :, 0] = 255
    (frame,) = play(write_picture(tmp_path / "blue.png", blue))
    assert frame.colour is ColourOrder.BGR
    assert (frame.in_order(ColourOrder.RGB)[0, 0] == (0, 0, 255)).all()


def test_a_video_gives_all_its_frames_with_the_times_of_the_file(tmp_path):
    frames = play(write_video(tmp_path / "video.avi", 10, fps=12.5), fps=50)
    assert [frame.captured_at for frame in frames] == pytest.approx([number / 12.5 for number in range(10)])
    assert [round(float(frame.pixels.mean()) / 8) for frame in frames] == list(range(10))
    assert not any(frame.still for frame in frames)


def test_a_video_of_one_frame_is_a_still(tmp_path):
    (frame,) = play(write_video(tmp_path / "one.avi", 1))
    assert frame.still


def test_a_folder_is_played_in_natural_order_at_the_given_rate(tmp_path):
    frames = play(write_folder(tmp_path / "sequence", 12), fps=10)
    assert [int(frame.pixels[0, 0, 0]) // 8 for frame in frames] == list(range(12))
    assert [frame.captured_at for frame in frames] == pytest.approx([number / 10 for number in range(12)])
    assert not any(frame.still for frame in frames)


def test_a_folder_passes_over_hidden_and_other_files(tmp_path):
    folder = write_folder(tmp_path / "sequence", 2)
    (folder / "labels.csv").write_text("path,label\n")
    (folder / ".hidden.png").write_text("not a picture")
    assert len(play(folder)) == 2


def test_a_folder_with_one_picture_is_a_still(tmp_path):
    (frame,) = play(write_folder(tmp_path / "sequence", 1))
    assert frame.still


def test_one_picture_is_a_still_and_then_the_source_ends(tmp_path):
    with ReplayCamera(write_picture(tmp_path / "still.jpg", shade(3))) as camera:
        assert camera.read(0.0).still
        with pytest.raises(EndOfSource):
            camera.read(0.0)


def test_pictures_are_told_by_content_not_by_name(tmp_path):
    path = write_picture(tmp_path / "still.png", shade(3)).rename(tmp_path / "upload")
    assert len(play(path)) == 1


def test_large_pictures_and_videos_are_scaled_down_to_the_longest_side(tmp_path):
    (still,) = play(write_picture(tmp_path / "large.jpg", np.zeros((300, 4000, 3), np.uint8)))
    assert (still.width, still.height) == (1920, 144)
    frames = play(write_video(tmp_path / "video.avi", 2), max_side=32)
    assert {(frame.width, frame.height) for frame in frames} == {(32, 24)}


def test_simulated_pace_never_waits_and_counts_from_zero(tmp_path):
    clock = RecordedClock(100.0)
    frames = play(write_folder(tmp_path / "sequence", 3), fps=10, sleep=clock.sleep)
    assert frames[0].captured_at == 0.0
    assert clock.slept == []


def test_times_continue_on_the_clock_that_is_given(tmp_path):
    frames = play(write_folder(tmp_path / "sequence", 2), fps=10, clock=RecordedClock(100.0))
    assert [frame.captured_at for frame in frames] == pytest.approx([100.0, 100.1])


def test_real_time_waits_until_each_frame_is_due(tmp_path):
    clock = RecordedClock(100.0)
    frames = play(write_folder(tmp_path / "sequence", 3), fps=10, pace=Pace.REALTIME, clock=clock, sleep=clock.sleep)
    assert [frame.captured_at for frame in frames] == pytest.approx([100.0, 100.1, 100.2])
    assert clock.slept == pytest.approx([0.1, 0.1])


def test_real_time_gives_nothing_while_the_next_frame_is_not_due(tmp_path):
    clock = RecordedClock(100.0)
    folder = write_folder(tmp_path / "sequence", 2)
    with ReplayCamera(folder, fps=10, pace=Pace.REALTIME, clock=clock, sleep=clock.sleep) as camera:
        camera.read(0.0)
        assert camera.read(0.04) is None
        assert camera.read(0.04) is None
        assert camera.read(0.04).sequence == 1


def test_real_time_gives_late_frames_at_once(tmp_path):
    clock = RecordedClock(100.0)
    folder = write_folder(tmp_path / "sequence", 3)
    with ReplayCamera(folder, fps=10, pace=Pace.REALTIME, clock=clock, sleep=clock.sleep) as camera:
        clock.now += 60
        assert [frame.sequence for frame in read_frames(camera, 3)] == [0, 1, 2]
    assert clock.slept == []


@pytest.mark.parametrize("fps", [0, -1, float("nan"), float("inf"), 2000])
def test_an_impossible_rate_is_a_programmers_error(tmp_path, fps):
    with pytest.raises(ValueError, match="fps"):
        ReplayCamera(tmp_path, fps=fps)


def test_a_missing_file_is_named(tmp_path):
    assert refusal(tmp_path / "absent.mp4") == f"{tmp_path / 'absent.mp4'} does not exist (check the path)"


def test_a_path_through_a_file_is_refused(tmp_path):
    picture = write_picture(tmp_path / "still.png", shade(1))
    assert "cannot be read" in refusal(picture / "inside.png")


def test_a_path_that_no_system_call_takes_is_refused(tmp_path):
    assert "cannot be read" in refusal(tmp_path / "nul\0.png")
    assert "cannot be read" in refusal(tmp_path / ("long" * 100))


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_file_or_folder_that_may_not_be_read_is_told_as_such(tmp_path, kind):
    folder = write_folder(tmp_path / "sequence", 1)
    path = folder if kind == "folder" else folder / "frame0.png"
    tmp_path.chmod(0o000)
    try:
        with without_privileges(), pytest.raises(InputError, match="may not be read") as caught:
            play(path)
    finally:
        tmp_path.chmod(0o700)
    assert isinstance(caught.value.__cause__, PermissionError)


def test_a_pipe_is_refused_without_waiting_for_its_writer(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "is not a regular file" in refusal(tmp_path / "pipe")


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "empty.mp4").touch()
    assert "empty.mp4 is empty" in refusal(tmp_path / "empty.mp4")


@pytest.mark.parametrize(
    "content",
    [b"hello\n" * 200, b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n", b"ffconcat version 1.0\nfile other.mp4\n"],
    ids=["text", "HLS playlist", "list of files"],
)
def test_what_is_neither_picture_nor_video_is_refused_although_ffmpeg_would_play_it(tmp_path, content):
    path = tmp_path / "video.mp4"
    path.write_bytes(content)
    assert "neither a picture nor a video" in refusal(path)


def test_a_video_without_its_index_cannot_be_opened(tmp_path):
    path = cut(write_video(tmp_path / "video.mp4", 20, codec="mp4v"), 0.6)
    assert f"{path} cannot be opened as a video" in refusal(path)


@pytest.mark.parametrize("name", ["video.avi", "video.mkv"])
def test_a_video_that_was_cut_off_gives_its_frames_and_then_says_so(tmp_path, name):
    path = cut(write_video(tmp_path / name, 30, codec="MJPG"), 0.6)
    with ReplayCamera(path) as camera:
        assert len(read_frames(camera, 6)) == 6
        with pytest.raises(InputError, match=r"is cut off after \d+ of about 30 frames"):
            read_frames(camera, 24)


def test_a_video_of_which_no_frame_decodes_is_refused(tmp_path):
    path = write_video(tmp_path / "video.avi", 20)
    content = path.read_bytes()
    start = content.index(b"movi") + 4
    end = content.index(b"idx1")
    path.write_bytes(content[:start] + bytes(end - start) + content[end:])
    assert str(path) in refusal(path)


@pytest.mark.parametrize("name", ["still.jpg", "still.png", "still.webp", "still.bmp"])
def test_a_picture_that_was_cut_off_is_refused(tmp_path, name):
    noise = np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    path = cut(write_picture(tmp_path / name, noise), 0.6)
    assert str(path) in refusal(path)


def test_one_bad_picture_of_a_folder_is_named_when_its_turn_comes(tmp_path):
    folder = write_folder(tmp_path / "sequence", 3)
    (folder / "frame1.png").write_bytes(b"hello")
    with ReplayCamera(folder) as camera:
        assert camera.read(0.0).sequence == 0
        with pytest.raises(InputError, match=r"frame1\.png is not a picture"):
            camera.read(0.0)


def test_an_empty_folder_is_refused(tmp_path):
    assert refusal(tmp_path).startswith(f"{tmp_path} holds no pictures (give a folder with")


def test_a_folder_of_videos_says_to_choose_one(tmp_path):
    write_video(tmp_path / "video.avi", 2)
    assert "give one of its videos" in refusal(tmp_path)


def test_a_folder_of_folders_says_to_choose_one(tmp_path):
    write_folder(tmp_path / "one", 2)
    assert "give one of its folders" in refusal(tmp_path)


def test_a_name_that_is_no_text_is_refused_for_a_video_which_opencv_would_not_survive(tmp_path):
    path = write_video(tmp_path / "video.avi", 2).rename(tmp_path / os.fsdecode(b"caf\xe9.avi"))
    assert "is not UTF-8" in refusal(path)


def test_damaged_sources_leave_the_error_output_clean(tmp_path):
    cut(write_video(tmp_path / "index.mp4", 20, codec="mp4v"), 0.6)
    cut(write_video(tmp_path / "cut.mkv", 20, codec="mp4v"), 0.6)
    for name in ("still.jpg", "still.png", "still.webp", "still.bmp"):
        cut(write_picture(tmp_path / name, shade(3)), 0.5)
    script = """
import sys
from pathlib import Path
from edge.errors import InputError
from edge.hardware.replay import ReplayCamera

for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        with ReplayCamera(path) as camera:
            while camera.read(0.0):
                pass
    except InputError as error:
        print(error)
"""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("OPENCV_")}
    ran = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True, env=environment
    )
    assert len(ran.stdout.splitlines()) == 6
    assert ran.stderr == ""


def test_a_playlist_moves_on_with_each_opening_and_begins_again(tmp_path):
    cameras = [ReplayCamera(write_picture(tmp_path / f"{number}.png", shade(number))) for number in range(3)]
    playlist = PlaylistCamera(cameras)
    seen = []
    for _ in range(4):
        with playlist:
            frame = playlist.read(0.0)
        seen.append((playlist.traits.name, int(frame.pixels[0, 0, 0]) // 8))
    assert seen == [("0.png", 0), ("1.png", 1), ("2.png", 2), ("0.png", 0)]


def test_a_playlist_passes_by_what_does_not_open(tmp_path):
    good = ReplayCamera(write_picture(tmp_path / "good.png", shade(3)))
    playlist = PlaylistCamera([ReplayCamera(tmp_path / "absent.png"), good])
    with pytest.raises(InputError, match="absent"):
        playlist.open()
    with playlist:
        assert playlist.read(0.0).sequence == 0


def test_a_playlist_is_not_empty():
    with pytest.raises(ValueError, match="playlist"):
        PlaylistCamera([])


def test_a_file_name_is_never_taken_for_a_protocol(tmp_path, monkeypatch):
    write_video(tmp_path / "video.avi", 2).rename(tmp_path / "http:video.avi")
    monkeypatch.chdir(tmp_path)
    assert len(play(Path("http:video.avi"))) == 2


def test_the_decoder_honours_the_orientation_that_a_phone_writes(tmp_path):
    encoded, content = cv2.imencode(".jpg", np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    assert encoded
    turned = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    header = b"\xff\xe1" + (len(turned) + 2).to_bytes(2) + turned
    data = content.tobytes()
    path = tmp_path / "phone.jpg"
    path.write_bytes(data[:2] + header + data[2:])
    (frame,) = play(path)
    assert (frame.width, frame.height) == (HEIGHT, WIDTH)


def test_the_decoder_honours_the_rotation_that_a_phone_writes(tmp_path):
    path = write_video(tmp_path / "video.mp4", 3, codec="mp4v")
    # The display matrix of the track header; ISO/IEC 14496-12, 8.3.2.
    upright = bytes.fromhex("00010000 00000000 00000000 00000000 00010000 00000000")
    turned = bytes.fromhex("00000000 00010000 00000000 ffff0000 00000000 00000000")
    content = path.read_bytes()
    header = content.index(b"tkhd")
    path.write_bytes(content[:header] + content[header:].replace(upright, turned, 1))
    assert {(frame.width, frame.height) for frame in play(path)} == {(HEIGHT, WIDTH)}
