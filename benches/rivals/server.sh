# How a rival is started, by the contract of the road bench: the upstream is in ROAD_UPSTREAM, and what stands on stdout
# is `holds TEXT`, what a right answer holds besides the query, and `listening on http://HOST:PORT/PATH`. To be sourced.

set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/packages.sh"

: "${ROAD_UPSTREAM:?expected HOST:PORT of the upstream}"
scratch=$(mktemp -d)
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

# serve HOLDS PATH COMMAND…: runs the server until it ends, and says when it listens.
serve() {
    local holds=$1 path=$2 server
    shift 2
    "$@" >"$scratch/log" 2>&1 &
    server=$!
    trap 'kill "$server" 2>/dev/null; rm -rf "$scratch"' EXIT
    until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
        kill -0 "$server" 2>/dev/null || { cat "$scratch/log" >&2; exit 1; }
        sleep 0.1
    done
    [ -z "$holds" ] || echo "holds $holds"
    echo "listening on http://127.0.0.1:$port$path"
    wait "$server"
}
