/* SPDX-License-Identifier: Apache-2.0 */
/* Is libnss_zt.so.2 where libc looks for it, and can libc use it? */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "zt/auto.h"
#include "ztctl_doctor.h"
#include "ztctl_finding.h"

#define MODULE   "libnss_zt.so.2"
#define LOAD_S   10
#define WORD_MAX 512 /* what the child says, bytes with NUL */

/* Where libc's own file is: it looks for modules there first. */
static const char *
libc_dir(char out[PATH_MAX])
{
	void *in_libc = dlsym(RTLD_DEFAULT, "printf");
	Dl_info info;

	out[0] = '\0';
	if (in_libc != NULL && dladdr(in_libc, &info) != 0)
		(void)snprintf(out, PATH_MAX, "%s", info.dli_fname);
	*(strrchr(out, '/') == NULL ? out : strrchr(out, '/')) = '\0';
	return out;
}

/* Find the module in the directories of the dynamic loader. */
static bool
module_find(const struct ztctl_options *options, char out[PATH_MAX],
    struct stat *st)
{
	char own[PATH_MAX], path[PATH_MAX];
	const char *const dirs[] = { libc_dir(own), "/lib64", "/usr/lib64",
		"/lib", "/usr/lib" };

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		if (snprintf(path, sizeof(path), "%s/" MODULE, dirs[i]) >=
		    (int)sizeof(path))
			continue;
		doctor_path(options, path, out);
		if (stat(out, st) == 0)
			return true;
	}
	return false;
}

/* The child: say what is wrong, or nothing. */
static void
load(const char *path, int fd)
{
	static const char *const entries[] = { "setpwent", "getpwent_r",
		"endpwent", "getpwnam_r", "getpwuid_r", "setgrent",
		"getgrent_r", "endgrent", "getgrnam_r", "getgrgid_r",
		"initgroups_dyn" };
	void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	char symbol[64];

	if (module == NULL) {
		(void)dprintf(fd, "%s", dlerror());
		return;
	}
	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		(void)snprintf(symbol, sizeof(symbol), "_nss_zt_%s",
		    entries[i]);
		if (dlsym(module, symbol) == NULL)
			(void)dprintf(fd, "%s%s", symbol, " is missing; ");
	}
}

/* Load the module in a process of its own, which it may take down. */
static bool
module_loads(const char *path, char why[WORD_MAX])
{
	int fds[2], status = -1;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return false;
	pid = fork();
	if (pid == 0) {
		(void)alarm(LOAD_S);
		load(path, fds[1]);
		_exit(0);
	}
	(void)close(fds[1]);
	while (len < WORD_MAX - 1 &&
	    (n = read(fds[0], why + len, WORD_MAX - 1 - len)) > 0)
		len += (size_t)n;
	why[len] = '\0';
	(void)close(fds[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (len == 0 && status != 0)
		(void)snprintf(why, WORD_MAX,
		    "it ended the process that "
		    "loaded it");
	return why[0] == '\0';
}

void
doctor_module(json_t *list, const struct ztctl_options *options)
{
	const char remedy[] = "install zt completely";
	char path[PATH_MAX], why[WORD_MAX] = "";
	struct stat st;

	if (!module_find(options, path, &st))
		finding_add(list, FINDING_FAIL, "module", remedy,
		    MODULE " is not installed");
	else if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0 ||
	    (st.st_uid != 0 && options->root[0] == '\0'))
		finding_add(list, FINDING_FAIL, "module",
		    "find out who wrote it, then install zt again",
		    "%s: others than root can write it, and every process "
		    "loads it",
		    path);
	else if (!module_loads(path, why))
		finding_add(list, FINDING_FAIL, "module", remedy, "%s: %s",
		    path, why);
	else
		finding_add(list, FINDING_OK, "module", NULL,
		    "%s can be loaded", path);
}
