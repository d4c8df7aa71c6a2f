// SPDX-License-Identifier: MIT
// Bodies that the collector stand-in took, through OpenTelemetry's own protobuf definitions: each must
// come back the same from JSON to message, to bytes, to message, to JSON, so that no member is unknown,
// misspelled or of the wrong type.
// Usage: node otlp_decode.mjs REQUESTS.jsonl   prints the number of spans; exits 1 at the first difference.
// Modules come from the repository's node_modules, or from NODE_MODULES_AT (a folder).
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";
import path from "node:path";

const here = path.dirname(fileURLToPath(import.meta.url));
const base = process.env.NODE_MODULES_AT ?? path.resolve(here, "../../..");
const require = createRequire(path.join(base, "package.json"));
const root = require("@opentelemetry/otlp-proto-exporter-base/build/src/generated/root.js");
const Export = root.opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest;

// OTLP writes identifiers in hexadecimal where protobuf's own JSON mapping has base64.
const identifiers = new Set(["traceId", "spanId", "parentSpanId"]);

function mapIdentifiers(value, from, to) {
    if (Array.isArray(value))
        return value.map((one) => mapIdentifiers(one, from, to));
    if (value === null || typeof value !== "object")
        return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key,
        identifiers.has(key) ? Buffer.from(inner, from).toString(to) : mapIdentifiers(inner, from, to)]));
}

let spans = 0;
for (const line of readFileSync(process.argv[2], "utf8").split("\n").filter(Boolean)) {
    const { body } = JSON.parse(line);
    if (!body)
        continue;
    const given = mapIdentifiers(body, "hex", "base64");
    const message = Export.decode(Export.encode(Export.fromObject(given)).finish());
    const back = Export.toObject(message, { longs: String, enums: Number, bytes: String });
    assert.deepEqual(JSON.parse(JSON.stringify(back)), given);
    for (const resource of body.resourceSpans)
        for (const scope of resource.scopeSpans)
            spans += scope.spans.length;
}
console.log(spans);
