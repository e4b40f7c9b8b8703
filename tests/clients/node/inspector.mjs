// The MCP Inspector's command line, a process a call: `inspector.mjs FULL_ACCESS_URL READ_ONLY_URL ERA`.
//
// It lists the tools before every call and refuses by itself what is not among them, so a refusal is its own word.

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { converse, ProtocolError } from "./conversation.mjs";

const [full, readOnly, era] = process.argv.slice(2);
const CALL_TIMEOUT_MS = 15_000;
/** Exit code of `--strict` where a tool's schema is not portable. */
const UNPORTABLE = 6;
const LAUNCHER = fileURLToPath(import.meta.resolve("@modelcontextprotocol/inspector/package.json")).replace(
  "package.json",
  "clients/launcher/build/index.js",
);

/** The result printed; with `isError` the exit code is 5 and the result is printed all the same. */
async function inspect(url, ...method) {
  const args = [LAUNCHER, "--cli", url, "--transport", "http", "--protocol-era", era, "--format", "json", "-q"];
  const run = promisify(execFile)(process.execPath, [...args, ...method], { timeout: CALL_TIMEOUT_MS });
  const { stdout, stderr, code } = await run.catch((error) => error);
  if (code === UNPORTABLE) throw new Error(`schemas that some clients cannot use: ${stderr}`);
  if (stdout?.trim()) return JSON.parse(stdout).result;
  const said = JSON.parse(stderr.trim().split("\n").at(-1)).error;
  throw new ProtocolError(said.code, said.message);
}

function session(url) {
  return {
    refusedWith: "tool_not_found",
    listTools: async () => (await inspect(url, "--method", "tools/list", "--strict")).tools.map((tool) => tool.name),
    async call(name, args) {
      const method = ["--method", "tools/call", "--tool-name", name, "--tool-args-json", JSON.stringify(args)];
      const result = await inspect(url, ...method);
      return { structured: result.structuredContent, text: result.content[0].text, isError: result.isError };
    },
  };
}

await converse(session(full), session(readOnly));
