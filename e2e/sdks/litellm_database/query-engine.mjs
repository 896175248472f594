#!/usr/bin/env node
// Prisma's query engine as the process that Prisma Client Python starts: `query-engine -p PORT`, with the schema's path in
// PRISMA_DML_PATH and the database's address in DATABASE_URL. Prisma publishes the native program for download only; the
// npm package @prisma/client has the same engine, of the same commit, as WebAssembly. What is here is the HTTP around it.
import fs from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import { parseArgs } from "node:util";
import { PrismaPg } from "@prisma/adapter-pg";
import { bindAdapter } from "@prisma/driver-adapter-utils";
import pg from "pg";
import { fieldTypes, fromJSON, toJSON } from "./graphql.mjs";

const require = createRequire(import.meta.url);
const path = require.resolve("@prisma/client/runtime/query_engine_bg.postgresql.js");
const wasm = require(path);
const instance = new WebAssembly.Instance(new WebAssembly.Module(fs.readFileSync(path.replace(/js$/, "wasm"))), {
  "./query_engine_bg.js": wasm,
});
wasm.__wbg_set_wasm(instance.exports);

const { values: flags } = parseArgs({
  options: {
    port: { type: "string", short: "p" },
    version: { type: "boolean" },
    "enable-metrics": { type: "boolean" },
    "enable-raw-queries": { type: "boolean" },
  },
});
if (flags.version) {
  console.log(`query-engine ${wasm.getBuildTimeInfo().commit}`);
  process.exit(0);
}

// The adapter does not know all types that PostgreSQL's own functions and tables answer, and the native engine has these as
// text. The numbers are those of PostgreSQL's pg_type.dat.
const asText = new Map([
  [19, 25], // name
  [2278, 25], // void
  [1003, 1009], // name[]
]);
const queryable = Object.getPrototypeOf(PrismaPg.prototype);
const { performIO } = queryable;
queryable.performIO = async function (query) {
  const result = await performIO.call(this, query);
  for (const field of result.ok ? result.value.fields : []) field.dataTypeID = asText.get(field.dataTypeID) ?? field.dataTypeID;
  return result;
};
for (const [type, text] of asText) pg.types.setTypeParser(type, pg.types.getTypeParser(text));

const [override] = JSON.parse(process.env.OVERWRITE_DATASOURCES ?? "[]");
const pool = new pg.Pool({ connectionString: override?.url ?? process.env.DATABASE_URL });
pool.on("error", (err) => console.error(`query-engine: ${err.message}`)); // of an idle connection, which the pool replaces
const datamodel = fs.readFileSync(process.env.PRISMA_DML_PATH, "utf8");
const models = fieldTypes(datamodel);
const engine = new wasm.QueryEngine(
  {
    datamodel,
    logLevel: "error",
    logQueries: false,
    configDir: ".",
    env: process.env,
    datasourceOverrides: {},
    ignoreEnvVarErrors: true,
    engineProtocol: "json",
  },
  () => {},
  bindAdapter(new PrismaPg(pool)),
);
await engine.connect("{}");

async function query(text, transaction) {
  const { batch, transaction: atomic, query } = JSON.parse(text);
  const body = batch
    ? `{"batch":[${batch.map((one) => toJSON(one.query, models))}]${atomic ? ',"transaction":{}' : ""}}`
    : toJSON(query, models);
  return fromJSON(JSON.parse(await engine.query(body, "{}", transaction)));
}

async function answer(request, body) {
  const [, first, id, last] = new URL(request.url, "http://localhost").pathname.split("/");
  switch (`${request.method} ${first} ${id === "start" ? id : (last ?? "")}`.trim()) {
    case "GET status":
      return { status: "ok" };
    case "POST":
      return query(body, request.headers["x-transaction-id"]);
    case "POST transaction start":
      return JSON.parse(await engine.startTransaction(body, "{}"));
    case "POST transaction commit":
      return JSON.parse(await engine.commitTransaction(id, "{}"));
    case "POST transaction rollback":
      return JSON.parse(await engine.rollbackTransaction(id, "{}"));
  }
  throw new Error(`there is no ${request.method} ${request.url}`);
}

// failure is an error as the native engine answers it: the WebAssembly one throws some errors and returns others.
function failure(err) {
  let known = err;
  try {
    known = JSON.parse(err.message);
  } catch {
    // It is a fault of this file.
  }
  const message = known.message ?? String(known);
  return { errors: [{ error: message, user_facing_error: { is_panic: false, message, meta: known.meta, error_code: known.error_code } }] };
}

const server = http.createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request.setEncoding("utf8")) body += chunk;
  let result;
  try {
    result = await answer(request, body);
    if (result.error_code) result = failure({ message: JSON.stringify(result) });
  } catch (err) {
    result = failure(err);
  }
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify(result));
});
server.keepAliveTimeout = 0;
server.listen(Number(flags.port), "localhost");

function end() {
  process.exit(0);
}
process.on("SIGINT", end);
process.on("SIGTERM", end);
const parent = process.ppid;
setInterval(() => process.ppid === parent || end(), 500).unref(); // a parent that was killed cannot say so
