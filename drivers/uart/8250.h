/*
 * The 8250 family: NS16550A and its kin (TI/NSC PC16550D data sheet), and
 * Synopsys DesignWare APB UARTs (DW_apb_uart databook). Register distance,
 * access width and offset come from the device tree (Linux bindings
 * serial/8250.yaml, serial/snps-dw-apb-uart.yaml).
 */
#pragma once

#include "kernel/driver.h"

extern const struct driver uart_8250_driver;
