"""FastMCP from_openapi: fastmcp_server.py SPEC UPSTREAM PORT."""

import json
import sys
from pathlib import Path

import httpx2
from fastmcp import FastMCP

spec, upstream, port = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
# No bound below that of the load: waiting in the client's pool is not what is measured.
limits = httpx2.Limits(max_connections=None, max_keepalive_connections=256)
client = httpx2.AsyncClient(base_url=upstream, limits=limits)
server = FastMCP.from_openapi(openapi_spec=json.loads(spec.read_text()), client=client, name="road")
server.run(
    transport="http",
    host="127.0.0.1",
    port=port,
    path="/mcp/road",
    stateless_http=True,
    json_response=True,
    log_level="error",
    show_banner=False,
)
