/*
 * Settles the guest's view of a hart. An extension that a hypervisor CSR must
 * switch on is offered only where the bit stuck; the SiFive P550 has H without
 * henvcfg and senvcfg, then none of these are. Extensions without state of
 * their own pass through by name. Source: Privileged Architecture, henvcfg.
 */
#include "arch/riscv/guest/offer.h"

#include <stdio.h>

#include "lib/addr.h"

#define CBIE_MASK  (3ull << 4)
#define CBIE_FLUSH (1ull << 4)
#define CBCFE	   (1ull << 6)
#define CBZE	   (1ull << 7)
#define ADUE	   (1ull << 61)
#define PBMTE	   (1ull << 62)
#define STCE	   (1ull << 63)

/*
 * cbo.inval performs a flush: it could else bring back what lay in memory
 * before we zeroed it for this guest.
 */
const uint64_t offer_henvcfg_wanted =
	CBIE_FLUSH | CBCFE | CBZE | ADUE | PBMTE | STCE;

/* User-level or hint-like: they need nobody's leave and hold no state. */
static const char *const passed[] = {
	"zicond", "zihintntl", "zihintpause", "zimop",	 "zawrs",   "zba",
	"zbb",	  "zbc",       "zbs",	      "svinval", "svnapot",
};

void offer_settle(const struct offer_probe *probe, struct offer *out)
{
	uint64_t env = probe->has_henvcfg ? probe->henvcfg : 0;

	*out = (struct offer){
		.has_henvcfg = probe->has_henvcfg,
		.has_senvcfg = probe->has_senvcfg,
		.has_sstateen0 = probe->has_hstateen0 && probe->has_sstateen0,
		.sstc = (env & STCE) && probe->vstimecmp &&
			probe->listed("sstc"),
		.fp = probe->fcsr && probe->listed("f") && probe->listed("d"),
		.cbom = (env & CBCFE) && (env & CBIE_MASK) == CBIE_FLUSH &&
			probe->cbom_size && probe->listed("zicbom"),
		.cboz = (env & CBZE) && probe->cboz_size &&
			probe->listed("zicboz"),
		.svpbmt = (env & PBMTE) && probe->listed("svpbmt"),
	};
	out->vector = out->fp && probe->vlenb && probe->listed("v");
	/* What is not offered stays off, whatever stuck. */
	out->henvcfg = (out->sstc ? STCE : 0) | (out->svpbmt ? PBMTE : 0) |
		(out->cbom ? CBCFE | CBIE_FLUSH : 0) | (out->cboz ? CBZE : 0) |
		(env & ADUE);
}

/* Append "_word"; @at moves on, past @room when it did not fit. */
static void isa_add(char *buf, size_t room, size_t *at, const char *word)
{
	if (*at < room)
		*at += snprintf(buf + *at, room - *at, "_%s", word);
}

int offer_isa(const struct offer *offer, bool (*listed)(const char *extension),
	      char *buf, size_t room)
{
	size_t at;
	unsigned i;

	at = snprintf(buf, room, "rv64ima%sc%s", offer->fp ? "fd" : "",
		      offer->vector ? "v" : "");
	isa_add(buf, room, &at, "zicntr");
	isa_add(buf, room, &at, "zicsr");
	isa_add(buf, room, &at, "zifencei");
	if (offer->cbom)
		isa_add(buf, room, &at, "zicbom");
	if (offer->cboz)
		isa_add(buf, room, &at, "zicboz");
	for (i = 0; i < ARRAY_SIZE(passed); i++)
		if (listed(passed[i]))
			isa_add(buf, room, &at, passed[i]);
	if (offer->sstc)
		isa_add(buf, room, &at, "sstc");
	if (offer->svpbmt)
		isa_add(buf, room, &at, "svpbmt");
	return at < room ? (int)at : -1;
}
