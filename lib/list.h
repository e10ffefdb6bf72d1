/*
 * Intrusive doubly linked list. A list head and its entries are the same
 * struct; container_of() leads from an entry to what embeds it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/addr.h"

struct list {
	struct list *next;
	struct list *prev;
};

/* A static @head that is an empty list from the start. */
#define LIST_EMPTY(head)         \
	{                        \
		&(head), &(head) \
	}

/* Make @head an empty list. Every head is set up so before use. */
static inline void list_init(struct list *head)
{
	head->next = head;
	head->prev = head;
}

static inline bool list_empty(const struct list *head)
{
	return head->next == head;
}

/* Put @entry right behind @at; with a head this makes it the first. */
static inline void list_add(struct list *at, struct list *entry)
{
	entry->next = at->next;
	entry->prev = at;
	at->next->prev = entry;
	at->next = entry;
}

/* Put @entry right before @at; with a head this makes it the last. */
static inline void list_add_tail(struct list *at, struct list *entry)
{
	list_add(at->prev, entry);
}

/* Take @entry out of its list; it is then an empty list of its own. */
static inline void list_remove(struct list *entry)
{
	entry->prev->next = entry->next;
	entry->next->prev = entry->prev;
	list_init(entry);
}

/* The first entry of @head, or NULL. */
static inline struct list *list_first(const struct list *head)
{
	return list_empty(head) ? NULL : head->next;
}

/* Walk @head with @pos; the entry at @pos must stay in the list meanwhile. */
#define list_for_each(pos, head) \
	for ((pos) = (head)->next; (pos) != (head); (pos) = (pos)->next)

/* The same with @pos free to go: @tmp remembers the next one. */
#define list_for_each_safe(pos, tmp, head)                               \
	for ((pos) = (head)->next, (tmp) = (pos)->next; (pos) != (head); \
	     (pos) = (tmp), (tmp) = (pos)->next)
