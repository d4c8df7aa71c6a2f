// SPDX-License-Identifier: MIT
// Runs a packaged function in @vercel/fun, a Lambda environment of another make: it unpacks the archive,
// starts bootstrap, serves the Runtime API and freezes the process between invocations.
// Usage: node lambda_fun.mjs ARCHIVE.zip VARIABLES.json EVENT.json...
// Prints one line {"FunctionError", "Payload"} for each event.
// Modules come from the repository's node_modules, or from NODE_MODULES_AT (a folder).
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import path from "node:path";

const here = path.dirname(fileURLToPath(import.meta.url));
const base = process.env.NODE_MODULES_AT ?? path.resolve(here, "../../..");
const require = createRequire(path.join(base, "package.json"));
const { createFunction } = require("@vercel/fun");

const [archive, variables, ...events] = process.argv.slice(2);
const lambda = await createFunction({
    Code: { ZipFile: readFileSync(archive) }, Handler: "bootstrap", Runtime: "provided",
    MemorySize: 128, Timeout: 30,
    Environment: { Variables: JSON.parse(readFileSync(variables, "utf8")) } });
for (const event of events) {
    const result = await lambda.invoke({ InvocationType: "RequestResponse",
        Payload: readFileSync(event, "utf8") });
    process.stdout.write(JSON.stringify({ FunctionError: result.FunctionError,
        Payload: String(result.Payload) }) + "\n");
}
await lambda.destroy();
