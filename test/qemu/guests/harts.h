/* What head.S and C agree on: the structs of guest.h by offset. */
#pragma once

#define HARTS	   64
#define STACK_SIZE 4096

#define TRAP_SIZE   512
#define TRAP_CAUSE  256
#define TRAP_PC	    264
#define TRAP_VALUE  272
#define TRAP_COUNT  280
#define TRAP_STATUS 288
#define TRAP_BACK   296

#define GUARDED_PC     256
#define GUARDED_STATUS 264
#define GUARDED_SATP   272
#define GUARDED_SIE    280

/* FS and VS initial, interrupts off, SPP supervisor, UXL 64 bits. */
#define SSTATUS_PLAIN 0x200002300
