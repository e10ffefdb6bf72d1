/* Housekeeping: disk watermark, retention, deadlines of waiting jobs. */
#pragma once

#include "tools/lab/config.h"

/* Starts the timers. */
void keep_init(const struct config *c);
void keep_exit(void);
