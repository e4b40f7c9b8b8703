"""The real binary: `chaperone sandbox` in Affinity's place and `chaperone serve` in front of it."""

import atexit
import json
import os
import signal
import subprocess
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from backend import free_port
from report import PATIENCE, until

# The one key that the sandbox accepts.
API_KEY = "affinity-key-4b1c9d7e2f"
# What the account is called.
ACCOUNT = "acme"
# Looks and writes, but deletes nothing; behind a server token and an API token.
CRM = "crm-desk"
CRM_POLICY = """\
name: crm-desk
account: acme
config:
  tools: {{ deny: ["delete_*"] }}
  require_api_token_auth: true
expires_at: 2099-01-01T00:00:00Z
token: {{ sha256: "{sha256}" }}
"""
# What the rule that hides a delete is called.
DENY_RULE = "tools.deny: delete_*"
# Only looks; open to the loopback.
LOOKUP = "lookup-desk"
LOOKUP_POLICY = "name: lookup-desk\naccount: acme\nconfig: { methods: [read] }\ntoken: none\n"

CONFIGURATION = """\
listen: 127.0.0.1:0
admin: {{listen: "127.0.0.1:{admin}"}}
# Nobody listens there: that limits are not shared is to be seen.
shared: redis://127.0.0.1:1
store: none
policies: ./policies
api_tokens: {{file: ./api-tokens}}
accounts:
  - {{id: acme, integration: affinity, base_url: "{sandbox}", credentials: {{api_key: {{env: AFFINITY_API_KEY}}}}}}
telemetry:
  service_name: chaperone-under-test
{telemetry}
"""


class Process:
    """A child whose stdout and stderr go to files."""

    def __init__(self, name: str, folder: Path, command: list[str], environment: dict[str, str]):
        self.name, self.out, self.err = name, folder / f"{name}.out", folder / f"{name}.err"
        # Whatever the shell that runs this has set is not part of the test.
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "CHAPERONE_"))}
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.child = subprocess.Popen(command, cwd=folder, env={**clean, **environment}, stdout=out, stderr=err)
        atexit.register(self.kill)

    def said(self, beginning: str) -> str:
        """The word behind this beginning on a line of stdout."""

        def look() -> str | None:
            if self.child.poll() is not None:
                raise RuntimeError(f"{self.name} ended: {self.err.read_text()[-800:]}")
            lines = [line.strip() for line in self.out.read_text().splitlines()]
            return next((line[len(beginning) :].split()[0] for line in lines if line.startswith(beginning)), None)

        return until(f"{self.name} says `{beginning}`", look)

    def kill(self) -> None:
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()

    def end(self) -> int:
        """A SIGTERM and its exit code."""
        self.child.send_signal(signal.SIGTERM)
        return self.child.wait(timeout=PATIENCE)


class Sandbox:
    """Affinity's place is taken by the sandbox, which accepts one key only."""

    def __init__(self, program: str, folder: Path):
        environment = {"CHAPERONE_SANDBOX_API_KEY": API_KEY}
        self.process = Process("sandbox", folder, [program, "sandbox", "--listen", "127.0.0.1:0"], environment)
        self.url = self.process.said("Affinity sandbox:")


@dataclass
class Chaperone:
    """One `chaperone serve` in a folder of its own."""

    program: str
    folder: Path
    sandbox: str
    # The keys under `telemetry`, as YAML.
    telemetry: str
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / "policies").mkdir(parents=True)
        self.admin = free_port()
        server = self._token()
        made = self._token("--name", "analyst")
        self.api_token = made["token"]
        (self.folder / "api-tokens").write_text(made["api_tokens_line"] + "\n")
        self.server_token = server["token"]
        self.policy(CRM, CRM_POLICY.format(sha256=server["sha256"]))
        self.policy(LOOKUP, LOOKUP_POLICY)
        text = CONFIGURATION.format(admin=self.admin, sandbox=self.sandbox, telemetry=self.telemetry)
        (self.folder / "chaperone.yaml").write_text(text)
        command = [self.program, "serve", "--config", "chaperone.yaml"]
        self.process = Process("chaperone", self.folder, command, {"AFFINITY_API_KEY": API_KEY, **self.environment})
        self.address = self.process.said("listening on http://")

    def policy(self, name: str, text: str) -> None:
        """Write a policy as editors do: whole, under its name in one step."""
        beside = self.folder / f".{name}.new"
        beside.write_text(text)
        beside.rename(self.folder / "policies" / f"{name}.yaml")

    @property
    def crm(self) -> str:
        return f"http://{self.address}/mcp/{self.server_token}"

    @property
    def lookup(self) -> str:
        return f"http://{self.address}/mcp/{LOOKUP}"

    def scrape(self) -> str:
        """What `/metrics` says."""
        return self.look("/metrics")

    def look(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}{path}", timeout=10) as answer:
            return answer.read().decode()

    def log(self) -> str:
        return self.process.err.read_text()

    def trouble(self) -> str:
        """What the log says besides calls, its end."""
        return "\n".join(line for line in self.log().splitlines() if '"message":"call"' not in line)[-400:]

    def _token(self, *more: str) -> dict[str, str]:
        made = subprocess.run(
            [self.program, "token", "new", "--json", *more], check=True, capture_output=True, timeout=PATIENCE
        )
        return json.loads(made.stdout)
