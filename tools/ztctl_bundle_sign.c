/* SPDX-License-Identifier: Apache-2.0 */
/* ztctl identity bundle sign: by ssh-keygen. */
#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "zt/auto.h"
#include "zt/bundle.h"
#include "zt/sshsig.h"
#include "zt/text.h"
#include "ztctl_bundle_text.h"
#include "ztctl_print.h"

extern char **environ;

/* A file without a name that holds a text; -1 if that fails. */
static int
memory_file(struct zt_str text)
{
	zt_auto_close int fd = memfd_create("bundle", MFD_CLOEXEC);
	size_t done = 0;
	ssize_t n;

	while (fd >= 0 && done < text.len) {
		n = pwrite(fd, text.p + done, text.len - done, (off_t)done);
		if (n <= 0)
			return -1;
		done += (size_t)n;
	}
	return zt_take_fd(fd);
}

/* Run ssh-keygen from fd to fd: it knows agents, tokens and passphrases. */
static int
keygen_run(const char *key, int in, int out)
{
	const char *const argv[] = { "ssh-keygen", "-q", "-Y", "sign", "-n",
		ZT_BUNDLE_NAMESPACE, "-f", key, NULL };
	posix_spawn_file_actions_t actions;
	int status = -1, rc;
	pid_t pid;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return -1;
	rc = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&actions, out,
		    STDOUT_FILENO);
	if (rc == 0)
		rc = posix_spawnp(&pid, argv[0], &actions, NULL,
		    (char **)(uintptr_t)argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	if (rc != 0) {
		print_failure("ssh-keygen: %s", strerror(rc));
		return -1;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return status;
}

static enum ztctl_status
message_sign(const char *key, struct zt_str message, struct text *out)
{
	zt_auto_close int in = memory_file(message),
			  from = memory_file(zt_str(""));
	struct zt_str signature, rest;

	if (in < 0 || from < 0)
		return bundle_fail_errno(key);
	if (keygen_run(key, in, from) != 0) {
		(void)bundle_fail_file(key, "ssh-keygen did not sign with it");
		return ZTCTL_FAILED;
	}
	if (text_read(from, key, ZT_SSHSIG_MAX, out) != ZTCTL_OK)
		return ZTCTL_SYSTEM;
	if (zt_sshsig_cut(text_str(out), &signature, &rest) != ZT_OK ||
	    rest.len != 0)
		return bundle_fail_file(key,
		    "ssh-keygen printed no SSH signature");
	return ZTCTL_OK;
}

enum ztctl_status
bundle_sign(const struct bundle_options *o)
{
	zt_auto(text_clear) struct text document = { 0 };
	zt_auto(text_clear) struct text signature = { 0 };
	enum ztctl_status status;
	struct zt_bundle bundle;
	struct zt_str message;
	const char *why;
	enum zt_err err;

	status = bundle_file_read(o->operand, ZT_BUNDLE_MAX, &document);
	if (status != ZTCTL_OK)
		return status;
	message = bundle_message(&document); /* a signature is replaced */
	if ((err = zt_bundle_begin(message, &bundle, &why)) != ZT_OK)
		return bundle_fail(o->operand, err, why);
	status = message_sign(o->key, message, &signature);
	return status != ZTCTL_OK
	    ? status
	    : bundle_file_write(o->out, text_str(&signature), message);
}
