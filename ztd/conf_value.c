/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "conf_key.h"
#include "zt/auto.h"
#include "zt/text.h"
#include "zt/wire.h"

#define DIGITS      "0123456789"
#define DIGITS_MAX  10 /* of a number; cannot overflow 64 bits */
#define SEPARATORS  " \t,"
#define URL_PUNCT   "-._~:/?[]!$&'()*+;=%" /* RFC 3986, without '#' and '@' */
#define IDENT_PUNCT "-._:/@+="

static bool
is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9');
}

/* 1 to max letters, digits and bytes of punct, and nothing else. */
static bool
is_made_of(const char *word, const char *punct, size_t max)
{
	size_t len = strlen(word);

	if (len == 0 || len > max)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_alnum(word[i]) && strchr(punct, word[i]) == NULL)
			return false;
	return true;
}

static bool
is_printable(const char *word)
{
	for (; *word != '\0'; word++)
		if (*word <= ' ' || *word > '~')
			return false;
	return true;
}

/* Decimal text[0..len): no sign, no leading zero, at most DIGITS_MAX. */
static bool
number_of(const char *text, size_t len, uint64_t *out)
{
	uint64_t v = 0;

	if (len == 0 || len > DIGITS_MAX || (len > 1 && text[0] == '0'))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(text[i] - '0');
	}
	*out = v;
	return true;
}

bool
conf_number(const char *text, uint64_t *out)
{
	return number_of(text, strlen(text), out);
}

bool
conf_duration(const char *text, uint64_t *seconds_out)
{
	static const struct {
		const char *suffix;
		unsigned seconds;
	} units[] = { { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 } };
	size_t digits = strspn(text, DIGITS);
	uint64_t v;

	if (!number_of(text, digits, &v))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(text + digits, units[i].suffix) != 0)
			continue;
		*seconds_out = v * units[i].seconds;
		return true;
	}
	return false;
}

bool
conf_choice(const char *text, const char *yes, const char *no, bool *out)
{
	if (strcmp(text, yes) != 0 && strcmp(text, no) != 0)
		return false;
	*out = strcmp(text, yes) == 0;
	return true;
}

bool
conf_range(const char *text, uint64_t *first_out, uint64_t *last_out)
{
	size_t digits = strspn(text, DIGITS);
	uint64_t first, last;

	if (text[digits] != '-' || !number_of(text, digits, &first) ||
	    !conf_number(text + digits + 1, &last) || first > last)
		return false;
	*first_out = first;
	*last_out = last;
	return true;
}

/* A user part ("//name:secret@host") would end up in logs: '@' is refused. */
bool
conf_valid_url(const char *word)
{
	const char *host;

	if (strncmp(word, "https://", 8) == 0)
		host = word + 8;
	else if (strncmp(word, "http://", 7) == 0)
		host = word + 7;
	else
		return false;
	return (is_alnum(*host) || *host == '[') &&
	    is_made_of(word, URL_PUNCT, CONF_LINE_MAX);
}

bool
conf_valid_path(const char *word)
{
	return word[0] == '/' && word[1] != '\0' &&
	    strlen(word) < CONF_VALUE_MAX && is_printable(word);
}

bool
conf_valid_socket_path(const char *word)
{
	struct sockaddr_un addr;

	return conf_valid_path(word) && strlen(word) < sizeof(addr.sun_path);
}

bool
conf_valid_id(const char *word)
{
	return is_made_of(word, IDENT_PUNCT, CONF_VALUE_MAX - 1);
}

bool
conf_valid_service(const char *word)
{
	return is_made_of(word, "-._", ZT_SERVICE_MAX);
}

bool
conf_valid_name(const char *word)
{
	return zt_name_valid(zt_str(word));
}

bool
conf_valid_exemption(const char *word)
{
	const char *colon = strchr(word, ':');
	char service[ZT_SERVICE_MAX + 1];

	if (colon == NULL)
		return conf_valid_name(word);
	if (zt_str_copy(service, sizeof(service),
		(struct zt_str){ word, (size_t)(colon - word) }) != ZT_OK)
		return false;
	return conf_valid_service(service) && conf_valid_name(colon + 1);
}

/* '*' and '?' would be taken for patterns, which there are none of. */
bool
conf_valid_principal(const char *word)
{
	size_t len = strlen(word);

	return len > 0 && len <= ZT_PRINCIPAL_MAX && is_printable(word) &&
	    strpbrk(word, "*?\"\\") == NULL;
}

bool
conf_valid_https(const char *word)
{
	return strncmp(word, "https://", 8) == 0 && conf_valid_url(word);
}

/* SOURCE/IMMUTABLE-ID:ID; the immutable id may hold both separators. */
bool
conf_valid_override(const char *word)
{
	const char *slash = strchr(word, '/'), *colon = strrchr(word, ':');
	const struct zt_str source = { word,
		slash == NULL ? 0 : (size_t)(slash - word) };
	uint64_t id;

	return slash != NULL && colon != NULL && zt_name_valid(source) &&
	    colon > slash + 1 && is_printable(word) &&
	    conf_number(colon + 1, &id) && id >= 1000 && id <= 4294967293;
}

bool
conf_valid_type(const char *word)
{
	return strcmp(word, "files") == 0 || strcmp(word, "bundle") == 0 ||
	    strcmp(word, "scim") == 0;
}

bool
conf_valid_words(const char *text)
{
	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

bool
conf_list_has(const struct conf_list *list, const char *word)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->words[i], word) == 0)
			return true;
	return false;
}

static enum zt_err
list_add(struct conf_list *list, const char *word)
{
	zt_auto_free char *copy = NULL;
	char **words;

	if (list->n == CONF_LIST_MAX)
		return ZT_ERR_TOOBIG;
	if ((copy = strdup(word)) == NULL)
		return ZT_ERR_NOMEM;
	words = reallocarray(list->words, list->n + 1, sizeof(*words));
	if (words == NULL)
		return ZT_ERR_NOMEM;
	list->words = words;
	list->words[list->n++] = zt_take(copy);
	return ZT_OK;
}

enum zt_err
conf_list_append(struct conf_list *list, const char *text, conf_valid *valid,
    char word_out[CONF_LINE_MAX + 1])
{
	char word[CONF_LINE_MAX + 1];
	enum zt_err err;
	size_t len;

	for (text += strspn(text, SEPARATORS); *text != '\0'; text += len) {
		len = strcspn(text, SEPARATORS);
		if ((err = zt_str_copy(word, sizeof(word),
			 (struct zt_str){ text, len })) != ZT_OK)
			return err;
		if (!valid(word) || conf_list_has(list, word)) {
			memcpy(word_out, word, len + 1);
			return ZT_ERR_MALFORMED;
		}
		if ((err = list_add(list, word)) != ZT_OK)
			return err;
		len += strspn(text + len, SEPARATORS);
	}
	return ZT_OK;
}

void
conf_list_clear(struct conf_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->words[i]);
	free(list->words);
	*list = (struct conf_list){ 0 };
}
