// TypeScript SDK 2.x: `sdk2.mjs FULL_ACCESS_URL READ_ONLY_URL MODE`, mode `legacy`, `auto` or a pinned revision.

import assert from "node:assert/strict";

import { Client, ProtocolError as SdkError, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

import { converse, ProtocolError } from "./conversation.mjs";

const [full, readOnly, mode] = process.argv.slice(2);
const negotiation = { legacy: "legacy", auto: "auto" }[mode] ?? { pin: mode };

async function session(url) {
  const client = new Client({ name: "sdk2", version: "1" }, { versionNegotiation: { mode: negotiation } });
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  assert.equal(client.getProtocolEra(), mode === "legacy" ? "legacy" : "modern");
  return {
    listTools: async () => (await client.listTools()).tools.map((tool) => tool.name),
    async call(name, args) {
      try {
        const result = await client.callTool({ name, arguments: args });
        return { structured: result.structuredContent, text: result.content[0].text, isError: result.isError };
      } catch (error) {
        if (error instanceof SdkError) throw new ProtocolError(error.code, error.message);
        throw error;
      }
    },
  };
}

await converse(await session(full), await session(readOnly));
