// SPDX-License-Identifier: MIT
// The CloudEvents project's own JavaScript SDK as a sender and as a sink of events.
// Usage: node cloud_events.mjs send URL binary|structured EVENT.json [AUTHORIZATION]
//            posts the event; prints {"status", "headers", "body"}
//        node cloud_events.mjs receive
//            prints {"port"}, then for each request {"event"} or {"error"}; ends with standard input
// Modules come from the repository's node_modules, or from NODE_MODULES_AT (a folder).
import { createRequire } from "node:module";
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import path from "node:path";

const here = path.dirname(fileURLToPath(import.meta.url));
const base = process.env.NODE_MODULES_AT ?? path.resolve(here, "../../..");
const require = createRequire(path.join(base, "package.json"));
const { CloudEvent, HTTP } = require("cloudevents");

const print = (value) => process.stdout.write(JSON.stringify(value) + "\n");

async function send(url, mode, file, authorization) {
    const event = new CloudEvent(JSON.parse(readFileSync(file, "utf8"))); // refuses what is not valid
    const message = mode === "binary" ? HTTP.binary(event) : HTTP.structured(event);
    const headers = { ...message.headers, ...(authorization ? { authorization } : {}) };
    const answer = await fetch(url, { method: "POST", headers, body: message.body });
    print({ status: answer.status, headers: Object.fromEntries(answer.headers),
        body: await answer.text() });
}

function receive() {
    const server = createServer((request, answer) => {
        const chunks = [];
        request.on("data", (chunk) => chunks.push(chunk));
        request.on("end", () => {
            try {
                const event = HTTP.toEvent({ headers: request.headers,
                    body: Buffer.concat(chunks).toString() });
                event.validate();
                print({ event });
                answer.writeHead(202).end();
            } catch (error) {
                print({ error: String(error) });
                answer.writeHead(400).end();
            }
        });
    });
    server.listen(0, "127.0.0.1", () => print({ port: server.address().port }));
    process.stdin.on("end", () => process.exit(0)).resume();
}

const [command, ...rest] = process.argv.slice(2);
if (command === "send")
    await send(...rest);
else
    receive();
