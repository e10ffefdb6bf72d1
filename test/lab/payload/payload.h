/* What the parts of the test kernel give each other. */
#pragma once

#include <stdint.h>

void put_text(const char *s);
void put_number(unsigned long n);
/* Microseconds, by the time CSR at 10 MHz (QEMU virt). */
unsigned long now_us(void);

/* Sends to hosts that must not be reachable; prints what came back. */
void net_probe(const char *arguments);
