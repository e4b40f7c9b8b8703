"""The conversation that every Python client holds with chaperone, whatever SDK carries it.

A client brings two sessions, each an object with `list_tools() -> [name]` and `call(tool, arguments) -> Reply`; a
protocol error is raised as `ProtocolError`. One line a step goes to stdout: `ok STEP` or `not ok STEP: why`.
"""

import asyncio
import json
import os
import sys
import traceback
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.error import HTTPError
from urllib.request import Request, urlopen

FULL_ACCESS_TOOLS = 53
HIDDEN = "create_a_affinity_reminder"
UNKNOWN = "list_all_affinity_unicorns"


class ProtocolError(Exception):
    """The server answered with a JSON-RPC error."""

    def __init__(self, code: int, message: str):
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


@dataclass
class Reply:
    """A tool result."""

    structured: dict[str, Any]
    text: str
    is_error: bool


class Session(Protocol):
    """What a client has to bring."""

    async def list_tools(self) -> list[str]: ...

    async def call(self, tool: str, arguments: dict[str, Any]) -> Reply: ...


async def answer(session: Session, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The structured content of a call that must succeed, and whose text must say the same."""
    reply = await session.call(tool, arguments)
    assert not reply.is_error, f"{tool} answered with an error: {reply.text}"
    assert isinstance(reply.structured, dict), f"{tool} has no structuredContent"
    assert json.loads(reply.text) == reply.structured, f"{tool}: text and structuredContent differ"
    return reply.structured


async def refusal(session: Session, tool: str, arguments: dict[str, Any]) -> ProtocolError:
    """The protocol error of a call that must not be possible."""
    try:
        reply = await session.call(tool, arguments)
    except ProtocolError as error:
        assert error.code == -32602, f"{tool}: expected -32602, got {error}"
        return error
    raise AssertionError(f"{tool}: expected a protocol error, got {reply}")


class Steps:
    """The steps of the conversation, in order; what one learns the next may use."""

    def __init__(self, full: Session, read_only: Session):
        self.full, self.read_only = full, read_only
        self.organization: dict[str, Any] = {}
        self.external_id = 0

    async def lists_every_tool(self) -> None:
        names = await self.full.list_tools()
        assert len(names) == len(set(names)) == FULL_ACCESS_TOOLS, f"{len(names)} tools"

    async def finds_the_organization(self) -> None:
        found = await answer(self.full, "list_all_affinity_organizations", {"query": "Acme Corp"})
        named = [item for item in found["result"] if item["name"] == "Acme Corp"]
        assert named, f"no Acme Corp among {len(found['result'])} organizations"
        assert "next_cursor" in found
        self.organization = await answer(
            self.full, "get_single_affinity_organization_by_id", {"id": named[0]["id"]}
        )

    async def knows_the_relationship(self) -> None:
        for person_id in self.organization["person_ids"]:
            person = await answer(self.full, "get_single_affinity_person_by_id", {"id": person_id})
            if person["type"] == 0:
                self.external_id = person_id
                break
        assert self.external_id, "the organization has no external person"
        strengths = await answer(
            self.full, "list_all_affinity_relationship_strength", {"external_id": self.external_id}
        )
        assert strengths["result"], "nobody knows the person"
        assert all(item["external_id"] == self.external_id for item in strengths["result"])

    async def reads_the_last_interactions(self) -> None:
        arguments = {"organization_id": self.organization["id"], "limit": 3}
        found = await answer(self.full, "list_all_affinity_interactions", arguments)
        dates = [item["date"] for item in found["result"]]
        assert 1 <= len(dates) <= 3, f"{len(dates)} interactions"
        assert dates == sorted(dates, reverse=True), f"not newest first: {dates}"

    async def sets_a_reminder(self) -> None:
        me = await answer(self.full, "list_all_affinity_whoami", {})
        arguments = {"owner_id": me["user"]["id"], "type": 0, "due_date": "2026-10-23"}
        reminder = await answer(self.full, "create_a_affinity_reminder", arguments)
        assert isinstance(reminder["id"], int), f"no id: {reminder}"

    async def is_told_which_argument_is_wrong(self) -> None:
        reply = await self.full.call("list_all_affinity_relationship_strength", {"externl_id": 1})
        assert reply.is_error, "a call with wrong arguments went through"
        assert "externl_id" in reply.text and "external_id" in reply.text, reply.text
        assert reply.structured["error"], reply.structured

    async def is_refused_an_unknown_tool(self) -> None:
        error = await refusal(self.full, UNKNOWN, {})
        assert UNKNOWN in error.message, error.message

    async def is_refused_a_hidden_tool(self) -> None:
        names = await self.read_only.list_tools()
        assert names and HIDDEN not in names
        hidden = await refusal(self.read_only, HIDDEN, {"owner_id": 1, "type": 0, "due_date": "2026-10-23"})
        unknown = await refusal(self.read_only, UNKNOWN, {})
        said = [error.message.split(name)[0] for error, name in ((hidden, HIDDEN), (unknown, UNKNOWN))]
        assert said[0] == said[1], f"a hidden tool is told apart: {said}"

    async def goes_on_working(self) -> None:
        await answer(self.full, "list_all_affinity_whoami", {})
        await answer(self.read_only, "list_all_affinity_whoami", {})


class LimitSteps:
    """The steps of the conversation over an account whose limit is used up; `strict` answers with the HTTP status too."""

    def __init__(self, usual: Session, _strict: Session):
        self.usual = usual

    async def _limited(self) -> Reply:
        # The vendor's minute may begin anew in between.
        for _ in range(10):
            reply = await self.usual.call("list_all_affinity_whoami", {})
            if reply.is_error:
                return reply
        raise AssertionError("the limit was never met")

    async def is_told_when_to_try_again(self) -> None:
        reply = await self._limited()
        seconds = reply.structured["retry_after"]
        assert 0 < seconds <= 60, f"{seconds} seconds"
        assert f"Try again in {seconds} seconds." in reply.text, reply.text
        assert reply.structured["statusCode"] == 429 and reply.structured["error"] == "rate_limited"
        assert reply.structured["is_remote_error"] is True
        bucket = reply.structured["ratelimit"]
        assert (bucket["scope"], bucket["remaining"], bucket["reset"]) == ("user", 0, seconds), bucket

    async def keeps_its_session(self) -> None:
        assert len(await self.usual.list_tools()) == FULL_ACCESS_TOOLS
        await self._limited()

    async def sees_the_status_and_the_headers_where_the_policy_says_so(self) -> None:
        strict = sys.argv[2]
        call = {"name": "list_all_affinity_whoami", "arguments": {}}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}).encode()
        kinds = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
        for _ in range(10):
            try:
                urlopen(Request(strict, body, kinds), timeout=10).close()
            except HTTPError as error:
                with error:
                    assert error.code == 429, error
                    wait = error.headers["retry-after"]
                    assert error.headers["ratelimit-reset"] == wait and 0 < int(wait) <= 60
                    assert error.headers["ratelimit-remaining"] == "0"
                    assert error.headers["ratelimit"] == f'"user";r=0;t={wait}'
                    return
        raise AssertionError("the limit was never met")


async def converse(full: Session, read_only: Session) -> int:
    """Hold the conversation that `CONVERSATION` names; the number of steps that failed."""
    kind = LimitSteps if os.environ.get("CONVERSATION") == "limit" else Steps
    steps, failed = kind(full, read_only), 0
    for name in [name for name in vars(kind) if not name.startswith("_")]:
        try:
            await asyncio.wait_for(getattr(steps, name)(), timeout=20)
            print(f"ok {name}", flush=True)
        except Exception as error:  # every failure is a line of the report
            failed += 1
            why = " ".join(str(error).split()) or type(error).__name__
            print(f"not ok {name}: {why[:500]}", flush=True)
            if not isinstance(error, (AssertionError, ProtocolError)):
                traceback.print_exc(file=sys.stderr)
    return failed
