/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_PEER_H
#define TEST_PEER_H

#include <stddef.h>
#include <sys/types.h>

/*
 * A process that plays the broker, well or badly, on a SOCK_SEQPACKET socket
 * in a directory of its own.
 */
struct peer {
	char dir[64];
	char path[96]; /* of the socket */
	pid_t pid;     /* -1 while nobody listens */
};

/* Plays the broker in the child; fd listens. */
typedef void peer_role(int fd, const void *arg);

/*
 * Listen in a fresh directory, with the given backlog, and run role in a
 * child, as uid (0: as it is).  Fails the running test if it cannot.
 */
void peer_start(struct peer *peer, int backlog, uid_t uid, peer_role *role,
    const void *arg);

/* Only make the directory; nobody listens. */
void peer_absent(struct peer *peer);

/* End the child and remove socket and directory. */
void peer_stop(struct peer *peer);

/* A message to answer with. */
struct peer_answer {
	const void *bytes;
	size_t len;
};

/* Roles; arg in brackets. */
void peer_replies(int fd, const void *arg);  /* (struct peer_answer *) always */
void peer_echoes(int fd, const void *arg);   /* sends the request back */
void peer_hangs_up(int fd, const void *arg); /* closes after the request */
void peer_is_silent(int fd, const void *arg); /* accepts, reads, says no word */
void peer_sleeps(int fd, const void *arg);    /* never accepts */

/* Milliseconds of the monotonic clock. */
long peer_now_ms(void);

#endif /* TEST_PEER_H */
