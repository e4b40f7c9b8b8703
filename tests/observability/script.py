"""What the agent says, what of it nobody else may read, and what the backend has to show of it."""

from dataclasses import dataclass, field
from typing import Any

from agent import Call
from program import ACCOUNT, CRM, DENY_RULE

# What the caller says and gets, and nobody else may read: each stands in an argument or in a result.
NOTE = "note-content-7c2e90d4 lunch with the founders"
EMAIL = "quiet.person-51f8@hush.example"
# Given by the sandbox for person 2001.
FOUND_EMAIL = "dana.whitfield@acme.co"
QUERY = "query-a8d13f55"
MISFIT = "misfit-value-20c7be91"
MISSING_ID = 99887766554
UNKNOWN = "list_all_affinity_unicorns_3e9a"
UNKNOWN_METHOD = "unicorns/list_6b0f"

CONVERSATION = [
    Call("look", "list_all_affinity_organizations", {"query": QUERY}),
    Call("read", "get_single_affinity_person_by_id", {"id": 2001}),
    Call("write", "create_a_affinity_note", {"content": NOTE, "organization_ids": [5001]}),
    Call("person", "create_a_affinity_person", {"first_name": "Q", "last_name": "P", "emails": [EMAIL]}),
    Call("denied", "delete_a_affinity_note_by_id", {"id": 1}),
    Call("misfit", "list_all_affinity_relationship_strength", {"externl_id": MISFIT}),
    Call("refused", "get_single_affinity_person_by_id", {"id": MISSING_ID}),
    Call("unknown", UNKNOWN, {}),
]


@dataclass
class Expected:
    """What the server span of a call has to say; a value of None is an attribute that must not be there."""

    end: str
    name: str
    error: bool
    attributes: dict[str, Any] = field(default_factory=dict)
    # Of the request to Affinity; None where none may have been sent.
    upstream: dict[str, Any] | None = None


ALLOWED = {"chaperone.decision": "allow", "error.type": None}
FAILED = {"chaperone.decision": "allow", "error.type": "tool_error"}
DENIED = {"chaperone.decision": "deny", "error.type": "-32602", "rpc.response.status_code": "-32602"}

EXPECTED = {
    "look": Expected(
        "ok",
        "tools/call list_all_affinity_organizations",
        False,
        ALLOWED,
        {"http.request.method": "GET", "url.template": "/organizations", "http.response.status_code": "200"},
    ),
    "read": Expected(
        "ok",
        "tools/call get_single_affinity_person_by_id",
        False,
        ALLOWED,
        {"http.request.method": "GET", "url.template": "/persons/{id}", "http.response.status_code": "200"},
    ),
    "write": Expected(
        "ok",
        "tools/call create_a_affinity_note",
        False,
        ALLOWED,
        {"http.request.method": "POST", "url.template": "/notes", "http.response.status_code": "200"},
    ),
    "person": Expected(
        "ok",
        "tools/call create_a_affinity_person",
        False,
        ALLOWED,
        {"http.request.method": "POST", "url.template": "/persons", "http.response.status_code": "200"},
    ),
    "denied": Expected(
        "-32602",
        "tools/call delete_a_affinity_note_by_id",
        True,
        {**DENIED, "chaperone.rule": DENY_RULE},
    ),
    "misfit": Expected(
        "invalid_arguments",
        "tools/call list_all_affinity_relationship_strength",
        True,
        FAILED,
    ),
    "refused": Expected(
        "not_found",
        "tools/call get_single_affinity_person_by_id",
        True,
        FAILED,
        {"http.request.method": "GET", "url.template": "/persons/{id}", "http.response.status_code": "422"},
    ),
    "unknown": Expected("-32602", "tools/call", True, DENIED),
}

# On the server span of every call of the conversation.
EVERY_SERVER_SPAN = {
    "mcp.method.name": "tools/call",
    "gen_ai.operation.name": "execute_tool",
    "network.protocol.name": "http",
    "network.protocol.version": "1.1",
    "network.transport": "tcp",
    "chaperone.server.name": CRM,
    "chaperone.account": ACCOUNT,
}
