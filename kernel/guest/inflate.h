/*
 * Unpacking gzip (RFC 1952) by zlib's inflateBack(), compiled unmodified from
 * the source that set-up fetches: the best kept inflate there is, and the one
 * of its interfaces that takes no heap, needs no room for the whole output and
 * keeps no state of its own, so that guests may be started on several harts.
 */
#pragma once

#include <stdint.h>

/* Bytes of scratch memory: zlib's state, its window, a table for the CRC. */
#define INFLATE_WORK 0xc000u

/* Takes the next bytes that come out. 0 to go on; -errno ends the unpacking. */
typedef int inflate_sink(void *arg, const void *data, uint64_t size);

/*
 * Unpack the @size bytes of gzip at @src, one member or several, into @sink,
 * in pieces of at most 32 KiB. @work is INFLATE_WORK bytes, 8-byte aligned.
 * Returns 0 when all was unpacked and every check sum is right; -EBADMSG with
 * a static text in @why: it is damaged or cut short, what came out before is
 * not to be trusted; or what @sink returned, @why is NULL then.
 */
int inflate_gzip(const void *src, uint64_t size, void *work, inflate_sink *sink,
		 void *arg, const char **why);
