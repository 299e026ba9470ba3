#!/bin/bash
# What scripts/check-board shows, inside the emulated board: a line for each thing that is so, and the end at the first
# that is not. Run once by board-check.service, as root.
set -uo pipefail
check=/opt/check
python=/usr/lib/livegate/bin/python3
configuration=/etc/livegate/livegate.yaml
virtual_camera=/usr/share/libcamera/pipeline/virtual/virtual.yaml
# Lines of the GPIO chip (board.dtsi).
lamp=4 panel=5 led=6
key=/run/enrolled.jwk
# An emulated processor is slow, and its time tells nothing.
patience=600
# Of the virtual camera; a session judges few of them in a second here.
frame_rate=5

ok() { echo "ok  $*"; }
fail() {
    echo "NOT ok  $*"
    systemctl status --no-pager --full --lines 60 livegate.service
    exit 1
}
# within SECONDS CONDITION…: whether it comes true in that time
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 1
    done
}
property() { systemctl show --property "$1" --value livegate.service; }
says() { [[ $(property StatusText) == "$1"* ]]; }
ended() { [ "$(property ActiveState)" != active ] && [ "$(property ActiveState)" != deactivating ]; }
restarted() { [ "$(property NRestarts)" -gt "$1" ] && says ready; }
logged() { journalctl --no-pager --quiet --boot --unit livegate.service --output cat --grep "$@"; }
# line N: hi or lo, as the kernel tells everybody who looks; nothing where it is no output
line() { sed -n "s/^ *gpio-$((first_line + $1)) .*) out \(hi\|lo\).*/\1/p" /sys/kernel/debug/gpio; }
is() { [ "$(line "$1")" = "$2" ]; }
session() { livegate session start --config "$configuration" --key "$key" --mode Passive --wait --within "$patience"; }
play() {
    cat >"$virtual_camera" <<YAML
%YAML 1.1
---
"Virtual0":
  supported_formats:
  - {width: 640, height: 480, frame_rates: [$frame_rate, $frame_rate]}
  frames: {path: "$1/"}
  location: "CameraLocationFront"
  model: "virtual"
YAML
}

# --- the board

udevadm settle --timeout "$patience"
mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug
first_line=$(sed -n 's/^ *gpio-\([0-9]*\) .*livegate-lamp.*/\1/p' /sys/kernel/debug/gpio)
[ -n "$first_line" ] || fail "no line livegate-lamp: $(cat /sys/kernel/debug/gpio)"
first_line=$((first_line - lamp))
chip=$($python -c 'from pathlib import Path; from edge.hardware.gpio_illuminator import chip_label as label
print(label(Path("/dev/gpiochip0")))') || fail "the GPIO chip does not tell its label"
ok "$(uname -srm), $(systemctl --version | head -1 | cut -d ' ' -f 1,2), $($python --version)"
ok "$(livegate --version), package $(dpkg-query --show --showformat '${Version} ${Architecture}' livegate)"
ok "libraries for $($python -c 'import ai_edge_litert, importlib.metadata as m, cv2, numpy, platform
print(platform.machine() + ":", *(f"{n} {m.version(n)}" for n in ("ai-edge-litert", "numpy", "opencv-python-headless")))')"
ok "GPIO chip $chip, backlight $(ls /sys/class/backlight), LED $(cd /sys/class/leds && echo *livegate*), their drivers loaded by udev"
owner() { stat -L -c '%G %A' "$@" | sort -u | tr '\n' ' '; }
[[ $(owner /sys/class/backlight/*/brightness /sys/class/backlight/*/bl_power) == "video -rw-rw-r-- " ]] || fail "backlight: $(owner /sys/class/backlight/*/b*)"
[[ $(owner /sys/class/leds/livegate:ir/brightness /sys/class/leds/livegate:ir/trigger) == "gpio -rw-rw-r-- " ]] || fail "LED: $(owner /sys/class/leds/livegate:ir/*)"
[[ $(owner /dev/gpiochip0) == "gpio crw-rw---- " ]] || fail "GPIO chip: $(owner /dev/gpiochip0)"
ok "the package's udev rules gave backlight, LED and GPIO chip to video and gpio; livegate is in $(id -nG livegate)"

# --- the service, as the package enabled it, without a camera

active() { [ "$(property ActiveState)" = active ]; }
within "$patience" active || fail "the service did not become active at boot"
cp /var/lib/livegate/device-key.pub.jwk "$key"
user=$(stat -c %U "/proc/$(property MainPID)")
ok "at boot the service is up: status '$(property StatusText)', user $user, with $(logged XNNPACK | tail -1)"
told=$(session 2>&1) && fail "a decision that accepts, without a camera: $told"
[ "$(property ActiveState) $(property NRestarts)" = "active 0" ] ||
    fail "without a camera the service is $(property ActiveState), and was started again $(property NRestarts) times"
ok "without a camera nobody is accepted, and the service stays up: $(tr -s "\n " " " <<<"$told")"
systemctl stop livegate.service

# --- lights, by the package's drivers as its user, seen through the GPIO controller's lines

# An array, and no function: in the background that would be another process than the one to kill.
as_livegate=(setpriv --reuid livegate --regid livegate --init-groups --no-new-privs)
mount -o remount,mode=755 /sys/kernel/debug
mkdir -p /run/livegate && chown livegate: /run/livegate
for driver in led gpio; do
    line=$led
    [ "$driver" = led ] || line=$lamp
    "${as_livegate[@]}" env PYTHONPATH=$check $python $check/board/drive_lights.py "/etc/livegate/$driver.yaml" $((first_line + line)) $((first_line + panel)) \
        >"$check/lights.txt" 2>&1 || fail "lights with the illuminator $driver: $(cat "$check/lights.txt")"
    ok "illuminator $driver and backlight, driven as $("${as_livegate[@]}" id -un), and their lines: $(tail -4 "$check/lights.txt" | tr '\n' ';')"
done
is $panel hi || fail "the backlight's line is $(line $panel) before it is left changed"
"${as_livegate[@]}" $python $check/board/drive_lights.py --hold /etc/livegate/led.yaml $((first_line + led)) $((first_line + panel)) >"$check/held.txt" &
held=$!
within "$patience" grep -q held "$check/held.txt" || fail "the lights are not held"
kill -9 $held
wait $held 2>/dev/null
[ "$(line $panel) $(line $led)" = "lo hi" ] || fail "after kill -9 the lines are $(line $panel) and $(line $led)"
told=$("${as_livegate[@]}" livegate lights restore --config /etc/livegate/led.yaml | tr '\n' ';') || fail "livegate lights restore: $told"
[ "$(line $panel) $(line $led)" = "hi lo" ] || fail "after livegate lights restore the lines are $(line $panel) and $(line $led)"
ok "after kill -9 panel dark, lamp lit; after livegate lights restore panel lit, lamp dark: $told"

# --- the drivers' contracts on these devices

cd $check/livegate || fail "no tests"
PYTHONPATH=$check $python -m pytest -q -p no:cacheprovider -o xfail_strict=true -k Real \
    tests/hardware/test_illuminator_drivers.py tests/hardware/test_sysfs_backlight.py >"$check/contracts.txt" 2>&1 ||
    fail "contracts: $(tail -60 "$check/contracts.txt")"
grep -q skipped "$check/contracts.txt" && fail "contracts were skipped: $(tail -5 "$check/contracts.txt")"
ok "contracts on the real LED, GPIO line and backlight: $(tail -1 "$check/contracts.txt")"
cd /

# --- doctor

doctor=0
livegate doctor --config "$configuration" >"$check/doctor.txt" 2>&1 || doctor=$?
cat "$check/doctor.txt"
[ $doctor = 1 ] || fail "livegate doctor ends with $doctor without a camera"
ok "livegate doctor ends with 1: what is missing here it says"

# --- sessions: the virtual camera plays pictures, LiteRT decides, the display is lit meanwhile

echo 0 >/sys/class/backlight/panel-backlight/brightness
is $panel lo || fail "the backlight cannot be switched off"
for scene in "$check"/pictures/*; do
    play "$scene"
    systemctl restart livegate.service || fail "the service did not start"
    within "$patience" says ready || fail "with a camera the service says: $(property StatusText)"
    lit=no
    session >"$check/session.txt" 2>&1 &
    asked=$!
    while kill -0 $asked 2>/dev/null; do
        if is $panel hi; then lit=yes; fi
        sleep 1
    done
    wait $asked
    code=$?
    told=$(tail -1 "$check/session.txt")
    case $scene in
        *bona-fide*) [[ $code = 0 && $told == realface*"capture live"*"signature verified"* ]] || fail "$scene: $told" ;;
        *) [[ $code = 1 && $told == spoofface*"capture live"*"signature verified"* ]] || fail "$scene: $told" ;;
    esac
    [ $lit = yes ] || fail "the panel was not lit in the session"
    within 60 is $panel lo || fail "the panel was not restored after the session"
    ok "$(basename "$scene"), panel lit for it and dark again: $told"
done

# --- ends in the middle of a session

for way in "stop" "kill --kill-whom=main --signal=KILL"; do
    within "$patience" says ready || fail "before $way the service says: $(property StatusText)"
    before=$(property NRestarts)
    session >/dev/null 2>&1 &
    asked=$!
    within "$patience" is $panel hi || fail "the session lit no panel"
    # shellcheck disable=SC2086 # several words
    systemctl $way livegate.service
    within "$patience" is $panel lo || fail "systemctl $way left the panel lit"
    is $led lo || fail "systemctl $way left the lamp lit"
    ok "systemctl $way in a session, and the panel is as it was found: $(property Result), $(logged 'backlight' | tail -1)"
    kill $asked 2>/dev/null
    wait $asked 2>/dev/null
    [ "$way" != stop ] || systemctl start livegate.service
done
within "$patience" restarted "$before" || fail "the service was not started again after it was killed"
ok "killed, it was started again: $(property StatusText)"

echo "board-check: all shown"
