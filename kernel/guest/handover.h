/*
 * Giving the machine to a guest (docs/guest.md, "Handover"): everything that
 * can fail is done by handover_prepare(), while all goes on as before.
 */
#pragma once

#include <stdint.h>

#include "kernel/guest/config.h"
#include "kernel/guest/loader.h"
#include "lib/range.h"

struct handover;

/*
 * Make ready to give the machine to the guest @config of the bundle that lies
 * at @bundle in physical memory: its Image checked and unpacked, places found,
 * the tree written, the other harts looked at. The guest's memory and vcpus
 * do not matter. 0, or with @error set: -ENOEXEC, -EBADMSG the Image is not
 * good; -ENOSPC something does not fit; -ENOMEM no memory to prepare it in;
 * -ENOTSUP a hart cannot be parked. Nothing is left behind then.
 */
int handover_prepare(const struct guest_config *config,
		     const struct range *bundle, struct handover **out,
		     struct loader_error *error);

/* Where its Image will start. */
pa_t handover_image(const struct handover *h);

/* Boot hart, no vcpu loaded anywhere: the machine is the guest's. */
_Noreturn void handover_go(struct handover *h);
