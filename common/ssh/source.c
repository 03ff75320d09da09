/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "zt/text.h"

#include "source.h"

#define ENTRY_MAX (INET6_ADDRSTRLEN + 4) /* address, '/', prefix, NUL */

/* An address, or a network of that many leading bits. */
struct addr {
	int family; /* AF_INET or AF_INET6 */
	uint8_t bytes[16];
	unsigned prefix;
};

static bool
addr_parse(const char *text, struct addr *out)
{
	*out = (struct addr){ .family = AF_INET, .prefix = 32 };
	if (inet_pton(AF_INET, text, out->bytes) == 1)
		return true;
	*out = (struct addr){ .family = AF_INET6, .prefix = 128 };
	return inet_pton(AF_INET6, text, out->bytes) == 1;
}

/* An IPv4 client seen through an IPv6 socket is an IPv4 client. */
static void
addr_unmap(struct addr *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (a->family != AF_INET6 ||
	    memcmp(a->bytes, mapped, sizeof(mapped)) != 0)
		return;
	memmove(a->bytes, a->bytes + 12, 4);
	a->family = AF_INET;
	a->prefix = 32;
}

/* Decimal, one to three digits, no needless zero, at most max. */
static bool
prefix_parse(const char *text, unsigned max, unsigned *out)
{
	size_t len = strspn(text, "0123456789");
	unsigned v = 0;

	if (len == 0 || len > 3 || text[len] != '\0' ||
	    (len > 1 && text[0] == '0'))
		return false;
	for (size_t i = 0; i < len; i++)
		v = v * 10 + (unsigned)(text[i] - '0');
	*out = v;
	return v <= max;
}

/* True if the leading n bits of a and b are equal. */
static bool
bits_equal(const uint8_t *a, const uint8_t *b, unsigned n)
{
	unsigned rest = n % 8;

	if (memcmp(a, b, n / 8) != 0)
		return false;
	return rest == 0 || (a[n / 8] ^ b[n / 8]) >> (8 - rest) == 0;
}

/* A network's bits behind its prefix must be zero, as in sshd. */
static bool
host_bits_zero(const struct addr *net)
{
	unsigned n = net->prefix, rest = n % 8;

	if (rest != 0 && (net->bytes[n / 8] & (0xffu >> rest)) != 0)
		return false;
	for (unsigned i = (n + 7) / 8; i < sizeof(net->bytes); i++)
		if (net->bytes[i] != 0)
			return false;
	return true;
}

static bool
net_parse(struct zt_str entry, struct addr *out)
{
	char text[ENTRY_MAX];
	char *slash;

	if (zt_str_copy(text, sizeof(text), entry) != ZT_OK)
		return false;
	if ((slash = strchr(text, '/')) != NULL)
		*slash++ = '\0';
	if (!addr_parse(text, out))
		return false;
	if (slash != NULL && !prefix_parse(slash, out->prefix, &out->prefix))
		return false;
	return host_bits_zero(out);
}

static bool
net_contains(const struct addr *net, const struct addr *a)
{
	return net->family == a->family &&
	    bits_equal(net->bytes, a->bytes, net->prefix);
}

enum zt_err
zt_source_match(const char *list, const char *ip)
{
	struct addr client = { .family = AF_UNSPEC }, net;
	bool found = ip == NULL;
	size_t len;

	if (ip != NULL && !addr_parse(ip, &client))
		return ZT_ERR_MALFORMED;
	addr_unmap(&client);
	for (;; list += len + 1) {
		len = strcspn(list, ",");
		if (!net_parse((struct zt_str){ list, len }, &net))
			return ZT_ERR_MALFORMED;
		found = found || net_contains(&net, &client);
		if (list[len] == '\0')
			break;
	}
	return found ? ZT_OK : ZT_ERR_DENIED;
}
