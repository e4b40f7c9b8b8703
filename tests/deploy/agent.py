"""An agent in a container: prepares a meeting over and over with the published Python SDK, until it is told to end.

`agent.py` takes the URL of its MCP server from AFFINITY_MCP_URL, and from AGENT_PAUSE how many seconds it rests after a
round (default 1). One line of JSON a round goes to stdout: how many calls were answered, whether the reminder could be
written, and what failed. Ends with 1 if anything failed.
"""

import asyncio
import json
import os
import signal
import sys

from mcp import ClientSession, McpError
from mcp.client.streamable_http import streamablehttp_client

PATIENCE = 50  # tries of the first connection: the other container may start a moment later
PAUSE = 0.1  # seconds


async def prepare(session: ClientSession) -> dict:
    """One meeting: who they are, who knows them, what was said, and a reminder."""
    answered = 0

    async def ask(tool, arguments):
        nonlocal answered
        result = await session.call_tool(tool, arguments)
        assert not result.isError, f"{tool}: {result.content[0].text}"
        answered += 1
        return result.structuredContent

    found = (await ask("list_all_affinity_organizations", {"query": "Acme Corp"}))["result"]
    acme = next(one for one in found if one["name"] == "Acme Corp")
    people = (await ask("get_single_affinity_organization_by_id", {"id": acme["id"]}))["person_ids"]
    persons = [await ask("get_single_affinity_person_by_id", {"id": person}) for person in people]
    stranger = next(person["id"] for person in persons if person["type"] == 0)
    assert (await ask("list_all_affinity_relationship_strength", {"external_id": stranger}))["result"]
    assert (await ask("list_all_affinity_interactions", {"organization_id": acme["id"], "limit": 3}))["result"]
    me = await ask("list_all_affinity_whoami", {})
    try:
        reminder = {"owner_id": me["user"]["id"], "type": 0, "due_date": "2026-10-23"}
        await ask("create_a_affinity_reminder", reminder)
        return {"answered": answered, "reminder": "written"}
    except McpError as error:
        # The one refusal that a policy may bring in the middle of a day.
        assert error.error.code == -32602, error
        return {"answered": answered, "reminder": "refused by policy"}


async def converse(url: str, ending: asyncio.Event) -> None:
    async with streamablehttp_client(url) as (read, write, _), ClientSession(read, write) as session:
        await session.initialize()
        while not ending.is_set():
            print(json.dumps(await prepare(session)), flush=True)
            await asyncio.sleep(float(os.environ.get("AGENT_PAUSE", "1")))


async def main() -> int:
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    for _ in range(PATIENCE):
        host, port = os.environ["AFFINITY_MCP_URL"].split("/")[2].split(":")
        try:
            (await asyncio.open_connection(host, int(port)))[1].close()
            break
        except OSError:
            await asyncio.sleep(PAUSE)
    try:
        await converse(os.environ["AFFINITY_MCP_URL"], ending)
    except BaseException as trouble:
        print(json.dumps({"failed": repr(trouble)}), flush=True)
        return 1
    return 0


sys.exit(asyncio.run(main()))
