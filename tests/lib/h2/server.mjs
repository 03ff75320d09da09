// SPDX-License-Identifier: Apache-2.0
//
// A decision endpoint that speaks HTTP/2 and nothing else, on node's own
// implementation of it.
//
//   node server.mjs PORT CERT KEY MODE_FILE LOG_FILE
//
// MODE_FILE  how to answer, read again for each question: one of those below
// LOG_FILE   a line of JSON for each question: the protocol, the connection's
//            number, how many questions are open on it, the subject asked about
import { appendFileSync, readFileSync } from "node:fs";
import { constants, createSecureServer } from "node:http2";

const [port, cert, key, modeFile, logFile] = process.argv.slice(2);
const SLOW_MS = 300;

function head(stream, asked) {
	stream.respond({ ":status": 200, "content-type": "application/json",
		"x-request-id": asked["x-request-id"] });
}

// alice may
function answer(stream, asked, subject) {
	head(stream, asked);
	stream.end(JSON.stringify(subject.startsWith("alice@") ?
		{ decision: true } : { decision: false,
			context: { reason_user: { en: "not now" } } }));
}

const modes = {
	good: answer,
	slow: (...question) =>
		setTimeout(() => answer(...question), SLOW_MS),
	// a connection that ends in good order serves what is on it
	drain: (stream, ...question) => {
		stream.session.goaway(constants.NGHTTP2_NO_ERROR, stream.id);
		setTimeout(() => answer(stream, ...question), SLOW_MS);
	},
	"hang": () => {},
	"hang-after-head": (stream, asked) => head(stream, asked),
	"hang-after-permit": (stream, asked) => {
		head(stream, asked);
		stream.write('{"decision":true}');
	},
};

let connections = 0;
const server = createSecureServer({ cert: readFileSync(cert),
	key: readFileSync(key), allowHTTP1: false });
server.on("session", (session) => {
	const connection = ++connections;
	let open = 0;

	session.on("error", () => {});
	session.on("stream", (stream, asked) => {
		const parts = [];

		open++;
		stream.on("close", () => open--);
		stream.on("error", () => {});
		stream.on("data", (part) => parts.push(part));
		stream.on("end", () => {
			const subject = JSON.parse(Buffer.concat(parts)).subject.id;

			appendFileSync(logFile, JSON.stringify({ connection, open,
				protocol: session.alpnProtocol, subject }) + "\n");
			modes[readFileSync(modeFile, "utf8").trim()](stream,
				asked, subject);
		});
	});
});
server.listen(+port, "127.0.0.1");
