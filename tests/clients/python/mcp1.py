"""Python SDK 1.30, strictly the handshake era: `mcp1.py FULL_ACCESS_URL READ_ONLY_URL`."""

import asyncio
import sys
from contextlib import asynccontextmanager

from mcp import ClientSession, McpError
from mcp.client.streamable_http import streamablehttp_client

from conversation import ProtocolError, Reply, converse


class Sdk1:
    def __init__(self, session: ClientSession):
        self.session = session

    async def list_tools(self) -> list[str]:
        return [tool.name for tool in (await self.session.list_tools()).tools]

    async def call(self, tool, arguments) -> Reply:
        try:
            result = await self.session.call_tool(tool, arguments)
        except McpError as error:
            raise ProtocolError(error.error.code, error.error.message) from error
        return Reply(result.structuredContent, result.content[0].text, bool(result.isError))


@asynccontextmanager
async def session(url: str):
    async with streamablehttp_client(url) as (read, write, _), ClientSession(read, write) as opened:
        await opened.initialize()
        yield Sdk1(opened)


async def main() -> int:
    async with session(sys.argv[1]) as full, session(sys.argv[2]) as read_only:
        return await converse(full, read_only)


sys.exit(1 if asyncio.run(main()) else 0)
