/* Memory that takes stores without keeping them, like ROM or no memory. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * From now on stores to the page at page (4096 bytes, aligned) are lost, and
 * loads see what is there now. Returns false where this host cannot do that
 * (only x86-64 can step one instruction at a time from a signal handler).
 */
bool rom_page_make(void *page);

/* The page is memory again. */
void rom_page_undo(void);
