/*
 * Guests' consoles on the host's. The guest that is attached writes as it is
 * and gets what is typed; the others' lines are prefixed with their name. What
 * a guest writes waits in a ring of its own; guests' turns come round robin.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vm;

/* Once, before the others: be the console's source. */
void vconsole_init(void);

/* Make and free vm->console. -ENOMEM. */
int vconsole_create(struct vm *vm);
void vconsole_destroy(struct vm *vm);

/* The UART in vm->devices is there: show what it sends from now on. */
void vconsole_connect(struct vm *vm);

/* Has all been shown that the guest wrote? If not, vm->ended() is called once
 * it has. The VM has ended. */
bool vconsole_shown(struct vm *vm);

/* Before the VM goes: nothing of it is touched any more, what waits is lost. */
void vconsole_quiet(struct vm *vm);

/* The guest of the struct vm @vm writes @byte; false: no room, vuart_drain()
 * will be called when there is. Called with its UART's lock held. */
bool vconsole_output(void *vm, uint8_t byte);

/* The UART has room for input again: pass on what was typed meanwhile. */
void vconsole_input_room(struct vm *vm);

/* Typed bytes are for @vm, or (NULL) for nobody. */
void vconsole_attach(struct vm *vm);
struct vm *vconsole_attached(void);

/* @byte was typed for @vm; it is lost when the guest has not read 256 others.
 */
void vconsole_type(struct vm *vm, uint8_t byte);
