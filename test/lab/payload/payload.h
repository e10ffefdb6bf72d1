/* What the parts of the test kernel give each other. */
#pragma once

#include <stdint.h>

void put_text(const char *s);
void put_number(unsigned long n);
/* Microseconds, by the time CSR at 10 MHz (QEMU virt). */
unsigned long now_us(void);

/* Whether a byte has come from the console since the last time. */
int key_typed(void);

/*
 * Sends to hosts that must not be reachable; prints what came back.
 * arguments: "<own> <gateway> <port> <MAC of other> <other>", addresses
 * dotted, the MAC as 12 digits.
 */
void net_probe(const char *arguments);
/*
 * Is the other: answers who asks for its address, and counts what comes from
 * others than the gateway, until a byte is typed. arguments: "<own> <gateway>"
 */
void net_hear(const char *arguments);
