/* Shapes of assembly routines. */
#pragma once

#define FUNC(name)                                                             \
	.globl name;                                                           \
	.type name, @function;                                                 \
	.balign 4;                                                             \
name:

#define END(name) .size name, . - name

/* A label used in one file only. */
#define LOCAL_FUNC(name)                                                       \
	.type name, @function;                                                 \
	.balign 4;                                                             \
name:
