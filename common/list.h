/* SPDX-License-Identifier: ISC */
/**
 * @file list.h
 * Circular doubly linked lists, linked through a member of what they hold. The list never owns.
 *
 * An unlinked member points at itself, so that list_remove() may be called twice.
 */
#ifndef COMMON_LIST_H
#define COMMON_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next, *prev;
};

#define LIST_ENTRY(pointer, type, member)                                                          \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#define list_for_each(item, head)                                                                  \
    for (struct list *item = (head)->next; item != (head); item = item->next)

/** As list_for_each(), and @item may be removed in the body. */
#define list_for_each_safe(item, after, head)                                                      \
    for (struct list *item = (head)->next, *after = item->next; item != (head);                    \
         item = after, after = item->next)

static inline void list_init(struct list *list)
{
    list->next = list->prev = list;
}

static inline bool list_empty(const struct list *list)
{
    return list->next == list;
}

static inline void list_append(struct list *list, struct list *item)
{
    item->prev = list->prev;
    item->next = list;
    list->prev->next = item;
    list->prev = item;
}

static inline void list_remove(struct list *item)
{
    item->prev->next = item->next;
    item->next->prev = item->prev;
    list_init(item);
}

/** The first item, or NULL. */
static inline struct list *list_first(struct list *list)
{
    return list_empty(list) ? NULL : list->next;
}

/** Move all items of @from, in order, behind those of @to. */
static inline void list_splice(struct list *to, struct list *from)
{
    if (list_empty(from))
        return;
    from->next->prev = to->prev;
    from->prev->next = to;
    to->prev->next = from->next;
    to->prev = from->prev;
    list_init(from);
}

#endif
