/*
 * The SiFive UART (FU540-C000 manual, chapter "UART"; Linux binding
 * serial/sifive-serial.yaml).
 */
#pragma once

#include "kernel/driver.h"

extern const struct driver uart_sifive_driver;
