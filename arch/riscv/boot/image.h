/* Places in the image that kernel.lds names; arrays so that only their
 * addresses can be used. */
#pragma once

extern char _start[], text_start[], text_end[], rodata_start[], rodata_end[],
	data_start[], data_end[], bss_start[], bss_end[], boot_guard[],
	boot_emergency[], boot_emergency_top[], boot_stack[], boot_stack_top[],
	fdt_buffer[], image_end[], rela_start[], rela_end[], tls_start[],
	tls_end[], boot_block[];
