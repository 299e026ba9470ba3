# shellcheck shell=bash
# Sourced by the other scripts: makes one environment in .venv and keeps it in step with pyproject.toml.
# LIVEGATE_PYTHON names another interpreter, LIVEGATE_VENV another place.

livegate_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
livegate_venv=${LIVEGATE_VENV:-$livegate_root/.venv}

livegate_python() {
    local candidate
    for candidate in ${LIVEGATE_PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "Livegate needs Python 3.11, 3.12 or 3.13; set LIVEGATE_PYTHON to one." >&2
    return 1
}

# livegate_environment EXTRAS: EXTRAS as in pip's .[EXTRAS]
livegate_environment() {
    local extras=$1 python wanted extra missing=
    python=$(livegate_python) || return 1
    wanted=$({ "$python" --version; cat "$livegate_root/pyproject.toml" "$livegate_root/scripts/constraints.txt"; } | sha256sum)
    for extra in ${extras//,/ }; do
        [ "$(cat "$livegate_venv/.livegate-$extra" 2>/dev/null)" = "$wanted" ] || missing=$extra
    done
    [ -n "$missing" ] || return 0
    echo "Setting up $livegate_venv (a minute or two the first time) ..." >&2
    if ! "$python" -m venv "$livegate_venv"; then
        echo "Could not make a virtual environment: install python3-venv (sudo apt install python3-venv)." >&2
        return 1
    fi
    # Python compiles what it loads; to compile all the rest too is two fifths of the work.
    "$livegate_venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile \
        --constraint "$livegate_root/scripts/constraints.txt" --editable "${livegate_root}[$extras]" || return 1
    for extra in ${extras//,/ }; do
        echo "$wanted" >"$livegate_venv/.livegate-$extra"
    done
}
