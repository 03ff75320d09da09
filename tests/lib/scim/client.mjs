// SPDX-License-Identifier: Apache-2.0
//
// Changes and shows what a SCIM service holds, by SCIM, for the tests.
//
//   node client.mjs URL TOKEN_FILE make FIRST N   users p<FIRST>...
//                                  group NAME N   of users p0...
//                                  set NAME ATTRIBUTE JSON
//                                  delete NAME
//                                  show   in the words of zt-scim-sync
//
// NODE_EXTRA_CA_CERTS names the service's certificate.
import { readFileSync } from "node:fs";

const [base, tokenFile, command, ...args] = process.argv.slice(2);
const token = readFileSync(tokenFile, "utf8").trim();
const CORE = "urn:ietf:params:scim:schemas:core:2.0";
const POSIX = "urn:ietf:params:scim:schemas:oracle:idcs:extension:posix";

async function ask(method, path, body) {
	const response = await fetch(base + path, { method, headers: {
		Authorization: `Bearer ${token}`,
		"Content-Type": "application/scim+json",
	}, body: body && JSON.stringify(body) });
	const text = await response.text();
	if (!response.ok)
		throw new Error(`${method} ${path}: ${response.status} ${text}`);
	return text ? JSON.parse(text) : null;
}

async function all(endpoint) {
	const found = [];
	for (let total = 1; found.length < total;) {
		const page = await ask("GET",
			`/${endpoint}?startIndex=${found.length + 1}&count=200`);
		total = page.totalResults;
		found.push(...page.Resources);
	}
	return found;
}

async function byName(name) {
	const page = await ask("GET",
		`/Users?filter=${encodeURIComponent(`userName eq "${name}"`)}`);
	if (page.totalResults !== 1)
		throw new Error(`${page.totalResults} users are ${name}`);
	return page.Resources[0];
}

function userMake(i) {
	const user = { schemas: [`${CORE}:User`], userName: `p${i}`,
		displayName: `Person ${i}`, active: i % 5 !== 4 };
	if (i % 3 === 0) {
		user.schemas.push(`${POSIX}:User`);
		user[`${POSIX}:User`] = { uidNumber: 70000 + i,
			gidNumber: 70000 + i, gecos: `P. ${i}`,
			homeDirectory: `/home/people/p${i}`,
			loginShell: "/bin/sh" };
	}
	return ask("POST", "/Users", user);
}

function userLine(user) {
	const posix = user[`${POSIX}:User`] ?? {};
	return [`user Users/${user.id}`, user.userName, posix.uidNumber ?? 0,
		posix.gidNumber ?? 0,
		`"${posix.gecos ?? user.displayName ?? ""}"`,
		posix.homeDirectory ?? `/home/${user.userName}`,
		posix.loginShell ?? "/bin/bash",
		...(user.active === false ? ["locked"] : [])].join(" ");
}

function groupLine(group, names) {
	const members = (group.members ?? []).map((m) => names.get(m.value));
	return [`group Groups/${group.id}`, group.displayName,
		group[`${POSIX}:Group`]?.gidNumber ?? 0,
		...members.filter((name) => name)].join(" ");
}

async function show() {
	const users = await all("Users"), groups = await all("Groups");
	const names = new Map(users.map((u) => [u.id, u.userName]));
	const lines = [...users.map(userLine),
		...groups.map((g) => groupLine(g, names))];
	console.log(lines.join("\n"));
}

const commands = {
	async make(first, n) {
		for (let i = 0; i < +n; i++)
			await userMake(+first + i);
	},
	async group(name, n) {
		const users = (await all("Users")).slice(0, +n);
		await ask("POST", "/Groups", { schemas: [`${CORE}:Group`,
			`${POSIX}:Group`], displayName: name,
			[`${POSIX}:Group`]: { gidNumber: 71000 + +n },
			members: users.map((u) => ({ value: u.id })) });
	},
	async set(name, attribute, json) {
		await ask("PATCH", `/Users/${(await byName(name)).id}`, {
			schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
			Operations: [{ op: "replace", path: attribute,
				value: JSON.parse(json) }] });
	},
	async delete(name) {
		await ask("DELETE", `/Users/${(await byName(name)).id}`);
	},
	show,
};
await commands[command](...args);
