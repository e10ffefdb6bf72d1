/*
 * What every guest sees where (docs/guest.md draws the map). The device tree,
 * the loader and the devices agree by these. 0x10001000-0x10008fff is kept
 * free for virtio-mmio, 0x24000000 and 0x28000000 for AIA.
 */
#pragma once

/* RAM. */
#define GUEST_RAM_BASE 0x80000000ull

/* ns16550a: registers a byte apart. */
#define GUEST_UART_BASE	 0x10000000ull
#define GUEST_UART_SIZE	 8ull	  /* registers that answer (vuart.h) */
#define GUEST_UART_IRQ	 10u	  /* source at the PLIC */
#define GUEST_UART_CLOCK 3686400u /* Hz; a multiple of 16 * 115200 */

/* PLIC: one context per vcpu, its supervisor external interrupt. */
#define GUEST_PLIC_BASE	   0x0c000000ull
#define GUEST_PLIC_SIZE	   0x600000ull
#define GUEST_PLIC_SOURCES 31u /* 1 to 31 */

/* vcpus of one guest; ids 0 to 63 are the guest's hart ids. */
#define GUEST_VCPUS_MAX 64u
