/* SPDX-License-Identifier: Apache-2.0 */
#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fake.h"
#include "zt/client.h"

struct fake *fake;
struct module module;

static pid_t broker = -1;

/* Harness trouble is no test result: stop at once. */
#define MUST(what) ((what) ? (void)0 : die(#what))

static void
die(const char *what)
{
	fprintf(stderr, "harness: %s: %s\n", what, strerror(errno));
	abort();
}

static void
load_entry(void *so, const char *name, void *fn)
{
	char symbol[64];
	void *p;

	snprintf(symbol, sizeof(symbol), "_nss_zt_%s", name);
	p = dlsym(so, symbol);
	MUST(p != NULL);
	memcpy(fn, &p, sizeof(p));
}

#define LOAD(so, name) load_entry(so, #name, &module.name)

static void
load_module(void)
{
	const char *build = getenv("ZT_BUILD");
	char path[4096];
	void *so;

	snprintf(path, sizeof(path), "%s/libnss_zt.so.2",
	    build != NULL ? build : "build");
	so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (so == NULL)
		fprintf(stderr, "harness: %s\n", dlerror());
	MUST(so != NULL);
	LOAD(so, getpwnam_r);
	LOAD(so, getpwuid_r);
	LOAD(so, setpwent);
	LOAD(so, getpwent_r);
	LOAD(so, endpwent);
	LOAD(so, getgrnam_r);
	LOAD(so, getgrgid_r);
	LOAD(so, setgrent);
	LOAD(so, getgrent_r);
	LOAD(so, endgrent);
	LOAD(so, initgroups_dyn);
}

const char *
fake_setup(void)
{
	if (geteuid() != 0)
		return "needs root for a mount namespace of its own";
	if (unshare(CLONE_NEWNS) != 0)
		return "unshare(CLONE_NEWNS) is not permitted here";
	if (mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV,
		"mode=0755") != 0 ||
	    mount("tmpfs", "/var/lib", "tmpfs", MS_NOSUID | MS_NODEV,
		"mode=0755") != 0)
		return "mounting a private /run is not permitted here";
	MUST(mkdir(ZT_RUN_DIR, 0755) == 0);
	MUST(mkdir("/var/lib/ztd", 0755) == 0);
	fake = mmap(NULL, sizeof(*fake), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST(fake != MAP_FAILED);
	load_module();
	return NULL;
}

static size_t
counted_entry(const struct zt_nss_request *req, uint8_t *buf, size_t cap)
{
	struct zt_nss_absent absent = { .definitive = true };
	struct zt_nss_user user = { .next = req->id + 1,
		.uid = 70000 + req->id,
		.gid = 70000,
		.home = zt_str("/home/x"),
		.shell = zt_str("/bin/sh") };
	struct zt_nss_group group = { .next = req->id + 1,
		.gid = 70000 + req->id };
	char name[ZT_NAME_MAX];
	size_t len = 0;

	snprintf(name, sizeof(name), "x%u", req->id);
	user.name = group.name = zt_str(name);
	if (req->id >= fake->n)
		MUST(zt_nss_absent_encode(&absent, buf, cap, &len) == ZT_OK);
	else if (req->op == ZT_NSS_USER_AT)
		MUST(zt_nss_user_encode(&user, buf, cap, &len) == ZT_OK);
	else
		MUST(zt_nss_group_encode(&group, buf, cap, &len) == ZT_OK);
	return len;
}

static void
serve_one(int listener)
{
	static uint8_t buf[ZT_WIRE_MAX];
	struct zt_nss_request req;
	int fd = accept(listener, NULL, NULL);
	ssize_t n = recv(fd, fake->request, sizeof(fake->request), 0);

	if (n <= 0) {
		close(fd);
		return;
	}
	fake->request_len = (size_t)n;
	fake->requests++;
	if (fake->mode == FAKE_HANG)
		return; /* and never close */
	if (fake->mode == FAKE_CANNED)
		(void)send(fd, fake->reply, fake->len, MSG_NOSIGNAL);
	if (fake->mode == FAKE_COUNT &&
	    zt_nss_request_decode(fake->request, (size_t)n, &req) == ZT_OK)
		(void)send(fd, buf, counted_entry(&req, buf, sizeof(buf)),
		    MSG_NOSIGNAL);
	close(fd);
}

static _Noreturn void
run_broker(uid_t uid, int ready)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX,
		.sun_path = ZT_SOCKET_NSS };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)unlink(ZT_SOCKET_NSS);
	MUST(bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0);
	MUST(chmod(ZT_SOCKET_NSS, 0666) == 0);
	MUST(setresuid(uid, uid, uid) == 0);
	MUST(listen(fd, 128) == 0); /* whose credentials a client sees */
	MUST(write(ready, "r", 1) == 1);
	for (;;)
		serve_one(fd);
}

void
fake_stop(void)
{
	if (broker <= 0)
		return;
	kill(broker, SIGKILL);
	MUST(waitpid(broker, NULL, 0) == broker);
	broker = -1;
}

void
fake_start(uid_t uid)
{
	int ready[2];
	char c;

	fake_stop();
	memset(fake, 0, sizeof(*fake));
	MUST(pipe(ready) == 0);
	broker = fork();
	MUST(broker >= 0);
	if (broker == 0)
		run_broker(uid, ready[1]);
	close(ready[1]);
	MUST(read(ready[0], &c, 1) == 1);
	close(ready[0]);
}

void
fake_user(uint32_t next, uint32_t uid, uint32_t gid, const char *name,
    const char *gecos, const char *home, const char *shell)
{
	const struct zt_nss_user m = { .next = next,
		.uid = uid,
		.gid = gid,
		.name = zt_str(name),
		.gecos = zt_str(gecos),
		.home = zt_str(home),
		.shell = zt_str(shell) };

	fake->mode = FAKE_CANNED;
	MUST(zt_nss_user_encode(&m, fake->reply, ZT_WIRE_MAX, &fake->len) ==
	    ZT_OK);
}

void
fake_group(uint32_t next, uint32_t gid, const char *name, size_t n_members,
    const char *const *members)
{
	static struct zt_nss_group m;

	m = (struct zt_nss_group){ .next = next,
		.gid = gid,
		.name = zt_str(name),
		.n_members = (uint16_t)n_members };
	for (size_t i = 0; i < n_members; i++)
		m.members[i] = zt_str(members[i]);
	fake->mode = FAKE_CANNED;
	MUST(zt_nss_group_encode(&m, fake->reply, ZT_WIRE_MAX, &fake->len) ==
	    ZT_OK);
}

void
fake_gids(const uint32_t *gids, size_t n)
{
	static struct zt_nss_gids m;

	m.n = (uint16_t)n;
	memcpy(m.gids, gids, n * sizeof(*gids));
	fake->mode = FAKE_CANNED;
	MUST(zt_nss_gids_encode(&m, fake->reply, ZT_WIRE_MAX, &fake->len) ==
	    ZT_OK);
}

void
fake_absent(bool definitive)
{
	const struct zt_nss_absent m = { .definitive = definitive };

	fake->mode = FAKE_CANNED;
	MUST(zt_nss_absent_encode(&m, fake->reply, ZT_WIRE_MAX, &fake->len) ==
	    ZT_OK);
}

bool
fake_brief(void)
{
	return getenv("ZT_TEST_BRIEF") != NULL;
}

bool
fake_valgrind(void)
{
	return getenv("ZT_TEST_VALGRIND") != NULL;
}

int64_t
fake_now_ms(void)
{
	struct timespec ts;

	MUST(clock_gettime(CLOCK_MONOTONIC, &ts) == 0);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
