/* Words for error numbers. */
#pragma once

/*
 * What a negative errno means to the operator: lower case, no full stop.
 * Covers those the kernel uses ("error" for others): the C library's own
 * table of all errors would be as large as the page allocator.
 */
const char *error_text(int error);
