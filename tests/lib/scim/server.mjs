// SPDX-License-Identifier: Apache-2.0
//
// A real SCIM service, the npm package scimmy, over HTTPS on loopback, with
// users and groups in memory and Oracle's posix extension.
//
//   node server.mjs MODULES CERT KEY TOKEN_FILE PORT_FILE [PORT]
//
// MODULES  where npm installed the packages (tests/interop/scim/package.json)
// It prints each request, and ends when its standard input does.  Beside it is
// /token/MS, which gives out the token for a second, after MS milliseconds.
import { createRequire } from "node:module";
import { randomUUID } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";

const [modules, cert, key, tokenFile, portFile, port] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const SCIMMY = require("scimmy").default ?? require("scimmy");
const Routers = require("scimmy-routers").default;
const express = require("express");

const POSIX = "urn:ietf:params:scim:schemas:oracle:idcs:extension:posix";
const { Attribute, SchemaDefinition } = SCIMMY.Types;
const integer = (name) => new Attribute("integer", name);
const string = (name) => new Attribute("string", name, { caseExact: true });

SCIMMY.Resources.declare(SCIMMY.Resources.User);
SCIMMY.Resources.declare(SCIMMY.Resources.Group);
SCIMMY.Schemas.User.definition.extend(new SchemaDefinition("PosixUser",
	`${POSIX}:User`, "", [integer("uidNumber"), integer("gidNumber"),
	string("gecos"), string("homeDirectory"), string("loginShell")]));
SCIMMY.Schemas.Group.definition.extend(new SchemaDefinition("PosixGroup",
	`${POSIX}:Group`, "", [integer("gidNumber")]));

// Ids come back in the order of creation, as from a database.
for (const Resource of [SCIMMY.Resources.User, SCIMMY.Resources.Group]) {
	const stored = new Map();
	const find = (id) => {
		if (!stored.has(id))
			throw new SCIMMY.Types.Error(404, null, `no ${id}`);
		return stored.get(id);
	};
	Resource.ingress((resource, data) => {
		const now = new Date().toISOString();
		const id = resource.id ?? randomUUID();
		const created = resource.id ? find(id).meta.created : now;
		const value = { ...JSON.parse(JSON.stringify(data)), id,
			meta: { created, lastModified: now } };
		stored.set(id, value);
		return value;
	});
	Resource.egress((resource) => {
		if (resource.id)
			return find(resource.id);
		const all = [...stored.values()];
		return resource.filter ? resource.filter.match(all) : all;
	});
	Resource.degress((resource) => {
		find(resource.id);
		stored.delete(resource.id);
	});
}

const token = readFileSync(tokenFile, "utf8").trim();
const app = express();
app.use((request, response, next) => {
	console.log(request.method, decodeURIComponent(request.url));
	next();
});
app.post("/token/:delay", (request, response) => {
	const answer = { access_token: token, token_type: "Bearer",
		expires_in: 1 };
	setTimeout(() => response.json(answer), +request.params.delay);
});
app.use("/scim/v2", new Routers({
	type: "bearer",
	handler: (request) => {
		if (request.header("Authorization") !== `Bearer ${token}`)
			throw new Error("not authorized");
		return "zt";
	},
}));
const server = createServer({ cert: readFileSync(cert),
	key: readFileSync(key) }, app);
server.listen(+(port ?? 0), "127.0.0.1", () => {
	writeFileSync(`${portFile}.new`, `${server.address().port}\n`);
	renameSync(`${portFile}.new`, portFile);
});
process.stdin.on("end", () => process.exit(0)).resume();
