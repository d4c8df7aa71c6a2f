// SPDX-License-Identifier: MIT
// Oracle's own Object Storage client against the stand-in: proves that the stand-in speaks the real
// protocol, and leaves the stand-in's record of the client's requests for compare_requests.py.
// Usage: node conformance.mjs FACTS.json   with {url, namespace, bucket, tenancy, user, fingerprint,
// key (PKCS#8 or PKCS#1 PEM file)}. Prints one line a step; exits 1 at the first wrong answer.
// Modules come from the repository's node_modules, or from NODE_MODULES_AT (a folder).
import { createRequire } from "node:module";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";
import path from "node:path";

const here = path.dirname(fileURLToPath(import.meta.url));
const base = process.env.NODE_MODULES_AT ?? path.resolve(here, "../../..");
const require = createRequire(path.join(base, "package.json"));
const common = require("oci-common");
const { ObjectStorageClient } = require("oci-objectstorage");

const facts = JSON.parse(readFileSync(process.argv[2], "utf8"));
const provider = new common.SimpleAuthenticationDetailsProvider(
    facts.tenancy, facts.user, facts.fingerprint, readFileSync(facts.key, "utf8"), null,
    common.Region.EU_FRANKFURT_1);
const client = new ObjectStorageClient({ authenticationDetailsProvider: provider },
    { retryConfiguration: common.NoRetryConfigurationDetails });
client.endpoint = facts.url;
const at = { namespaceName: facts.namespace, bucketName: facts.bucket };
const md5 = (data) => createHash("md5").update(data).digest("base64");

async function text(stream) {
    const blocks = [];
    for await (const block of stream) blocks.push(Buffer.from(block));
    return Buffer.concat(blocks).toString("utf8");
}

async function refused(promise, status, code) {
    try {
        await promise;
    } catch (error) {
        assert.equal(error.statusCode, status);
        if (code) assert.equal(error.serviceCode, code);
        return;
    }
    assert.fail(`expected ${status} ${code}`);
}

async function step(name, action) {
    await action();
    console.log(`ok ${name}`);
}

const put = (objectName, body, more = {}) => client.putObject({
    ...at, objectName, putObjectBody: body, contentLength: Buffer.byteLength(body), ...more });
const NAMES = ["C1-DCTEX_0001_00.csv", "C1-DCTEX_0002_00.csv", "C1-DCTEX_0003_00.csv.zip",
    "in/C1-DSPEX 1+ü%41.csv", "other.csv"];
const etags = {};

await step("namespace", async () => {
    assert.equal((await client.getNamespace({})).value, facts.namespace);
});
await step("put", async () => {
    for (const name of NAMES) {
        const answer = await put(name, `content of ${name}`, { contentType: "text/csv" });
        assert.equal(answer.opcContentMd5, md5(`content of ${name}`));
        assert.match(answer.eTag, /^[0-9a-f-]{36}$/);
        etags[name] = answer.eTag;
    }
});
await step("put-md5", async () => {
    await put("digest.csv", "abc", { contentMD5: md5("abc") });
    await refused(put("digest.csv", "abd", { contentMD5: md5("abc") }), 400, "UnmatchedContentMD5");
});
await step("list", async () => {
    const seen = [];
    let start;
    do {
        const { listObjects } = await client.listObjects({ ...at, prefix: "C1-DCTEX", start, limit: 2,
            fields: "name,size,etag,md5,timeModified" });
        seen.push(...listObjects.objects);
        start = listObjects.nextStartWith;
    } while (start);
    assert.deepEqual(seen.map((one) => one.name), NAMES.slice(0, 3));
    assert.equal(seen[0].etag, etags[NAMES[0]]);
    assert.equal(seen[0].md5, md5(`content of ${NAMES[0]}`));
    assert.match(String(seen[0].timeModified), /^\d{4}-\d\d-\d\dT.*Z$/);
    const folders = (await client.listObjects({ ...at, delimiter: "/" })).listObjects;
    assert.deepEqual(folders.prefixes, ["in/"]);
    assert.equal(folders.objects.length, NAMES.length);
});
await step("get", async () => {
    for (const name of NAMES) {
        const answer = await client.getObject({ ...at, objectName: name });
        assert.equal(await text(answer.value), `content of ${name}`);
        assert.equal(answer.eTag, etags[name]);
        assert.equal(answer.contentMd5, md5(`content of ${name}`));
    }
});
await step("get-range", async () => {
    const answer = await client.getObject({ ...at, objectName: NAMES[0],
        range: new common.Range(0, 6) });
    assert.equal(await text(answer.value), "content");
    assert.equal(answer.contentLength, 7);
});
await step("get-conditions", async () => {
    await refused(client.getObject({ ...at, objectName: NAMES[0], ifMatch: "stale" }), 412, "IfMatchFailed");
    await refused(client.getObject({ ...at, objectName: "absent" }), 404, "ObjectNotFound");
    await refused(client.getObject({ ...at, bucketName: "absent", objectName: "x" }), 404, "BucketNotFound");
});
await step("head", async () => {
    const answer = await client.headObject({ ...at, objectName: NAMES[3] });
    assert.equal(answer.contentLength, Buffer.byteLength(`content of ${NAMES[3]}`));
    await refused(client.headObject({ ...at, objectName: "absent" }), 404);
});
await step("put-conditions", async () => {
    await refused(put(NAMES[0], "again", { ifNoneMatch: "*" }), 412, "IfNoneMatchFailed");
    await refused(put(NAMES[0], "again", { ifMatch: "stale" }), 412, "IfMatchFailed");
    await put("fresh.csv", "new", { ifNoneMatch: "*" });
});
await step("rename", async () => {
    const rename = (details) => client.renameObject({ ...at, renameObjectDetails: details });
    await rename({ sourceName: NAMES[0], newName: `SENT-${NAMES[0]}`, srcObjIfMatchETag: etags[NAMES[0]],
        newObjIfNoneMatchETag: "*" });
    await refused(rename({ sourceName: NAMES[1], newName: `SENT-${NAMES[0]}`,
        newObjIfNoneMatchETag: "*" }), 412, "IfNoneMatchFailed");
    await refused(rename({ sourceName: NAMES[1], newName: "x", srcObjIfMatchETag: "stale" }), 412,
        "IfMatchFailed");
    await refused(rename({ sourceName: NAMES[0], newName: "x" }), 404, "ObjectNotFound");
    const moved = await client.getObject({ ...at, objectName: `SENT-${NAMES[0]}` });
    assert.equal(await text(moved.value), `content of ${NAMES[0]}`);
});
await step("multipart", async () => {
    const objectName = "large/C1-DCTIL_0033_00.csv";
    const { multipartUpload } = await client.createMultipartUpload({ ...at, ifNoneMatch: "*",
        createMultipartUploadDetails: { object: objectName, contentType: "text/csv" } });
    const { uploadId } = multipartUpload;
    const bodies = ["first part ", "second part ", "last"];
    const partsToCommit = [];
    for (const [index, body] of bodies.entries()) {
        const answer = await client.uploadPart({ ...at, objectName, uploadId, uploadPartNum: index + 1,
            uploadPartBody: body, contentLength: body.length, contentMD5: md5(body) });
        assert.equal(answer.opcContentMd5, md5(body));
        partsToCommit.push({ partNum: index + 1, etag: answer.eTag });
    }
    const listed = await client.listMultipartUploadParts({ ...at, objectName, uploadId });
    assert.deepEqual(listed.items.map((one) => one.partNumber), [1, 2, 3]);
    assert.equal((await client.listMultipartUploads({ ...at })).items[0].uploadId, uploadId);
    const done = await client.commitMultipartUpload({ ...at, objectName, uploadId,
        commitMultipartUploadDetails: { partsToCommit } });
    const digests = Buffer.concat(bodies.map((one) => createHash("md5").update(one).digest()));
    assert.equal(done.opcMultipartMd5, `${md5(digests)}-3`);
    const whole = await client.getObject({ ...at, objectName, range: new common.Range(6, 16) });
    assert.equal(await text(whole.value), bodies.join("").slice(6, 17));
});
await step("multipart-abort", async () => {
    const { multipartUpload } = await client.createMultipartUpload({ ...at,
        createMultipartUploadDetails: { object: "gone.csv" } });
    await client.abortMultipartUpload({ ...at, objectName: "gone.csv", uploadId: multipartUpload.uploadId });
    await refused(client.abortMultipartUpload({ ...at, objectName: "gone.csv",
        uploadId: multipartUpload.uploadId }), 404, "NoSuchUpload");
});
await step("delete", async () => {
    await refused(client.deleteObject({ ...at, objectName: NAMES[1], ifMatch: "stale" }), 412,
        "IfMatchFailed");
    await client.deleteObject({ ...at, objectName: NAMES[1], ifMatch: etags[NAMES[1]] });
    await refused(client.deleteObject({ ...at, objectName: NAMES[1] }), 404, "ObjectNotFound");
});
console.log("conformance: all steps passed");
client.close?.();
process.exit(0);
