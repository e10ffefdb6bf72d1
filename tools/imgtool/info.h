/* What `imgtool info` prints. */
#pragma once

#include <stdio.h>

#include "tools/imgtool/blob.h"

/*
 * Prints what is known about the Image, and what is wrong with it. Returns the
 * number of problems: reasons for which a loader refuses or wrongly loads it,
 * or it would not start; 0 for a good one. Takes any bytes.
 */
unsigned info_print(FILE *out, const char *name, const struct blob *image);
