"""The board, from made-up trees."""

from __future__ import annotations

import os

import pytest

from edge.contracts.doctor import Verdict
from edge.terminal.doctor import board, system
from tests.terminal.doctor.conftest import NOW, written

PI = "Raspberry Pi 5 Model B Rev 1.0\0"


@pytest.fixture
def pi(roots):
    written(roots.proc / "device-tree/model", PI)
    return roots


def throttled(roots, bits):
    written(roots.sys / "devices/platform/soc/soc:firmware/get_throttled", f"{bits:x}\n")


@pytest.mark.parametrize(
    ("bits", "verdict", "words"),
    [
        (0, Verdict.OK, "no low voltage"),
        (0x1, Verdict.FAIL, "now: the voltage is too low"),
        (0x50005, Verdict.FAIL, "now: the voltage is too low, the processor is throttled"),
        (0x10000, Verdict.WARN, "since the start: the voltage is too low"),
        (0x80008, Verdict.WARN, "now: it is near its temperature limit"),
        (0x20000, Verdict.WARN, "since the start: the processor's clock is capped"),
    ],
)
def test_what_the_firmware_says_is_told_in_words(unread, pi, bits, verdict, words):
    throttled(pi, bits)
    check = system.power(unread)
    assert check.verdict is verdict
    assert words in check.seen


def test_vcgencmd_is_asked_where_sysfs_has_nothing(unread, pi, programs):
    programs.said["vcgencmd"] = "throttled=0x50000\n"
    assert system.power(unread).verdict is Verdict.WARN
    assert programs.asked[0][1] <= 5


def test_the_voltage_watch_of_the_kernel_is_the_last_resort(unread, pi):
    written(pi.sys / "class/hwmon/hwmon1/name", "rpi_volt\n")
    alarm = written(pi.sys / "class/hwmon/hwmon1/in0_lcrit_alarm", "0\n")
    assert system.power(unread).verdict is Verdict.OK
    alarm.write_text("1\n")
    assert system.power(unread).verdict is Verdict.FAIL


def test_a_pi_that_says_nothing_and_another_board_are_skipped(unread, roots):
    assert system.power(unread).verdict is Verdict.SKIPPED
    written(roots.proc / "device-tree/model", PI)
    assert system.power(unread).verdict is Verdict.SKIPPED


@pytest.mark.parametrize(
    ("millidegrees", "verdict"),
    [(45_000, Verdict.OK), (74_900, Verdict.OK), (75_000, Verdict.WARN), (85_000, Verdict.FAIL), (-5_000, Verdict.OK)],
)
def test_the_hottest_zone_counts(unread, roots, millidegrees, verdict):
    written(roots.sys / "class/thermal/thermal_zone0/temp", "-20000\n")
    written(roots.sys / "class/thermal/thermal_zone1/temp", f"{millidegrees}\n")
    written(roots.sys / "class/thermal/thermal_zone1/type", "cpu-thermal\n")
    check = system.temperature(unread)
    assert check.verdict is verdict
    assert "cpu-thermal" in check.seen


def test_no_zone_is_skipped(unread):
    assert system.temperature(unread).verdict is Verdict.SKIPPED


def meminfo(roots, available, total=4_000_000):
    written(roots.proc / "meminfo", f"MemTotal: {total} kB\nMemFree: 1 kB\nMemAvailable: {available} kB\n")


@pytest.mark.parametrize(
    ("available", "verdict"), [(3_000_000, Verdict.OK), (150_000, Verdict.WARN), (50_000, Verdict.FAIL)]
)
def test_memory_that_is_left_is_judged(unread, roots, available, verdict):
    meminfo(roots, available)
    assert system.memory(unread).verdict is verdict


@pytest.fixture
def running(context, roots, tmp_path):
    """A daemon, process 40, whose capture process is 41."""

    def make(rss, swapped=0):
        folder = tmp_path / "state"
        folder.mkdir()
        found = folder.stat()
        place = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
        written(roots.proc / "locks", f"1: FLOCK  ADVISORY  WRITE 40 {place} 0 EOF\n")
        for process, parent in ((40, 1), (41, 40)):
            written(roots.proc / f"{process}/stat", f"{process} (python3) S {parent} 1 1\n")
            written(roots.proc / f"{process}/status", f"VmRSS:\t{rss} kB\nVmSwap:\t{swapped} kB\n")
        return context()

    return make


def test_the_daemon_and_its_child_count_together_against_the_aim(running, roots):
    meminfo(roots, 3_000_000)
    check = system.memory(running(100 * 1024))
    assert check.verdict is Verdict.WARN
    assert "have 200 MiB" in check.seen


def test_a_daemon_that_fits_leaves_little_and_that_is_well(running, roots):
    meminfo(roots, 150_000)
    assert system.memory(running(60 * 1024)).verdict is Verdict.OK


SWAPS = "Filename Type Size Used Priority\n"


def test_compressed_memory_is_no_disk(unread, roots):
    written(roots.proc / "swaps", SWAPS + "/dev/zram0 partition 2097148 0 100\n")
    assert system.swap(unread).verdict is Verdict.OK


def test_swap_that_the_service_cannot_be_kept_out_of_is_told(unread, roots):
    written(roots.proc / "swaps", SWAPS + "/var/swap file 102396 0 -2\n")
    assert system.swap(unread).verdict is Verdict.WARN
    written(roots.sys / "fs/cgroup/cgroup.controllers", "cpuset cpu io memory pids\n")
    assert system.swap(unread).verdict is Verdict.OK


def test_frames_that_may_be_on_the_disk_fail(running, roots):
    written(roots.proc / "swaps", SWAPS + "/var/swap file 102396 512 -2\n")
    assert system.swap(running(1024, swapped=256)).verdict is Verdict.FAIL


def test_a_clock_is_synchronised_by_timesyncd_or_by_the_kernel_s_word(unread, roots):
    assert system.clock(unread, lambda: True).verdict is Verdict.OK
    assert system.clock(unread, lambda: False).verdict is Verdict.WARN
    assert system.clock(unread, lambda: None).verdict is Verdict.SKIPPED
    written(roots.run / "systemd/timesync/synchronized", "")
    assert system.clock(unread, lambda: False).verdict is Verdict.OK


def test_a_time_before_this_software_cannot_be(context):
    assert system.clock(context(wall=lambda: 1_000_000.0), lambda: True).verdict is Verdict.FAIL
    assert system.clock(context(wall=lambda: NOW), lambda: True).verdict is Verdict.OK


@pytest.mark.parametrize(("blocks", "verdict"), [(10**6, Verdict.OK), (40_000, Verdict.WARN), (1000, Verdict.FAIL)])
def test_a_disk_that_fills_is_told(unread, monkeypatch, blocks, verdict):
    full = os.statvfs_result((4096, 4096, 10**7, blocks, blocks, 1000, 1000, 1000, 0, 255))
    monkeypatch.setattr(system.os, "statvfs", lambda _: full)
    assert system.disk(unread).verdict is verdict


def test_the_model_is_told_without_its_end(unread, pi):
    assert board.model(pi) == PI.rstrip("\0")
    assert system.model(unread).seen == PI.rstrip("\0")
