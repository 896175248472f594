// Generates LiteLLM's client of its database as `prisma generate` does, which wants programs that Prisma publishes for
// download only: generate.mjs SCHEMA FOLDER makes FOLDER/prisma from the package that is installed there. What a generator
// is told is Prisma's generator protocol: github.com/prisma/prisma/tree/5.17.0/packages/generator-helper.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import prisma from "@prisma/prisma-schema-wasm";

const version = "393aa359c9ad4a4bb28630fb5613f9c281cde053"; // Prisma's commit, of the packages beside this file
const [schemaPath, folder] = process.argv.slice(2).map((name) => path.resolve(name));
const schema = fs.readFileSync(schemaPath, "utf8");
const prismaSchema = [[schemaPath, schema]];
const { config } = JSON.parse(prisma.get_config(JSON.stringify({ prismaSchema, env: {}, ignoreEnvVarErrors: true })));
const [generator] = config.generators;
const params = {
  datamodel: schema,
  datasources: config.datasources,
  dmmf: JSON.parse(prisma.get_dmmf(JSON.stringify({ prismaSchema }))),
  generator: { ...generator, output: { value: path.join(folder, "prisma"), fromEnvVar: null }, binaryTargets: [] },
  otherGenerators: [],
  schemaPath,
  version,
  binaryPaths: { queryEngine: {} },
};
const request = { jsonrpc: "2.0", id: 1, method: "generate", params };
const { stderr, status } = spawnSync("python3", ["-m", "prisma"], {
  env: { ...process.env, PYTHONPATH: folder, PRISMA_GENERATOR_INVOCATION: "true", PRISMA_EXPECTED_ENGINE_VERSION: version },
  input: JSON.stringify(request) + "\n",
  encoding: "utf8",
  maxBuffer: 1 << 28,
});
const reply = stderr.trim().split("\n").at(-1);
if (status !== 0 || !reply.startsWith("{") || "error" in JSON.parse(reply)) throw new Error(`the generator failed with status ${status}: ${stderr}`);

// The generated types.py is 12 MB of annotations, which nothing reads when LiteLLM runs, and takes 10 s to import.
fs.writeFileSync(
  path.join(folder, "prisma", "types.py"),
  `from ._types import *


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return dict
`,
);
