/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zt/auto.h"
#include "ztctl_gather.h"
#include "ztctl_pam.h"

#define PATH_LEN    4096
#define MODULE_ZT   "pam_zt.so"
#define MODULE_ENV  "pam_env.so"
#define TIMEOUT_ARG "timeout_ms="
#define BLANKS      " \t"

/* What is being read, and for which phase. */
struct walk {
	struct pam_stack *stack;
	const char *const *dirs;
	const char *type;
};

/* Where in the files: below which includes and substacks. */
struct place {
	const char *file;
	int line;
	int depth;
	int level;
};

static enum zt_err
read_service(const struct walk *walk, const char *name, struct place place);

void
pam_stack_clear(struct pam_stack *stack)
{
	for (size_t i = 0; i < stack->n; i++) {
		free(stack->entries[i].where);
		free(stack->entries[i].text);
	}
	stack->n = 0;
}

/* The action that a control in brackets names for a return code, or NULL. */
static const char *
action_of(const char *control, const char *code, char out[16])
{
	size_t len = strlen(code);

	for (const char *p = control; *p != '\0';) {
		p += strspn(p, BLANKS "[]");
		if (strncmp(p, code, len) == 0 && p[len] == '=') {
			(void)snprintf(out, 16, "%.*s",
			    (int)strcspn(p + len + 1, BLANKS "]"), p + len + 1);
			return out;
		}
		p += strcspn(p, BLANKS "[]");
	}
	return NULL;
}

static bool
code_fails(const char *control, const char *code)
{
	char buf[16];
	const char *action = action_of(control, code, buf);

	if (action == NULL)
		action = action_of(control, "default", buf);
	return action != NULL &&
	    (strcmp(action, "bad") == 0 || strcmp(action, "die") == 0);
}

/* The greatest number among the actions: [success=2 default=ignore]. */
static unsigned
greatest_jump(const char *control)
{
	unsigned most = 0;

	for (const char *p = strchr(control, '='); p != NULL;
	     p = strchr(p + 1, '=')) {
		unsigned n = 0;

		for (const char *d = p + 1; isdigit((unsigned char)*d); d++)
			n = n < PAM_LINES_MAX ? n * 10 + (unsigned)(*d - '0')
					      : n;
		most = n > most ? n : most;
	}
	return most;
}

/* Does the stack fail at whatever pam_zt.so says that is no permit? */
static bool
refusals_fail(const char *control, const char *type)
{
	if (strcmp(type, "session") == 0)
		return code_fails(control, "session_err");
	return code_fails(control, "perm_denied") &&
	    code_fails(control, "authinfo_unavail");
}

static void
control_read(const char *control, const char *type, struct pam_entry *entry)
{
	if (control[0] == '[') {
		entry->ends = strstr(control, "=done") != NULL;
		entry->resets = strstr(control, "=reset") != NULL;
		entry->jump = greatest_jump(control);
		entry->enforces = refusals_fail(control, type);
	} else {
		entry->ends = strcmp(control, "sufficient") == 0;
		entry->enforces = strcmp(control, "required") == 0 ||
		    strcmp(control, "requisite") == 0;
	}
}

static bool
module_is(const char *module, const char *name)
{
	const char *slash = strrchr(module, '/');

	return strcmp(slash == NULL ? module : slash + 1, name) == 0;
}

static enum zt_err
add_entry(const struct walk *walk, const struct place *place,
    const char *control, const char *module)
{
	struct pam_stack *stack = walk->stack;
	struct pam_entry *entry = &stack->entries[stack->n];

	if (stack->n >= PAM_LINES_MAX)
		return ZT_ERR_TOOBIG;
	*entry = (struct pam_entry){ .level = place->level };
	control_read(control, walk->type, entry);
	entry->is_zt = module_is(module, MODULE_ZT);
	entry->is_env = module_is(module, MODULE_ENV);
	if (asprintf(&entry->where, "%s:%d", place->file, place->line) < 0)
		return ZT_ERR_NOMEM;
	if (asprintf(&entry->text, "%s %s", control, module) < 0) {
		free(entry->where);
		return ZT_ERR_NOMEM;
	}
	stack->n++;
	return ZT_OK;
}

/* Cut the next word off *line; a word in brackets may hold blanks. */
static char *
next_word(char **line)
{
	char *word = *line + strspn(*line, BLANKS);
	char *end = word + strcspn(word, BLANKS);

	if (*word == '\0')
		return NULL;
	if (*word == '[') {
		end = strchr(word, ']');
		end = end == NULL ? word + strlen(word) : end + 1;
	}
	*line = *end == '\0' ? end : end + 1;
	*end = '\0';
	return word;
}

/* How long pam_zt.so waits by its arguments, of which the last counts. */
static unsigned
timeout_read(char *args)
{
	unsigned long ms = PAM_ZT_TIMEOUT_MS;

	for (char *arg; (arg = next_word(&args)) != NULL;) {
		arg += arg[0] == '[' ? 1 : 0;
		if (strncmp(arg, TIMEOUT_ARG, strlen(TIMEOUT_ARG)) == 0)
			ms = strtoul(arg + strlen(TIMEOUT_ARG), NULL, 10);
	}
	return ms > UINT_MAX ? UINT_MAX : (unsigned)ms;
}

/* "type control module arguments"; lines of another type are not ours. */
static enum zt_err
read_line(const struct walk *walk, char *line, struct place place)
{
	char *type = next_word(&line);
	struct pam_entry *entry;
	char *control, *module;
	bool optional;
	enum zt_err err;

	if (type == NULL)
		return ZT_OK;
	if (strcmp(type, "@include") == 0) {
		module = next_word(&line);
		return module == NULL ? ZT_ERR_MALFORMED
				      : read_service(walk, module, place);
	}
	optional = type[0] == '-';
	type += optional ? 1 : 0;
	if (strcasecmp(type, walk->type) != 0)
		return ZT_OK;
	control = next_word(&line);
	module = next_word(&line);
	if (module == NULL)
		return ZT_ERR_MALFORMED;
	if (strcmp(control, "include") == 0)
		return read_service(walk, module, place);
	if ((err = add_entry(walk, &place, control, module)) != ZT_OK)
		return err;
	entry = &walk->stack->entries[walk->stack->n - 1];
	entry->optional = optional;
	entry->timeout_ms = entry->is_zt ? timeout_read(line) : 0;
	if (strcmp(control, "substack") != 0)
		return ZT_OK;
	place.level++;
	return read_service(walk, module, place);
}

/* Cut the next logical line off *text: '\' joins lines, '#' ends one. */
static char *
next_line(char **text, int *line_no)
{
	char *line = *text, *out = line;

	if (*line == '\0')
		return NULL;
	for (; **text != '\0'; (*text)++) {
		if (**text == '\\' && (*text)[1] == '\n') {
			*out++ = ' ';
			(*text)++;
			(*line_no)++;
		} else if (**text == '\n') {
			(*text)++;
			break;
		} else {
			*out++ = **text;
		}
	}
	(*line_no)++;
	/* what was copied is never longer than what was read */
	if (out < *text)
		*out = '\0';
	line[strcspn(line, "#")] = '\0';
	return line;
}

/* Find the file of a service, or of an include, which may be a path. */
static enum zt_err
open_service(const struct walk *walk, const char *name, char **text)
{
	enum zt_err err = ZT_ERR_NOTFOUND;
	char path[PATH_LEN];

	if (name[0] == '/')
		return gather_file(name, text);
	for (size_t i = 0; err == ZT_ERR_NOTFOUND && walk->dirs[i] != NULL;
	     i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", walk->dirs[i],
		    name);
		err = gather_file(path, text);
	}
	return err;
}

static enum zt_err
read_service(const struct walk *walk, const char *name, struct place place)
{
	zt_auto_free char *text = NULL;
	enum zt_err err;
	char *rest, *line;

	if (place.depth >= PAM_DEPTH_MAX)
		return ZT_ERR_TOOBIG;
	if ((err = open_service(walk, name, &text)) != ZT_OK)
		return err;
	rest = text;
	place = (struct place){ name, 0, place.depth + 1, place.level };
	while ((line = next_line(&rest, &place.line)) != NULL)
		if ((err = read_line(walk, line, place)) != ZT_OK)
			return err;
	return ZT_OK;
}

enum zt_err
pam_stack_read(const char *const dirs[], const char *service, const char *type,
    struct pam_stack *out)
{
	const struct walk walk = { out, dirs, type };

	out->n = 0;
	return read_service(&walk, service, (struct place){ 0 });
}

size_t
pam_stack_zt(const struct pam_stack *stack)
{
	size_t i = 0;

	while (i < stack->n && !stack->entries[i].is_zt)
		i++;
	return i;
}

/* Is entry i's own (sub)stack still running when libpam comes to zt? */
static bool
same_stack(const struct pam_stack *stack, size_t i, size_t zt)
{
	int level = stack->entries[i].level;

	for (; i <= zt; i++)
		if (stack->entries[i].level < level)
			return false;
	return true;
}

/* The last entry that a jump from i over n modules leaves out. */
static size_t
jump_end(const struct pam_stack *stack, size_t i, unsigned n)
{
	int level = stack->entries[i].level;

	/* a substack, with all that is in it, counts as one module */
	for (; n > 0; n--) {
		if (i + 1 >= stack->n || stack->entries[i + 1].level < level)
			break;
		i++;
		while (i + 1 < stack->n && stack->entries[i + 1].level > level)
			i++;
	}
	return i;
}

bool
pam_stack_skips(const struct pam_stack *stack, size_t i, size_t zt)
{
	const struct pam_entry *entry = &stack->entries[i];

	if (i >= zt)
		return false;
	if (entry->ends && same_stack(stack, i, zt))
		return true;
	return jump_end(stack, i, entry->jump) >= zt;
}
