# What the shell tests share: where things are installed, starting chaperone and ending it, counting. To be sourced.

set -euo pipefail

tests=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${CHAPERONE_TEST_CACHE:-$HOME/.cache/chaperone-tests}
scratch=$(mktemp -d)
mkdir -p "$cache"

server_pid=
server_pids=()
end_server() {
    local pid
    for pid in "${server_pids[@]}"; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    server_pids=() server_pid=
}
trap 'end_server; rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

# The program under test: $CHAPERONE, or a debug build of this tree.
chaperone=${CHAPERONE:-}
if [ -z "$chaperone" ]; then
    cargo build --quiet --manifest-path "$tests/../Cargo.toml"
    chaperone=${CARGO_TARGET_DIR:-$tests/../target}/debug/chaperone
fi

# start_server LINE ARGUMENTS…: start chaperone and wait until it has printed a line that begins with LINE.
start_server() {
    local line=$1
    shift
    : >"$scratch/stdout"
    "$chaperone" "$@" >>"$scratch/stdout" 2>"$scratch/stderr" &
    server_pid=$!
    server_pids+=("$server_pid")
    for _ in $(seq 200); do
        grep -q "^ *$line" "$scratch/stdout" && return 0
        kill -0 "$server_pid" 2>/dev/null || break
        sleep 0.1
    done
    echo "chaperone $* never printed \`$line\`:" >&2
    tail -n 30 "$scratch/stdout" "$scratch/stderr" >&2
    return 1
}

# printed LINE: the word behind LINE in what the server printed.
printed() {
    sed -n "s|^ *$1 *\([^ ]*\).*|\1|p" "$scratch/stdout" | head -n 1
}

# venv NAME REQUIREMENTS: a virtual environment with exactly these requirements; prints its python.
venv() {
    local home=$cache/$1 stamp
    stamp=$(cat "$2" | sha256sum)
    if [ "$(cat "$home/stamp" 2>/dev/null)" != "$stamp" ]; then
        rm -rf "$home"
        python3 -m venv "$home" >&2
        "$home/bin/pip" install --quiet --disable-pip-version-check --requirement "$2" >&2
        echo "$stamp" >"$home/stamp"
    fi
    echo "$home/bin/python"
}

# node_home: the folder with the packages of tests/clients/node and its scripts; its Node is node_modules/.bin/node.
node_home() {
    local home=$cache/node stamp
    stamp=$(sha256sum <"$tests/clients/node/package-lock.json")
    if [ "$(cat "$home/stamp" 2>/dev/null)" != "$stamp" ]; then
        rm -rf "$home"
        mkdir -p "$home"
        cp "$tests"/clients/node/{package.json,package-lock.json,.npmrc} "$home"
        # The packages want Node 22, which is one of them; the npm that installs them may be older.
        (cd "$home" && npm ci --ignore-scripts --loglevel=error) >&2
        echo "$stamp" >"$home/stamp"
    fi
    cp "$tests"/clients/node/*.mjs "$home"
    echo "$home"
}
