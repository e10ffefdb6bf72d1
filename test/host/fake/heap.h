/* kernel/mm/heap.h for host tests, over the host's heap. */
#pragma once

/* So many more allocations succeed; -1 (at the start): all. */
extern long fake_heap_left;

/* Objects allocated and not freed. */
extern long fake_heap_live;
