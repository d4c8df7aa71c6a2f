// SPDX-License-Identifier: MIT
// What api_deploy.sh does, by another client: Node's fetch. The same arguments and variables.
import { readFile } from "node:fs/promises";
import { basename } from "node:path";

const [code, version, module, connection, connectionJson, certificate, lookupCsv] =
    process.argv.slice(2);
const { BASE, LOGIN } = process.env;
const id = encodeURIComponent(`${code}|${version}`);
const authorization = "Basic " + Buffer.from(LOGIN).toString("base64");

async function call(step, method, path, options, ...expected) {
    const answer = await fetch(BASE + path, {
        ...options, method, headers: { authorization, ...options.headers },
    });
    await answer.arrayBuffer();
    console.log(step, answer.status);
    if (expected.length > 0 && !expected.includes(answer.status)) {
        console.log("stopped: expected", ...expected);
        process.exit(1);
    }
    return answer.status;
}

const patch = (step, path, body, ...expected) => call(step, "POST", path, {
    body, headers: { "content-type": "application/json", "x-http-method-override": "PATCH" },
}, ...expected);

async function upload(step, method, path, file, ...expected) {
    const body = new FormData();
    body.append("file", new Blob([await readFile(file)]), basename(file));
    body.append("type", "application/octet-stream");
    await call(step, method, path, { body }, ...expected);
}

if (await call("get", "GET", `/integrations/${id}`, {}, 200, 404) === 200) {
    await call("stop", "POST", `/integrations/${id}/schedule/stop`, {}, 200, 412);
    await patch("deactivate", `/integrations/${id}`, '{"status":"CONFIGURED"}', 200, 412);
    await upload("replace", "PUT", "/integrations/archive", module, 200);
} else {
    await upload("import", "POST", "/integrations/archive", module, 204);
}
await patch("connection", `/connections/${connection}`, await readFile(connectionJson), 200);
await upload("attachment", "POST", `/connections/${connection}/attachments/ca`, certificate, 200);
await call("test", "POST", `/connections/${connection}/test`, {}, 200);
await patch("activate", `/integrations/${id}?enableAsyncActivationMode=true`, JSON.stringify({
    status: "ACTIVATED", tracingEnabledFlag: true, payloadTracingEnabledFlag: false,
}), 200);
await call("status", "GET", `/integrations/${id}/activationStatus`, {}, 200);
const lookup = basename(lookupCsv, ".csv");
if (await call("lookup", "GET", `/lookups/${lookup}`, {}, 200, 404) === 200)
    await upload("replace-lookup", "PUT", "/lookups/archive", lookupCsv, 200);
else
    await upload("import-lookup", "POST", "/lookups/archive", lookupCsv, 204);
await call("libraries", "GET", "/libraries", {});
