/*
 * The advanced platform-level interrupt controller (AIA 1.0, chapter 4; Linux
 * binding interrupt-controller/riscv,aplic.yaml): a supervisor-level domain
 * that delivers to this hart, directly or by messages to its IMSIC.
 */
#pragma once

#include "kernel/driver.h"

extern const struct driver aplic_driver;
