// SPDX-License-Identifier: Apache-2.0
//
// A SCIM service that misbehaves, over HTTPS on loopback.
//
//   node rude.mjs CERT KEY MODE_FILE PORT_FILE
//
// MODE_FILE  how, read again for each request: "good" or one of those below
// It ends when its standard input does.
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";

const [cert, key, modeFile, portFile] = process.argv.slice(2);
const SCHEMA = "urn:ietf:params:scim:api:messages:2.0";
const HUGE = 40 << 20, DRIP_MS = 50;

const user = (n) => ({ id: `id${n}`, userName: `u${n}`,
	meta: { resourceType: "User" } });
const people = [1, 2, 3].map(user);
const list = (Resources, totalResults, more) => ({
	schemas: [`${SCHEMA}:ListResponse`], totalResults, Resources, ...more });

// What a page of users is where it is not what it should be.  start, cursor
// are as asked; serial counts the requests.
const pages = {
	repeat: () => list(people, 9),
	back: () => list(people, 9, { startIndex: 1 }),
	endless: ({ start, serial }) => list([user(start), user(start + 1)],
		1000 + serial, { startIndex: start }),
	short: ({ start }) => list(start === 1 ? people : [], 5),
	more: () => list(people, 2),
	duplicate: () => list([...people, people[0]], 4),
	loop: ({ cursor }) => ({ ...list(people), totalResults: undefined,
		nextCursor: cursor === "a" ? "b" : "a" }),
	same: () => ({ ...list(people), totalResults: undefined,
		nextCursor: "a" }),
	group: () => list([{ id: "g", displayName: "g",
		meta: { resourceType: "Group" } }], 1),
	noid: () => list([{ userName: "u1" }], 1),
	object: () => list({ 0: people[0] }, 1),
	nothing: () => list(undefined, 3),
	negative: () => list(people, -3),
	array: () => people,
	error: () => ({ schemas: [`${SCHEMA}:Error`], status: "200" }),
};

// Answers that are no JSON, or not sent as they should be.
const wires = {
	html: (response) => send(response, 200, "<h1>Sign in</h1>",
		{ "Content-Type": "text/html" }),
	type: (response) => send(response, 200, JSON.stringify(list(people, 3)),
		{ "Content-Type": "text/plain" }),
	cut: (response) => send(response, 200,
		JSON.stringify(list(people, 3)).slice(0, -4)),
	deep: (response) => send(response, 200, "[".repeat(100000)),
	empty: (response) => send(response, 200, ""),
	gzip: (response) => send(response, 200, "\x1f\x8b\x08\0",
		{ "Content-Encoding": "gzip" }),
	huge: (response) => send(response, 200, " ".repeat(HUGE)),
	redirect: (response) => send(response, 302, "",
		{ Location: "/good/Users" }),
	drip: (response) => {
		response.writeHead(200,
			{ "Content-Type": "application/scim+json" });
		setInterval(() => response.write(" "), DRIP_MS).unref();
	},
	hang: () => {},
	close: (response) => response.socket.destroy(),
};

function send(response, status, body, headers) {
	response.writeHead(status,
		{ "Content-Type": "application/scim+json", ...headers });
	response.end(body);
}

let serial = 0;
const server = createServer({ cert: readFileSync(cert),
	key: readFileSync(key) }, (request, response) => {
	const mode = readFileSync(modeFile, "utf8").trim();
	const url = new URL(request.url, "https://localhost");
	const asked = { serial: ++serial,
		start: +(url.searchParams.get("startIndex") ?? 1),
		cursor: url.searchParams.get("cursor") };
	if (/^\d+$/.test(mode))
		send(response, +mode, JSON.stringify({
			schemas: [`${SCHEMA}:Error`], status: mode,
			detail: "no \x1b[2J" }), { "Retry-After": "0" });
	else if (!url.pathname.endsWith("/Users"))
		send(response, 200, JSON.stringify(list([], 0)));
	else if (mode in wires)
		wires[mode](response);
	else
		send(response, 200, JSON.stringify(mode in pages ?
			pages[mode](asked) : list(people, 3)));
});
server.listen(0, "127.0.0.1", () => {
	writeFileSync(`${portFile}.new`, `${server.address().port}\n`);
	renameSync(`${portFile}.new`, portFile);
});
process.stdin.on("end", () => process.exit(0)).resume();
