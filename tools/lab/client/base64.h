#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * base64_decode() - the bytes that @len characters at @src stand for.
 *
 * RFC 4648 section 4: the standard alphabet, padding required, no white space
 * and no bits set beyond the last byte (section 3.5), so that one run of bytes
 * has one form. @dst has room for @len / 4 * 3 bytes; it may be @src itself.
 * Returns how many bytes were written, or -EINVAL.
 */
ssize_t base64_decode(const char *src, size_t len, uint8_t *dst);
