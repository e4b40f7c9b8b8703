// The conversation that every TypeScript client holds with chaperone, whatever SDK carries it.
//
// A client brings two sessions, each with `listTools(): [name]` and `call(tool, arguments): {structured, text,
// isError}`; a protocol error is thrown as `ProtocolError`. One line a step goes to stdout: `ok STEP` or
// `not ok STEP: why`.

import assert from "node:assert/strict";

const FULL_ACCESS_TOOLS = 53;
const HIDDEN = "create_a_affinity_reminder";
const UNKNOWN = "list_all_affinity_unicorns";
const STEP_TIMEOUT_MS = 30_000;

/** The server answered with a JSON-RPC error, or the client refused for it (`code` is then the client's word). */
export class ProtocolError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** The structured content of a call that must succeed, and whose text must say the same. */
async function answer(session, tool, args) {
  const reply = await session.call(tool, args);
  assert.ok(!reply.isError, `${tool} answered with an error: ${reply.text}`);
  assert.equal(typeof reply.structured, "object", `${tool} has no structuredContent`);
  assert.deepEqual(JSON.parse(reply.text), reply.structured, `${tool}: text and structuredContent differ`);
  return reply.structured;
}

/** The message of the protocol error that a call must end in. */
async function refusal(session, tool, args) {
  const expected = session.refusedWith ?? -32602;
  try {
    await session.call(tool, args);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    assert.equal(error.code, expected, `${tool}: ${error.message}`);
    return error.message;
  }
  assert.fail(`${tool}: expected a protocol error`);
}

/** The steps in order; what one learns the next may use. */
const steps = {
  async lists_every_tool({ full }) {
    const names = await full.listTools();
    assert.equal(new Set(names).size, FULL_ACCESS_TOOLS);
    assert.equal(names.length, FULL_ACCESS_TOOLS);
  },

  async finds_the_organization(scene) {
    const found = await answer(scene.full, "list_all_affinity_organizations", { query: "Acme Corp" });
    const named = found.result.find((item) => item.name === "Acme Corp");
    assert.ok(named, `no Acme Corp among ${found.result.length} organizations`);
    assert.ok("next_cursor" in found);
    scene.organization = await answer(scene.full, "get_single_affinity_organization_by_id", { id: named.id });
  },

  async knows_the_relationship({ full, organization }) {
    let external_id;
    for (const id of organization.person_ids) {
      const person = await answer(full, "get_single_affinity_person_by_id", { id });
      if (person.type === 0) {
        external_id = id;
        break;
      }
    }
    assert.ok(external_id, "the organization has no external person");
    const strengths = await answer(full, "list_all_affinity_relationship_strength", { external_id });
    assert.ok(strengths.result.length > 0, "nobody knows the person");
    assert.ok(strengths.result.every((item) => item.external_id === external_id));
  },

  async reads_the_last_interactions({ full, organization }) {
    const args = { organization_id: organization.id, limit: 3 };
    const found = await answer(full, "list_all_affinity_interactions", args);
    const dates = found.result.map((item) => item.date);
    assert.ok(dates.length >= 1 && dates.length <= 3, `${dates.length} interactions`);
    assert.deepEqual(dates, dates.toSorted().reverse(), "not newest first");
  },

  async sets_a_reminder({ full }) {
    const me = await answer(full, "list_all_affinity_whoami", {});
    const args = { owner_id: me.user.id, type: 0, due_date: "2026-10-23" };
    const reminder = await answer(full, "create_a_affinity_reminder", args);
    assert.ok(Number.isInteger(reminder.id), "the reminder has no id");
  },

  async is_told_which_argument_is_wrong({ full }) {
    const reply = await full.call("list_all_affinity_relationship_strength", { externl_id: 1 });
    assert.ok(reply.isError, "a call with wrong arguments went through");
    assert.match(reply.text, /externl_id/);
    assert.match(reply.text, /external_id/);
    assert.ok(reply.structured.error, "the envelope has no error word");
  },

  async is_refused_an_unknown_tool({ full }) {
    assert.match(await refusal(full, UNKNOWN, {}), new RegExp(UNKNOWN));
  },

  async is_refused_a_hidden_tool({ readOnly }) {
    const names = await readOnly.listTools();
    assert.ok(names.length > 0 && !names.includes(HIDDEN));
    const hidden = await refusal(readOnly, HIDDEN, { owner_id: 1, type: 0, due_date: "2026-10-23" });
    const unknown = await refusal(readOnly, UNKNOWN, {});
    assert.equal(hidden.split(HIDDEN)[0], unknown.split(UNKNOWN)[0], "a hidden tool is told apart");
  },

  async goes_on_working({ full, readOnly }) {
    await answer(full, "list_all_affinity_whoami", {});
    await answer(readOnly, "list_all_affinity_whoami", {});
  },
};

/** The vendor's minute may begin anew in between. */
async function limited(session) {
  for (let tries = 0; tries < 10; tries += 1) {
    const reply = await session.call("list_all_affinity_whoami", {});
    if (reply.isError) return reply;
  }
  return assert.fail("the limit was never met");
}

/** The steps over an account whose limit is used up; `readOnly` is a server that answers with the HTTP status too. */
const limitSteps = {
  async is_told_when_to_try_again({ full }) {
    const { text, structured } = await limited(full);
    const seconds = structured.retry_after;
    assert.ok(seconds > 0 && seconds <= 60, `${seconds} seconds`);
    assert.ok(text.includes(`Try again in ${seconds} seconds.`), text);
    assert.deepEqual([structured.statusCode, structured.error, structured.is_remote_error], [429, "rate_limited", true]);
    const { scope, remaining, reset } = structured.ratelimit;
    assert.deepEqual([scope, remaining, reset], ["user", 0, seconds]);
  },

  async keeps_its_session({ full }) {
    assert.equal((await full.listTools()).length, FULL_ACCESS_TOOLS);
    await limited(full);
  },

  async sees_the_status_and_the_headers_where_the_policy_says_so() {
    const params = { name: "list_all_affinity_whoami", arguments: {} };
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params });
    const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" };
    for (let tries = 0; tries < 10; tries += 1) {
      const response = await fetch(process.argv[3], { method: "POST", headers, body });
      await response.text();
      if (response.status === 200) continue;
      assert.equal(response.status, 429);
      const wait = response.headers.get("retry-after");
      assert.equal(response.headers.get("ratelimit-reset"), wait);
      assert.equal(response.headers.get("ratelimit"), `"user";r=0;t=${wait}`);
      return;
    }
    assert.fail("the limit was never met");
  },
};

function timeout(ms) {
  return new Promise((_, reject) => setTimeout(() => reject(new Error(`no answer in ${ms} ms`)), ms).unref());
}

/** Hold the conversation that `CONVERSATION` names and end the process: 0 if every step went well. */
export async function converse(full, readOnly) {
  const scene = { full, readOnly };
  let failed = 0;
  for (const [name, step] of Object.entries(process.env.CONVERSATION === "limit" ? limitSteps : steps)) {
    try {
      await Promise.race([step(scene), timeout(STEP_TIMEOUT_MS)]);
      console.log(`ok ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`not ok ${name}: ${String(error.message).split(/\s+/).join(" ").slice(0, 500)}`);
    }
  }
  process.exit(failed === 0 ? 0 : 1);
}
