/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_JOB_H
#define ZTD_JOB_H

#include "broker.h"
#include "proc.h"
#include "zt/attempt.h"
#include "zt/decision.h"
#include "zt/wire.h"

/*
 * One attempt between its request and its answer.  Whoever holds a job ends
 * it with exactly one of the functions below, which free it in time; pam.c
 * decides which.
 */
struct job {
	struct broker *broker; /* borrowed */
	struct conn *conn;     /* borrowed; NULL if nobody waits */
	enum zt_phase phase;
	uid_t ruid;                /* of who asks; PROC_NO_UID if unknown */
	struct proc_info proc;     /* who asks */
	struct proc_id login_proc; /* whose login this is */
	struct zt_attempt attempt;
	uint64_t cert_checked; /* see facts_cert_check() */
	struct zt_answer answer;
	enum zt_verdict verdict;
	enum zt_reason reason;
	int64_t begun_us;
};

/* Begin a job; NULL if memory is out.  conn may be NULL: nobody waits. */
struct job *
job_new(struct broker *broker, struct conn *conn, enum zt_phase phase);

/* Drop a job that has no attempt yet: no record, no answer. */
void job_free(struct job *job);

/* Ask the decision endpoint, record what it says, answer. */
void job_ask(struct job *job);

/*
 * Record the end of the attempt and answer once the record is on disk.  A
 * permit whose record cannot be written becomes error.log.
 */
void
job_finish(struct job *job, enum zt_verdict verdict, enum zt_reason reason);
void job_deny(struct job *job, enum zt_reason reason);
void job_unavailable(struct job *job, enum zt_reason reason);

/* As job_unavailable() with error.internal, and say to the administrator
 * what is broken. */
void job_broken(struct job *job, const char *what);

/* zt has no say: answer at once, without a record. */
void job_ignore(struct job *job, enum zt_reason reason);

#endif /* ZTD_JOB_H */
