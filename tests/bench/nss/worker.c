/* SPDX-License-Identifier: Apache-2.0 */
#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../sample.h"
#include "worker.h"

#define SLOW_COUNT 8 /* a lookup of which no more go into a turn */

static void
key_get(const struct task *task, size_t i, struct person *out)
{
	if (op_gone(task->op))
		person_gone(i, out);
	else
		person_get(i, out);
}

static bool
late(const struct task *task, double start)
{
	return sample_now_us() - start > task->limit_ms * 1e3;
}

/* Touches all that will be touched; what is not done in time is not. */
static double
warm(const struct task *task)
{
	const double start = sample_now_us();
	struct person p;
	size_t i;

	for (i = 0; i < task->range; i++) {
		key_get(task, i, &p);
		if (!lookup(task->op, &p, task->check))
			return WORKER_WRONG;
		if (late(task, start))
			break;
	}
	return (sample_now_us() - start) * 1e3 / (double)(i + 1);
}

static double
verify(const struct task *task)
{
	const double start = sample_now_us();
	uint64_t state = task->seed;
	struct person p;
	size_t i, key;

	for (i = 0; i < task->count && !late(task, start); i++) {
		key = people_random(&state) % task->range;
		key_get(task, key, &p);
		if (task->op == OP_GROUPS ? !lookup_teams(key, task->n)
					  : !lookup(task->op, &p, CHECK_ALL))
			return WORKER_WRONG;
	}
	return (sample_now_us() - start) * 1e3 / (double)i;
}

/* All keys are made before the clock runs. */
struct run {
	const struct task *task;
	pthread_barrier_t *barrier; /* borrowed */
	/* what others did meanwhile to the processor's caches is not the
	 * matter: others of the keys come before the clock runs */
	struct person before[WORKER_COUNT];
	size_t n_before;
	struct person keys[WORKER_COUNT];
	double start, end;
	bool wrong;
};

static void
run_keys(struct run *r, uint64_t seed)
{
	const struct task *task = r->task;

	r->n_before = task->count > SLOW_COUNT ? task->count : 0;
	for (size_t i = 0; i < r->n_before; i++)
		key_get(task, people_random(&seed) % task->range,
		    &r->before[i]);
	for (size_t i = 0; i < task->count; i++)
		key_get(task, people_random(&seed) % task->range, &r->keys[i]);
}

static void *
run_do(void *arg)
{
	struct run *r = arg;
	const struct task *task = r->task;
	bool right = true;

	for (size_t i = 0; i < r->n_before; i++)
		right &= lookup(task->op, &r->before[i], task->check);
	if (r->barrier != NULL)
		(void)pthread_barrier_wait(r->barrier);
	r->start = sample_now_us();
	for (size_t i = 0; i < task->count; i++)
		right &= lookup(task->op, &r->keys[i], task->check);
	r->end = sample_now_us();
	r->wrong = !right;
	return NULL;
}

static double
time_threads(const struct task *task, struct run r[2])
{
	pthread_barrier_t barrier;
	pthread_t threads[2];
	double start, end;

	if (pthread_barrier_init(&barrier, NULL, 2) != 0)
		errx(1, "barrier");
	for (size_t t = 0; t < 2; t++) {
		r[t].barrier = &barrier;
		if (pthread_create(&threads[t], NULL, run_do, &r[t]) != 0)
			errx(1, "thread");
	}
	for (size_t t = 0; t < 2; t++)
		(void)pthread_join(threads[t], NULL);
	(void)pthread_barrier_destroy(&barrier);
	start = r[0].start < r[1].start ? r[0].start : r[1].start;
	end = r[0].end > r[1].end ? r[0].end : r[1].end;
	if (r[0].wrong || r[1].wrong)
		return WORKER_WRONG;
	return (end - start) * 1e3 / (double)task->count;
}

static double
time_lookups(const struct task *task)
{
	static struct run r[2];

	for (size_t t = 0; t < task->threads; t++) {
		r[t].task = task;
		run_keys(&r[t], task->seed + t * 7919);
	}
	if (task->threads == 2)
		return time_threads(task, r);
	r[0].barrier = NULL;
	(void)run_do(&r[0]);
	if (r[0].wrong)
		return WORKER_WRONG;
	return (r[0].end - r[0].start) * 1e3 / (double)task->count;
}

/* A whole process, from before it is made to its end, in us; or wrong. */
static double
process_run(const char *path, char *const *argv)
{
	posix_spawn_file_actions_t quiet;
	char *env[] = { NULL };
	const double start = sample_now_us();
	int status = 1;
	pid_t pid;

	(void)posix_spawn_file_actions_init(&quiet);
	(void)posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO,
	    "/dev/null", O_WRONLY, 0);
	if (posix_spawn(&pid, path, &quiet, NULL, argv, env) == 0)
		(void)waitpid(pid, &status, 0);
	(void)posix_spawn_file_actions_destroy(&quiet);
	return status == 0 ? sample_now_us() - start : WORKER_WRONG;
}

static double
time_process(const struct task *task)
{
	char self[] = WORKER_FRESH, ls[] = "ls", l[] = "-l",
	     dir[] = WORKER_OWNERS;
	uint64_t state = task->seed;
	struct person p;
	char *fresh_argv[] = { self, p.name, NULL };
	char *ls_argv[] = { ls, l, dir, NULL };
	double us;

	person_get(people_random(&state) % task->range, &p);
	us = task->op == OP_LS ? process_run("/bin/ls", ls_argv)
			       : process_run(self, fresh_argv);
	return us < 0 ? WORKER_WRONG : us * 1e3;
}

double
worker_do(const struct task *task)
{
	if (task->op == OP_LS || task->op == OP_FRESH)
		return time_process(task);
	switch (task->kind) {
	case TASK_WARM:
		return warm(task);
	case TASK_VERIFY:
		return verify(task);
	case TASK_TIME:
		return time_lookups(task);
	}
	return WORKER_WRONG;
}

int
worker_serve(void)
{
	struct task task;
	double ns;

	while (read(STDIN_FILENO, &task, sizeof(task)) == sizeof(task)) {
		ns = worker_do(&task);
		if (write(STDOUT_FILENO, &ns, sizeof(ns)) != sizeof(ns))
			return 1;
	}
	return 0;
}
