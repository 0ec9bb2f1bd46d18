// A solver engine on Node's HTTP server. Says on standard output, one JSON object a line, where it listens and what came
// of each request. The first part of a request's path chooses what is done with it.

import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import { createGunzip } from "node:zlib";
import { pipeline } from "node:stream/promises";

const say = (what) => process.stdout.write(JSON.stringify(what) + "\n");

async function digest(request) {
  const sha256 = createHash("sha256");
  let bytes = 0;
  const hash = async (body) => {
    for await (const piece of body) {
      sha256.update(piece);
      bytes += piece.length;
    }
  };
  const encoded = request.headers["content-encoding"] === "gzip";
  await (encoded ? pipeline(request, createGunzip(), hash) : pipeline(request, hash));
  return { bytes, sha256: sha256.digest("hex") };
}

async function solve(request, response) {
  const how = request.url.split("/")[1];
  const status = { refusing: 400, busy: 503 }[how] ?? 200;
  const peer = request.socket.remotePort;
  try {
    const said = how === "refusing" ? {} : await digest(request);
    say({
      path: request.url,
      peer,
      http: request.httpVersion,
      transfer_encoding: request.headers["transfer-encoding"] ?? null,
      content_length: request.headers["content-length"] ?? null,
      content_encoding: request.headers["content-encoding"] ?? null,
      ...said,
    });
  } catch (error) {
    say({ error: String(error) });
    return;
  }
  const answer = status === 400 ? { error: "not now", detail: "a".repeat(500) } : { solutions: [] };
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify(answer));
}

const server = (process.argv[2] === "http2" ? createHttp2Server : createServer)(solve);
server.listen(0, "127.0.0.1", () => {
  say({ port: server.address().port, version: `Node ${process.version}` });
});
