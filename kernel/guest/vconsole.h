/*
 * Guests' consoles on the host's. The guest that is attached writes as it is
 * and gets what is typed; the others' lines are prefixed with their name.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vm;

/* Make and free vm->console. -ENOMEM. */
int vconsole_create(struct vm *vm);
void vconsole_destroy(struct vm *vm);

/* Before vm_destroy(): show what waits, no timer any more. */
void vconsole_quiet(struct vm *vm);

/* The guest writes; returns how many bytes were taken. */
size_t vconsole_put(struct vm *vm, const void *buf, size_t len);

/* The UART has room for input again. Called with its lock held. */
void vconsole_input_room(struct vm *vm);

/* Typed bytes are for @vm, or (NULL) for nobody. */
void vconsole_attach(struct vm *vm);
struct vm *vconsole_attached(void);

/* @byte was typed for @vm; it is lost when the guest has not read 256 others.
 */
void vconsole_type(struct vm *vm, uint8_t byte);

/* Pass on to the UART what was typed while it had no room. */
void vconsole_work(struct vm *vm);
