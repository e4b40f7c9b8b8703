// TypeScript SDK 1.x, the handshake era: `sdk1.mjs FULL_ACCESS_URL READ_ONLY_URL`.

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { McpError } from "@modelcontextprotocol/sdk/types.js";

import { converse, ProtocolError } from "./conversation.mjs";

async function session(url) {
  const client = new Client({ name: "sdk1", version: "1" });
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  return {
    listTools: async () => (await client.listTools()).tools.map((tool) => tool.name),
    async call(name, args) {
      try {
        const result = await client.callTool({ name, arguments: args });
        return { structured: result.structuredContent, text: result.content[0].text, isError: result.isError };
      } catch (error) {
        if (error instanceof McpError) throw new ProtocolError(error.code, error.message);
        throw error;
      }
    },
  };
}

const [full, readOnly] = process.argv.slice(2);
await converse(await session(full), await session(readOnly));
