/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measure how long users take to look up, of several systems in turns.
 *
 *   zt-bench-nss turns ENTER N SYSTEM[:RANGE:FEW]...
 *	For each system "ENTER SYSTEM zt-bench-nss serve" is run.  The first
 *	is the floor.  Prints for each operation, and 1 or 2 threads,
 *	"<operation> <threads> <system> <ns> <ratio> <more> <doubt> <turns>":
 *	medians; the ratio to the floor's of the same turn, the ns more than
 *	it, and two standard errors of that; or "<operation> <threads>
 *	<system> wrong".  RANGE: only so many users are looked up; FEW: so
 *	many for all else (systems that must be filled).
 *   zt-bench-nss memory N
 *	kB of private memory that lookups add to this process.
 *   zt-bench-nss calls OPERATION N COUNT
 *	Only lookups: COUNT of them, after some.  For strace(1).
 *   zt-bench-nss verify N
 *	Exit 0 if all operations give right answers for random users.
 */
#include <err.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../sample.h"
#include "worker.h"

#define SYSTEMS_MAX 16
#define TURNS       41
#define TURNS_FRESH 801
#define TURNS_LS    31
#define TURN_NS     4e6   /* about, of one system */
#define SLOW_NS     1.5e9 /* of one system and operation, in all turns */
#define LS_NS_MAX   3e6   /* of one lookup: else ls takes for ever */
#define WARM_MS     2500
#define FILL_MS     1800000
#define VERIFY_MS   1000

struct system {
	const char *name;
	size_t range, few;
	unsigned warm_ms;
	enum check check;
	int fd;
	double uid_ns; /* of a lookup, when last measured */
	/* the operation at hand */
	bool wrong;
	size_t count, turns;
	double last; /* of this turn */
	struct sample ns, ratio, more;
};

static double
ask(const struct system *s, const struct task *task)
{
	double ns;

	if (write(s->fd, task, sizeof(*task)) != sizeof(*task) ||
	    read(s->fd, &ns, sizeof(ns)) != sizeof(ns))
		errx(1, "%s: its process ended", s->name);
	return ns;
}

static void
system_start(struct system *s, char *enter, char *self)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		err(1, "socketpair");
	switch (fork()) {
	case -1:
		err(1, "fork");
	case 0:
		if (dup2(fds[1], STDIN_FILENO) < 0 ||
		    dup2(fds[1], STDOUT_FILENO) < 0)
			_exit(1);
		(void)execl(enter, enter, s->name, self, "serve", NULL);
		_exit(127);
	default:
		(void)close(fds[1]);
		s->fd = fds[0];
	}
}

/* NAME or NAME:RANGE:FEW */
static void
system_parse(char *text, size_t n, bool floor, struct system *s)
{
	char *range = strchr(text, ':');
	char *few = range == NULL ? NULL : strchr(range + 1, ':');

	s->name = text;
	s->range = s->few = n;
	s->warm_ms = WARM_MS;
	s->check = floor ? CHECK_FLOOR : CHECK_KEY;
	if (few == NULL)
		return;
	*range = '\0';
	s->range = sample_count(range + 1, n);
	s->few = sample_count(few + 1, n);
	s->warm_ms = FILL_MS;
}

static struct task
task_for(const struct system *s, enum op op, size_t n)
{
	const bool few = op_gone(op) || op == OP_GID || op == OP_GROUPS;

	return (struct task){
		.kind = TASK_TIME,
		.op = op,
		.check = s->check,
		.n = n,
		.range = few ? s->few : s->range,
		.count = 1,
		.threads = 1,
		.seed = 1,
	};
}

static void
samples_clear(struct system *s)
{
	s->ns.n = s->ratio.n = s->more.n = 0;
}

static size_t
clamp(double v, size_t min, size_t max)
{
	if (v < (double)min)
		return min;
	return v > (double)max ? max : (size_t)v;
}

/* Warm it up, look whether it is right, see how slow it is. */
static void
system_ready(struct system *s, enum op op, size_t n)
{
	struct task task = task_for(s, op, n);
	double ns, verified = 0;

	samples_clear(s);
	task.kind = TASK_WARM;
	task.limit_ms = s->warm_ms;
	ns = ask(s, &task);
	if (s->check != CHECK_FLOOR && ns >= 0) {
		task.kind = TASK_VERIFY;
		task.limit_ms = VERIFY_MS;
		task.count = 1000;
		verified = ask(s, &task);
	}
	if (s->warm_ms == FILL_MS && verified > 0)
		ns = verified; /* the first time was to fill it */
	s->wrong = ns < 0 || verified < 0;
	s->count = clamp(TURN_NS / ns, 1, WORKER_COUNT);
	s->turns = clamp(SLOW_NS / (ns * (double)s->count), 3, TURNS);
	if (op == OP_UID)
		s->uid_ns = ns;
}

static void
process_ready(struct system *s, enum op op, size_t n)
{
	struct task task = task_for(s, op, n);

	samples_clear(s);
	s->count = 1;
	s->wrong = ask(s, &task) < 0;
	s->turns = op == OP_FRESH ? TURNS_FRESH : TURNS_LS;
	if (op == OP_LS && s->uid_ns > LS_NS_MAX)
		s->turns = 0;
	else
		s->turns = clamp(2 * SLOW_NS / (s->uid_ns + 1e6), 3, s->turns);
}

static void
turn(struct system *s, struct task task)
{
	task.count = s->count;
	s->last = ask(s, &task);
	if (s->last < 0)
		s->wrong = true;
}

static void
turn_count(struct system *s, double floor)
{
	if (s->last <= 0)
		return;
	sample_add(&s->ns, s->last);
	if (floor <= 0)
		return;
	sample_add(&s->ratio, s->last / floor);
	sample_add(&s->more, s->last - floor);
}

static void
shuffle(struct system **order, size_t n, uint64_t *state)
{
	struct system *s;
	size_t at;

	for (size_t i = n - 1; i > 0; i--) {
		at = people_random(state) % (i + 1);
		s = order[i];
		order[i] = order[at];
		order[at] = s;
	}
}

/* In another order each time, for who comes after whom matters. */
static void
turns(struct system *all, size_t n_all, enum op op, size_t threads, size_t n)
{
	struct system *order[SYSTEMS_MAX], *s;
	struct task task;
	uint64_t state = 1;

	for (size_t i = 0; i < n_all; i++)
		order[i] = &all[i];
	for (size_t t = 0; t < TURNS_FRESH; t++) {
		shuffle(order, n_all, &state);
		for (size_t i = 0; i < n_all; i++) {
			s = order[i];
			s->last = 0;
			if (s->wrong || t >= s->turns)
				continue;
			task = task_for(s, op, n);
			task.threads = threads;
			task.seed = t * 1000003 + 1;
			turn(s, task);
		}
		for (size_t i = 0; i < n_all; i++)
			turn_count(&all[i], all[0].last);
	}
}

/* Two standard errors of the median, as if the middle half were normal. */
static double
doubt(struct sample *s)
{
	const double middle =
	    sample_quantile(s, 0.75) - sample_quantile(s, 0.25);

	return 2 * 1.2533 * middle / 1.349 / sqrt((double)s->n);
}

static void
report_line(struct system *s)
{
	(void)printf("%.1f %.4f %.1f %.1f %zu\n", sample_quantile(&s->ns, 0.5),
	    sample_quantile(&s->ratio, 0.5), sample_quantile(&s->more, 0.5),
	    doubt(&s->more), s->ns.n);
}

static bool
report(struct system *all, size_t n_all, enum op op, size_t threads)
{
	bool right = true;

	for (struct system *s = all; s < all + n_all; s++) {
		(void)printf("%s %zu %s ", op_name(op), threads, s->name);
		if (s->wrong)
			(void)printf("wrong\n");
		else if (s->ns.n == 0)
			(void)printf("none\n");
		else
			report_line(s);
		right &= !s->wrong || strstr(s->name, "zt") == NULL;
	}
	(void)fflush(stdout);
	return right;
}

static bool
measure(struct system *all, size_t n_all, enum op op, size_t threads, size_t n)
{
	for (size_t i = 0; i < n_all; i++)
		if (op == OP_LS || op == OP_FRESH)
			process_ready(&all[i], op, n);
		else if (threads == 1)
			system_ready(&all[i], op, n);
		else
			samples_clear(&all[i]);
	turns(all, n_all, op, threads, n);
	return report(all, n_all, op, threads);
}

static int
measure_all(int argc, char **argv)
{
	static struct system all[SYSTEMS_MAX];
	const size_t n_all = (size_t)argc - 4;
	const size_t n = sample_count(argv[3], PEOPLE_MAX);
	bool right = true;

	if (n_all > SYSTEMS_MAX)
		errx(2, "too many systems");
	for (size_t i = 0; i < n_all; i++) {
		system_parse(argv[4 + i], n, i == 0, &all[i]);
		system_start(&all[i], argv[2], argv[0]);
	}
	for (enum op op = 0; op < OP_END; op++)
		right &= measure(all, n_all, op, 1, n);
	/* a process that had a thread is not the same afterwards */
	for (enum op op = 0; op < OP_LS; op++) {
		for (size_t i = 0; i < n_all; i++)
			system_ready(&all[i], op, n);
		right &= measure(all, n_all, op, 2, n);
	}
	return right ? 0 : 3;
}

/*
 * Pages that are this process's own: of no file, or no longer.  The clean and
 * dirty ones that smaps calls private can be a file's that nobody else has
 * mapped at the moment.
 */
static unsigned long
private_kb(void)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	unsigned long kb, sum = 0;
	char line[1024];

	if (f == NULL)
		err(1, "smaps");
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "Anonymous: %lu", &kb) == 1)
			sum += kb;
	(void)fclose(f);
	return sum;
}

static void
look_around(size_t n, size_t count, bool check)
{
	struct task task = { .n = n, .range = n, .count = count, .seed = 1 };

	task.kind = TASK_TIME;
	task.threads = 1;
	task.check = check ? CHECK_KEY : CHECK_FLOOR;
	for (task.op = 0; task.op < OP_LS; task.op++)
		if (worker_do(&task) < 0)
			errx(1, "%s: wrong", op_name(task.op));
}

static int
memory(size_t n)
{
	unsigned long before;

	(void)private_kb();
	before = private_kb();
	look_around(n, 200, false);
	(void)printf("%lu\n", private_kb() - before);
	return 0;
}

static int
calls(enum op op, size_t n, size_t count)
{
	struct task task = { .kind = TASK_TIME, .op = op, .n = n, .range = n };

	task.check = CHECK_FLOOR;
	task.threads = 1;
	task.seed = 1;
	for (task.count = 1; task.count < 100; task.count++)
		if (worker_do(&task) < 0)
			return 1;
	task.count = count;
	return worker_do(&task) < 0;
}

int
main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	if (strcmp(mode, "serve") == 0)
		return worker_serve();
	if (strcmp(mode, "turns") == 0 && argc > 4)
		return measure_all(argc, argv);
	if (strcmp(mode, "memory") == 0 && argc == 3)
		return memory(sample_count(argv[2], PEOPLE_MAX));
	if (strcmp(mode, "calls") == 0 && argc == 5)
		return calls(op_find(argv[2]),
		    sample_count(argv[3], PEOPLE_MAX),
		    sample_count(argv[4], WORKER_COUNT));
	if (strcmp(mode, "verify") == 0 && argc == 3) {
		look_around(sample_count(argv[2], PEOPLE_MAX), 20, true);
		return 0;
	}
	errx(2, "usage: see the source");
}
