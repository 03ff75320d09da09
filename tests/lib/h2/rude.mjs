// SPDX-License-Identifier: Apache-2.0
//
// A decision endpoint that breaks off in the middle of HTTP/2, frame by frame:
// no library would send what a test needs to be sent.
//
//   node rude.mjs PORT CERT KEY MODE_FILE LOG_FILE
//
// MODE_FILE  the answer, read again for each question: one of those below
// LOG_FILE   a line for each question: its mode
//
// No client may send a byte of a body before it is allowed to; a new one may
// not know that yet, when it sends its first.
import { appendFileSync, readFileSync } from "node:fs";
import { createServer } from "node:tls";

const [port, cert, key, modeFile, logFile] = process.argv.slice(2);
const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".length;
const FRAME_HEADER = 9;
const DATA = 0, HEADERS = 1, RST_STREAM = 3, SETTINGS = 4, GOAWAY = 7,
	WINDOW_UPDATE = 8;
const INITIAL_WINDOW_SIZE = [0, 4]; // a setting's name
const WINDOW = 65535;
const END_STREAM = 1, ACK = 1, END_HEADERS = 4;
const NO_ERROR = 0, INTERNAL_ERROR = 2, REFUSED_STREAM = 7, CANCEL = 8,
	ENHANCE_YOUR_CALM = 11;

function frame(type, flags, stream, payload = "") {
	const body = Buffer.from(payload);
	const head = Buffer.alloc(FRAME_HEADER);

	head.writeUIntBE(body.length, 0, 3);
	head[3] = type;
	head[4] = flags;
	head.writeUInt32BE(stream, 5);
	return Buffer.concat([head, body]);
}

function u32(...values) {
	const bytes = Buffer.alloc(4 * values.length);

	values.forEach((value, i) => bytes.writeUInt32BE(value, 4 * i));
	return bytes;
}

// :status 200, as HPACK's table has it, and a length if there is one to tell
function head(stream, length) {
	const text = `${length}`;
	const fields = length === undefined ? [0x88] :
		[0x88, 0x0f, 0x0d, text.length, ...Buffer.from(text)];

	return frame(HEADERS, END_HEADERS, stream, fields);
}

const PERMIT = '{"decision":true}';
const permit = (stream) => frame(DATA, 0, stream, PERMIT);
const end = (stream) => frame(DATA, END_STREAM, stream);
const rst = (stream, code) => frame(RST_STREAM, 0, stream, u32(code));
const goaway = (last, code) => frame(GOAWAY, 0, 0, u32(last, code));
const CLOSE = null;

// What is sent once all of a question on stream s has come.
const modes = {
	permit: (s) => [head(s), permit(s), end(s)],
	"rst-at-once": (s) => [rst(s, INTERNAL_ERROR)],
	"rst-clean-at-once": (s) => [rst(s, NO_ERROR)],
	"rst-refused": (s) => [rst(s, REFUSED_STREAM)],
	"rst-after-head": (s) => [head(s), rst(s, CANCEL)],
	"rst-after-permit": (s) => [head(s), permit(s),
		rst(s, INTERNAL_ERROR)],
	"rst-cancel-after-permit": (s) => [head(s), permit(s), rst(s, CANCEL)],
	"rst-clean-after-permit": (s) => [head(s), permit(s), rst(s, NO_ERROR)],
	"rst-short": (s) => [head(s, PERMIT.length + 5), permit(s),
		rst(s, NO_ERROR)],
	"end-short": (s) => [head(s, PERMIT.length + 5), permit(s), end(s)],
	"goaway-at-once": () => [goaway(0, ENHANCE_YOUR_CALM), CLOSE],
	"goaway-after-head": (s) => [head(s), goaway(s, INTERNAL_ERROR), CLOSE],
	"goaway-after-permit": (s) => [head(s), permit(s),
		goaway(s, INTERNAL_ERROR), CLOSE],
	"goaway-clean-after-permit": (s) => [head(s), permit(s),
		goaway(s, NO_ERROR), CLOSE],
	"goaway-disowns": (s) => [head(s), permit(s),
		goaway(0, INTERNAL_ERROR)],
	"close-after-permit": (s) => [head(s), permit(s), CLOSE],
};

// What is sent before a byte of it has come, and none is let come.
const early = {
	"early-permit": (s) => [head(s), permit(s), end(s)],
	"early-permit-rst": (s) => [head(s), permit(s), end(s),
		rst(s, NO_ERROR)],
	"early-goaway": (s) => [head(s), permit(s), end(s),
		goaway(s, NO_ERROR), CLOSE],
};

function send(socket, mode, parts) {
	appendFileSync(logFile, `${mode}\n`);
	for (const part of parts)
		if (part === CLOSE)
			socket.end();
		else
			socket.write(part);
}

function onFrame(socket, type, flags, stream) {
	const mode = readFileSync(modeFile, "utf8").trim();

	if (type === SETTINGS && (flags & ACK) === 0)
		socket.write(frame(SETTINGS, ACK, 0));
	else if (type === HEADERS && mode in early)
		send(socket, mode, early[mode](stream));
	else if (type === HEADERS)
		socket.write(frame(WINDOW_UPDATE, 0, stream, u32(WINDOW)));
	else if (type === DATA && (flags & END_STREAM) !== 0 && mode in modes)
		send(socket, mode, modes[mode](stream));
}

// Each whole frame that has come; returns what is left.
function frames(socket, bytes) {
	for (;;) {
		const len = bytes.length < FRAME_HEADER ? Infinity :
			FRAME_HEADER + bytes.readUIntBE(0, 3);

		if (bytes.length < len)
			return bytes;
		onFrame(socket, bytes[3], bytes[4], bytes.readUInt32BE(5));
		bytes = bytes.subarray(len);
	}
}

createServer({ cert: readFileSync(cert), key: readFileSync(key),
	ALPNProtocols: ["h2"] }, (socket) => {
	let bytes = Buffer.alloc(0), skip = PREFACE;

	socket.on("error", () => {});
	socket.write(frame(SETTINGS, 0, 0,
		[...INITIAL_WINDOW_SIZE, 0, 0, 0, 0]));
	socket.on("data", (more) => {
		bytes = Buffer.concat([bytes, more]);
		if (bytes.length < skip)
			return;
		bytes = frames(socket, bytes.subarray(skip));
		skip = 0;
	});
}).listen(+port, "127.0.0.1");
