"""Python SDK 2.x: `mcp2.py FULL_ACCESS_URL READ_ONLY_URL MODE`, mode `auto`, `legacy` or a pinned revision."""

import asyncio
import sys

from mcp import Client, MCPError

from conversation import ProtocolError, Reply, converse


class Sdk2:
    def __init__(self, client: Client):
        self.client = client

    async def list_tools(self) -> list[str]:
        return [tool.name for tool in (await self.client.list_tools()).tools]

    async def call(self, tool, arguments) -> Reply:
        try:
            result = await self.client.call_tool(tool, arguments)
        except MCPError as error:
            raise ProtocolError(error.error.code, error.error.message) from error
        return Reply(result.structured_content, result.content[0].text, bool(result.is_error))


async def main() -> int:
    full, read_only, mode = sys.argv[1:4]
    async with Client(full, mode=mode) as one, Client(read_only, mode=mode) as two:
        return await converse(Sdk2(one), Sdk2(two))


sys.exit(1 if asyncio.run(main()) else 0)
