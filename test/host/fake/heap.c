/* kernel/mm/heap.h for host tests. */
#include "test/host/fake/heap.h"

#include <stdlib.h>

#include "kernel/mm/heap.h"

long fake_heap_left = -1;
long fake_heap_live;

void *heap_alloc(size_t size)
{
	if (!fake_heap_left)
		return NULL;
	if (fake_heap_left > 0)
		fake_heap_left--;
	fake_heap_live++;
	return calloc(1, size);
}

void heap_free(void *p)
{
	fake_heap_live -= p != NULL;
	free(p);
}

void *heap_alloc_array(size_t count, size_t size)
{
	if (size && count > SIZE_MAX / size)
		return NULL;
	return heap_alloc(count * size);
}
