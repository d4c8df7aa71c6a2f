// SPDX-License-Identifier: MIT
// What the acknowledgement flow does, as a Node.js program: the comparison of the relay benchmark.
// It checks the caller's credentials, reads the acknowledgement, puts it into CCS's form, sends that
// over a kept connection and answers by what CCS said. It keeps no record.
// Usage: node relay.mjs BACKEND_PORT USER PASSWORD PROCESSES; prints its port.
import cluster from "node:cluster";
import http from "node:http";
import { timingSafeEqual } from "node:crypto";

const [backendPort, user, password, processes] = process.argv.slice(2);
const basic = (name, secret) => Buffer.from("Basic " + Buffer.from(`${name}:${secret}`).toString("base64"));
const expected = basic(user, password);
const toBackend = basic("integration", "ccs-rest-secret").toString();
const agent = new http.Agent({ keepAlive: true });
const BODY_SIZE_MAX = 262144;
const IDENTIFIER = /^[A-Za-z0-9_-]{1,14}$/;
const KEYS = ["externalPk1", "externalPk2", "externalPk3", "externalPk4", "externalPk5"];

function isCaller(request) {
    const given = Buffer.from(request.headers.authorization ?? "");
    return given.length === expected.length && timingSafeEqual(given, expected);
}

function entityFor(given) {
    const entity = {};
    if (typeof given.entity === "string") entity.entity = given.entity;
    for (const key of KEYS)
        if (given[key] !== undefined) entity[key] = String(given[key]);
    return entity;
}

function forBackend(text) {
    const message = JSON.parse(text);
    const inner = message.sendDetails ?? message;
    const id = String(inner.externalReferenceId ?? inner.syncRequestId ?? "");
    if (!IDENTIFIER.test(id)) throw new Error("no sync request id");
    const body = { syncRequestId: id, hasError: Boolean(inner.hasError) };
    const entities = inner.entityIdList ?? inner.externalIds?.entityIdList;
    if (entities) body.externalIds = { entityIdList: entities.map(entityFor) };
    return { id, body: JSON.stringify(body) };
}

function answer(response, status, value) {
    const body = JSON.stringify(value);
    response.writeHead(status, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) });
    response.end(body);
}

function collect(stream, done) {
    const parts = [];
    let size = 0;
    stream.on("data", (part) => {
        size += part.length;
        if (size > BODY_SIZE_MAX) stream.destroy();
        else parts.push(part);
    });
    stream.on("end", () => done(parts.length === 1 ? parts[0].toString() : Buffer.concat(parts).toString()));
}

function relay(response, message) {
    const request = http.request({
        port: backendPort, host: "127.0.0.1", agent, method: "PATCH",
        path: "/ouaf/rest/apis/common/sync/syncRequest/" + message.id,
        headers: {
            Authorization: toBackend, "Content-Type": "application/json", Accept: "application/json",
            "Content-Length": Buffer.byteLength(message.body),
        },
    }, (told) => collect(told, () => {
        if (told.statusCode === 200) answer(response, 200, { syncRequestId: message.id, status: "OK" });
        else answer(response, 502, { title: "CCS did not accept the acknowledgement" });
    }));
    request.on("error", (error) => answer(response, 502, { title: error.message }));
    request.end(message.body);
}

function serve() {
    const server = http.createServer((request, response) => {
        if (!isCaller(request)) return answer(response, 401, { title: "Not authenticated" });
        collect(request, (text) => {
            try {
                relay(response, forBackend(text));
            } catch (error) {
                answer(response, 400, { title: error.message });
            }
        });
    });
    server.listen(0, "127.0.0.1", 1024, () => {
        if (cluster.isPrimary) process.stdout.write(`${server.address().port}\n`);
    });
}

if (processes > 1 && cluster.isPrimary) {
    let listening = 0;
    cluster.on("listening", (_, address) => {
        if (++listening === Number(processes)) process.stdout.write(`${address.port}\n`);
    });
    for (let i = 0; i < processes; i++) cluster.fork();
} else {
    serve();
}
