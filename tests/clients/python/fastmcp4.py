"""FastMCP 4: `fastmcp4.py FULL_ACCESS_URL READ_ONLY_URL`."""

import asyncio
import sys

from fastmcp import Client
from mcp import MCPError

from conversation import ProtocolError, Reply, converse


class FastMcp:
    def __init__(self, client: Client):
        self.client = client

    async def list_tools(self) -> list[str]:
        return [tool.name for tool in await self.client.list_tools()]

    async def call(self, tool, arguments) -> Reply:
        try:
            result = await self.client.call_tool(tool, arguments, raise_on_error=False)
        except MCPError as error:
            raise ProtocolError(error.error.code, error.error.message) from error
        return Reply(result.structured_content, result.content[0].text, bool(result.is_error))


async def main() -> int:
    async with Client(sys.argv[1]) as full, Client(sys.argv[2]) as read_only:
        return await converse(FastMcp(full), FastMcp(read_only))


sys.exit(1 if asyncio.run(main()) else 0)
