/*
 * The platform-level interrupt controller (RISC-V PLIC specification 1.0;
 * Linux binding interrupt-controller/sifive,plic-1.0.0.yaml).
 */
#pragma once

#include "kernel/driver.h"

extern const struct driver plic_driver;
