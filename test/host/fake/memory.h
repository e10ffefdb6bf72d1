/* Physical memory: address space that only costs where it is touched. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"

/* RAM at [@base, @base + @size), reading 0. One such memory at a time. */
void fake_memory_init(pa_t base, uint64_t size);

/* Fill [@pa, @pa + @size) with @byte. */
void fake_memory_fill(pa_t pa, uint64_t size, uint8_t byte);

/* How many pages of it were ever touched. */
uint64_t fake_memory_touched(void);

void fake_memory_end(void);
