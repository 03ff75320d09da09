/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "zt/scim.h"

void
zt_scim_pager_init(struct zt_scim_pager *pager, unsigned page_size,
    bool by_cursor)
{
	*pager = (struct zt_scim_pager){
		.page_size = page_size,
		.by_cursor = by_cursor,
		.total = -1,
	};
}

void
zt_scim_pager_query(const struct zt_scim_pager *pager,
    char out[ZT_SCIM_PAGER_MAX])
{
	char cursor[3 * ZT_SCIM_CURSOR_MAX + 1];

	if (!pager->by_cursor) {
		(void)snprintf(out, ZT_SCIM_PAGER_MAX,
		    "startIndex=%zu&count=%u", pager->received + 1,
		    pager->page_size);
		return;
	}
	zt_scim_encode(cursor, pager->cursor);
	(void)snprintf(out, ZT_SCIM_PAGER_MAX, "count=%u&cursor=%s",
	    pager->page_size, cursor);
}

/* The total, as far as this page tells: a step, or ZT_SCIM_MORE. */
static enum zt_scim_step
take_total(struct zt_scim_pager *pager, const struct zt_scim_list *list,
    const char **why_out)
{
	if (list->total < 0 && (pager->by_cursor || list->next_cursor != NULL))
		return ZT_SCIM_MORE; /* RFC 9865 s2: it may be left out */
	if (list->total < 0) {
		*why_out = "totalResults is missing";
		return ZT_SCIM_BROKEN;
	}
	if (pager->total >= 0 && list->total != pager->total) {
		*why_out = "totalResults changed while the pages were read";
		return ZT_SCIM_CHANGED;
	}
	pager->total = list->total;
	return ZT_SCIM_MORE;
}

/* Does the page stand where it was asked for? */
static bool
place_fits(const struct zt_scim_pager *pager, const struct zt_scim_list *list)
{
	if (pager->by_cursor || list->start < 0)
		return true;
	/* services have been seen to say 0 where there is nothing */
	return (uint64_t)list->start == pager->received + 1 ||
	    (list->start == 0 && list->n == 0);
}

/* Is something missing to the total? */
static bool
is_short(const struct zt_scim_pager *pager)
{
	return pager->total >= 0 && pager->received < (uint64_t)pager->total;
}

/* Count what came; what is wrong with that, or NULL. */
static const char *
take_resources(struct zt_scim_pager *pager, const struct zt_scim_list *list)
{
	if (!place_fits(pager, list))
		return "startIndex is not what was asked for";
	if (list->n == 0 && is_short(pager))
		return "a page is empty before totalResults have come";
	if (list->n == 0 && list->next_cursor != NULL)
		return "a page is empty, and not the last";
	pager->received += list->n;
	if (pager->total >= 0 && pager->received > (uint64_t)pager->total)
		return "more resources came than totalResults";
	if (++pager->pages > ZT_SCIM_PAGES_MAX)
		return "over 100000 pages: raise page_size";
	return NULL;
}

/* Is there another page?  Sets *why_out if that cannot be. */
static bool
goes_on(struct zt_scim_pager *pager, const struct zt_scim_list *list,
    const char **why_out)
{
	if (list->next_cursor == NULL) {
		if (is_short(pager) && pager->by_cursor)
			*why_out = "the last page came before totalResults "
				   "had";
		return is_short(pager);
	}
	if (strcmp(list->next_cursor, pager->cursor) == 0)
		*why_out = "nextCursor is the cursor of the page itself";
	/* a service may page by cursor without having been asked to */
	if (!pager->by_cursor && pager->pages > 1)
		*why_out = "a cursor came in the midst of pages by index";
	pager->by_cursor = true;
	(void)strcpy(pager->cursor, list->next_cursor); /* bounded by parse */
	return true;
}

enum zt_scim_step
zt_scim_pager_take(struct zt_scim_pager *pager, const struct zt_scim_list *list,
    const char **why_out)
{
	enum zt_scim_step step = take_total(pager, list, why_out);
	const char *why;
	bool more;

	if (step != ZT_SCIM_MORE)
		return step;
	why = take_resources(pager, list);
	if (why == NULL) {
		more = goes_on(pager, list, &why);
		if (why == NULL)
			return more ? ZT_SCIM_MORE : ZT_SCIM_LAST;
	}
	*why_out = why;
	return ZT_SCIM_BROKEN;
}
