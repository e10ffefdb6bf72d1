/*
 * The bootargs: words separated by white space, `key` or `key=value`, where
 * double quotes keep white space together and are not part of the value, as in
 * Linux: a="b c" and "a=b c" mean the same. Words nobody asks for are left
 * alone. Where a key is given more than once the last one counts. Functions
 * take the text and keep nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Is @key there as a word of its own, or with a value? */
bool cmdline_has(const char *args, const char *key);

/*
 * The value of @key into @buf, terminated. Returns its length; -ENOENT no
 * `key=`; -ENAMETOOLONG it does not fit (@buf then holds its beginning).
 */
int cmdline_value(const char *args, const char *key, char *buf, size_t len);

/*
 * The value of @key as a number: decimal, 0x hexadecimal, with an optional
 * K, M or G (times 1024). -ENOENT no `key=`; -EINVAL no number or junk behind
 * it; -ERANGE more than 64 bits.
 */
int cmdline_u64(const char *args, const char *key, uint64_t *out);

/* Read such a number from the whole of @text; -EINVAL, -ERANGE. */
int cmdline_number(const char *text, uint64_t *out);
