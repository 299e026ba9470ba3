# shellcheck shell=bash
# Sourced by scripts that boot a root with systemd as the first process of a container. They have called
# container_needs and `unshare --mount` before they boot one, and power_off when they end.

nspawn=
leader=
cgroup=
hierarchy=

unable() { echo "${0##*/}: $*" >&2; exit 3; }
ok() { printf 'ok  %s\n' "$*"; }
fail() {
    printf 'NOT ok  %s\n' "$*" >&2
    [ -z "$leader" ] || inside journalctl --no-pager --lines 40 --unit livegate >&2 || true
    exit 1
}

container_needs() {
    local tool
    [ "$(id -u)" = 0 ] || unable "needs root: sudo scripts/${0##*/}"
    for tool in debootstrap systemd-nspawn nsenter unshare; do
        command -v "$tool" >/dev/null || unable "$tool is missing: apt install debootstrap systemd-container util-linux"
    done
}

# boot ROOT CONSOLE: until multi-user.target is up; CONSOLE is the file for what the container says.
boot() {
    local options=()
    if [ ! -d /run/systemd/system ]; then
        # Without a systemd that could give it a cgroup, the container gets one of this script's, in the one hierarchy of
        # version 2, as boards have.
        options=(--register=no --keep-unit)
        if [ -z "$hierarchy" ]; then
            umount -R /sys/fs/cgroup 2>/dev/null || true
            mount -t cgroup2 cgroup2 /sys/fs/cgroup
            hierarchy=mounted
        fi
        cgroup=$(mktemp -d "/sys/fs/cgroup/livegate-check-XXXXXX")
        echo $$ >"$cgroup/cgroup.procs"
    fi
    # /sys is writable as on a board; the network is a loopback of its own.
    # A board's own systemd keeps no service from these calls; nspawn does, whatever the unit says.
    options+=("--system-call-filter=@memlock landlock_create_ruleset landlock_add_rule landlock_restrict_self")
    SYSTEMD_NSPAWN_API_VFS_WRITABLE=1 systemd-nspawn "${options[@]}" --quiet --directory "$1" --machine livegate-check \
        --private-network --console=pipe --boot >"$2" 2>&1 </dev/null &
    nspawn=$!
    within 30 started || fail "the container did not start: $(tail -3 "$2")"
    within 60 inside systemctl is-active multi-user.target || fail "the container did not come up"
}

power_off() {
    if [ -n "$nspawn" ] && kill -0 "$nspawn" 2>/dev/null; then
        kill -TERM "$nspawn"
        wait "$nspawn" || true
    fi
    if [ -n "$cgroup" ]; then
        echo $$ >/sys/fs/cgroup/cgroup.procs
        find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null || true
    fi
    nspawn=
    leader=
    cgroup=
}

inside() {
    nsenter --target "$leader" --mount --uts --ipc --net --pid --cgroup env -i \
        PATH=/opt/livegate/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}
# within SECONDS CONDITION…: whether it comes true in that time
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.3
    done
}
started() { leader=$(pgrep --parent "$nspawn" --exact systemd); }
property() { inside systemctl show --property "$1" --value livegate.service; }
logged() { inside journalctl --no-pager --unit livegate --grep "$1"; }
boots() { inside cat /var/lib/livegate/boot-count; }
udev_complaints() {
    inside udevadm test --action=add /sys/devices/virtual/mem/null 2>&1 | grep 60-livegate.rules | grep -v 'Reading' || true
}
